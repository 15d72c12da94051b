package bench

import (
	"context"
	"flag"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/traffic"
)

var (
	scoreFor    = flag.Duration("score", 0, "run TestScoreLatency for so long")
	scoreRate   = flag.Float64("score-rate", 20_000, "events per second of TestScoreLatency")
	scoreStages = flag.String("score-stages", "score;all", "the stages that run in TestScoreLatency, one run each, such as score;ingest,sync,score;all")
)

// The goals of scoring under load.
const (
	scoreGoal       = time.Second // from produce to a visible row, 99 of 100
	scoreMemoryGoal = 512 << 20   // resident, bytes
)

// TestScoreLatency produces events at a fixed rate into a running Millrace and
// looks every 20 ms which purchases have their row in fraud_scores. A row's
// latency is from just before its event was given to the producer to the look
// that found it. It does so with the scoring alone, and with every stage on the
// same machine: then the events are stored as well, and their number is checked.
func TestScoreLatency(t *testing.T) {
	if *scoreFor == 0 {
		t.Skip("takes its time: run it with -score 30s, or as `make bench-score`")
	}
	for _, stages := range strings.Split(*scoreStages, ";") {
		t.Run(stages, func(t *testing.T) { measureScoring(t, stages) })
	}
}

// measureScoring measures with the stages of one process; "all" are all of them.
func measureScoring(t *testing.T, stages string) {
	var args []string
	if stages != "all" {
		args = []string{"--stages", stages}
	}
	system := startMillrace(t, t.TempDir(), args...)
	sent := &sentPurchases{at: map[string]time.Time{}}
	looking, stopLooking := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() { sent.watch(looking, t, system.Postgres) })
	before, err := processorTime(system.pid)
	if err != nil {
		t.Fatal(err)
	}
	took, events := sent.produce(t, system.Kafka)
	after, _ := processorTime(system.pid)
	sent.awaitAll(t)
	stopLooking()
	watch.Wait()
	if stages == "all" {
		all := strconv.Itoa(events) // each has its own id, so none may come twice either
		await(t, "every event is stored", func() bool { return strings.TrimSpace(system.store().must(t, "SELECT count() FROM events")) == all })
	}
	memory, err := peakMemory(system.pid)
	if err != nil {
		t.Fatal(err)
	}
	rate := float64(events) / took.Seconds()
	slices.Sort(sent.latency)
	quantile := func(q float64) time.Duration {
		return sent.latency[int(q*float64(len(sent.latency)-1))].Round(time.Millisecond)
	}
	t.Logf("\n%s\n%d events in %v (%.0f/s), stages %s, %d purchases\n\n| event to row | median | p90 | p99 | slowest |\n|---|--:|--:|--:|--:|\n| | %v | %v | %v | %v |\n\n"+
		"process: %.2f cores, %.2f µs of processor per event, %d MiB resident at most",
		machine(), events, took.Round(time.Millisecond), rate, stages, len(sent.latency), quantile(0.5), quantile(0.9), quantile(0.99), quantile(1),
		(after-before).Seconds()/took.Seconds(), float64((after-before).Microseconds())/float64(events), memory>>20)
	if rate < 0.95**scoreRate {
		t.Errorf("only %.0f events/s were produced, %.0f were asked for: the machine is too busy to measure", rate, *scoreRate)
	}
	if p99 := quantile(0.99); p99 > scoreGoal {
		t.Errorf("p99 is %v, the goal is %v", p99, scoreGoal)
	}
	if stages == "score" && memory > scoreMemoryGoal {
		t.Errorf("%d MiB resident, the goal is %d", memory>>20, scoreMemoryGoal>>20)
	}
}

// sentPurchases are those whose row was not seen yet, and how long the others took.
type sentPurchases struct {
	mu      sync.Mutex
	at      map[string]time.Time
	latency []time.Duration
}

// produce sends events at the rate, and returns how long that took and how many
// they were.
func (s *sentPurchases) produce(t *testing.T, broker string) (took time.Duration, events int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("events"), kgo.ProducerLinger(2*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	cfg := traffic.DefaultConfig()
	cfg.Users, cfg.Rate, cfg.LateShare, cfg.DuplicateShare = 20_000, *scoreRate, 0, 0
	g, err := traffic.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < *scoreFor {
		due := int(time.Since(began).Seconds() * *scoreRate)
		for ; events < due; events++ {
			now := time.Now()
			ev, _ := g.Next(now)
			if ev.Type == "purchase" {
				s.mu.Lock()
				s.at[ev.ID] = now
				s.mu.Unlock()
			}
			client.Produce(t.Context(), &kgo.Record{Key: []byte(ev.Key()), Value: ev.AppendJSON(nil)}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		<-tick.C
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return time.Since(began), events
}

// watch looks for new rows until ctx ends.
func (s *sentPurchases) watch(ctx context.Context, t *testing.T, address string) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	const overlap = 3 * time.Second // a row is visible a moment after it was written
	last := time.Now()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		from := last.Add(-overlap)
		if last = time.Now(); n%100 == 99 { // what took unusually long is found by a look at all
			from = time.Time{}
		}
		rows, err := conn.Query(ctx, "SELECT event_id FROM fraud_scores WHERE scored_at > $1", from)
		if err != nil {
			if ctx.Err() == nil {
				t.Error(err)
			}
			return
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return
		}
		s.seen(ids, time.Now())
	}
}

func (s *sentPurchases) seen(ids []string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if sent, waiting := s.at[id]; waiting {
			s.latency = append(s.latency, at.Sub(sent))
			delete(s.at, id)
		}
	}
}

// awaitAll waits until each purchase has its row.
func (s *sentPurchases) awaitAll(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		s.mu.Lock()
		waiting := len(s.at)
		s.mu.Unlock()
		if waiting == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d purchases have no row after a minute", waiting)
		}
	}
}

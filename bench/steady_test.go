package bench

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/traffic"
)

var (
	steadyFor    = flag.Duration("steady", 0, "run TestSteady for so long; an hour shows how parts and freshness settle")
	steadyRate   = flag.Float64("steady-rate", 12, "events per second of TestSteady")
	steadyBinary = flag.String("millrace", filepath.Join("..", "bin", "millrace"), "the program that TestSteady starts")
)

// The goals of steady traffic.
const (
	freshGoal = 2 * time.Second
	partsGoal = 30 // active parts of the raw table
)

// TestSteady sends a trickle of events to a whole `millrace up` in real time,
// and looks once a second how old the oldest event is that cannot be queried
// yet, and of how many parts each table consists.
func TestSteady(t *testing.T) {
	if *steadyFor == 0 {
		t.Skip("takes its time: run it with -steady 1h, or as `make bench-steady`")
	}
	system := startMillrace(t, t.TempDir())
	sent := &sentRecords{unseen: map[int32][]sentRecord{}}
	ctx, stop := context.WithTimeout(t.Context(), *steadyFor)
	defer stop()
	var producing sync.WaitGroup
	producing.Go(func() { sent.produce(ctx, t, system.Kafka) })
	report := newSteadyReport()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			report.look(t, system.store(), sent)
		}
	}
	producing.Wait()
	report.print(t, sent)
	report.judge(t)
}

// sentRecords are the records that the broker has acknowledged.
type sentRecords struct {
	mu     sync.Mutex
	count  int
	failed int
	unseen map[int32][]sentRecord // by partition, in the order of their offsets
}

type sentRecord struct {
	offset int64
	at     time.Time // when the broker had it
}

// produce sends events at an even pace until ctx ends.
func (s *sentRecords) produce(ctx context.Context, t *testing.T, broker string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("events"), kgo.ProducerLinger(0))
	if err != nil {
		t.Error(err)
		return
	}
	defer client.Close()
	cfg := traffic.DefaultConfig()
	cfg.Users, cfg.Rate, cfg.DuplicateShare = 5000, *steadyRate, 0 // each record becomes a row
	events, err := traffic.New(cfg)
	if err != nil {
		t.Error(err)
		return
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / *steadyRate))
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case at := <-tick.C:
			ev, _ := events.Next(at)
			// Outlives ctx, so that what was begun is counted.
			client.Produce(context.WithoutCancel(ctx), &kgo.Record{Key: []byte(ev.UserID), Value: ev.AppendJSON(nil)}, s.acknowledged)
		}
	}
	_ = client.Flush(context.WithoutCancel(ctx))
}

func (s *sentRecords) acknowledged(r *kgo.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed++
		return
	}
	s.count++
	s.unseen[r.Partition] = append(s.unseen[r.Partition], sentRecord{r.Offset, time.Now()})
}

// oldestUnseen is how long ago the oldest record was acknowledged that the
// store did not have at the instant of the look; seen are the offsets it had.
func (s *sentRecords) oldestUnseen(at time.Time, seen map[int32]int64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := time.Duration(0)
	for partition, records := range s.unseen {
		last, known := seen[partition]
		for known && len(records) > 0 && records[0].offset <= last {
			records = records[1:]
		}
		s.unseen[partition] = records
		if len(records) > 0 {
			oldest = max(oldest, at.Sub(records[0].at))
		}
	}
	return oldest
}

// steadyReport collects what the looks show.
type steadyReport struct {
	fresh   []time.Duration
	parts   map[string][]int
	failed  int
	started time.Time
}

func newSteadyReport() *steadyReport {
	return &steadyReport{parts: map[string][]int{}, started: time.Now()}
}

// look asks the store once.
func (r *steadyReport) look(t *testing.T, s store, sent *sentRecords) {
	at := time.Now() // before asking: what lands meanwhile counts as seen
	offsets, err := s.ask("SELECT kafka_partition, max(kafka_offset) FROM events WHERE kafka_topic = 'events' GROUP BY 1 FORMAT JSONCompactEachRow SETTINGS output_format_json_quote_64bit_integers = 0")
	var parts string
	if err == nil {
		parts, err = s.ask("SELECT table, count() FROM system.parts WHERE active AND database = currentDatabase() GROUP BY 1 FORMAT TSV")
	}
	seen, decoded := rows[[2]int64](offsets)
	if err != nil || decoded != nil {
		r.failed++
		t.Logf("look failed: %v %v", err, decoded)
		return
	}
	last := map[int32]int64{}
	for _, row := range seen {
		last[int32(row[0])] = row[1]
	}
	r.fresh = append(r.fresh, sent.oldestUnseen(at, last))
	for line := range strings.Lines(parts) {
		var table string
		var n int
		if _, err := fmt.Sscan(line, &table, &n); err == nil {
			r.parts[table] = append(r.parts[table], n)
		}
	}
	if len(r.fresh)%600 == 0 {
		r.print(t, sent)
	}
}

// print shows the figures so far, as Markdown.
func (r *steadyReport) print(t *testing.T, sent *sentRecords) {
	sent.mu.Lock()
	count, failed := sent.count, sent.failed
	sent.mu.Unlock()
	if len(r.fresh) == 0 {
		t.Fatal("not one look succeeded")
	}
	over := 0
	for _, age := range r.fresh {
		if age > freshGoal {
			over++
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v, %d events sent, %d failed; %d looks, %d failed\n\n", time.Since(r.started).Round(time.Second), count, failed, len(r.fresh), r.failed)
	fmt.Fprintf(&b, "| age of the oldest event not visible | median | p99 | max | looks above %v |\n|---|---|---|---|---|\n| | %v | %v | %v | %d |\n\n",
		freshGoal, r.quantile(0.5), r.quantile(0.99), r.quantile(1), over)
	b.WriteString("| active parts | median | max | at the end |\n|---|---|---|---|\n")
	for _, table := range slices.Sorted(maps.Keys(r.parts)) {
		n := r.parts[table]
		sorted := slices.Sorted(slices.Values(n))
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", table, sorted[len(sorted)/2], sorted[len(sorted)-1], n[len(n)-1])
	}
	t.Log("\n" + b.String())
}

// judge holds the figures against the goals.
func (r *steadyReport) judge(t *testing.T) {
	if parts := r.parts["events"]; len(parts) == 0 || slices.Max(parts) > partsGoal {
		t.Errorf("the raw table had up to %d parts, the goal is %d", slices.Max(append(parts, 0)), partsGoal)
	}
	if p99 := r.quantile(0.99); p99 > freshGoal {
		t.Errorf("one look in a hundred found events unseen for %v or longer, the goal is %v", p99, freshGoal)
	}
}

// quantile is how old the oldest unseen event was, at most, in so large a share
// of the looks.
func (r *steadyReport) quantile(q float64) time.Duration {
	fresh := slices.Sorted(slices.Values(r.fresh))
	return fresh[int(q*float64(len(fresh)-1))].Round(time.Millisecond)
}

package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/event"
)

func TestBackfillGivesWayToLiveTraffic(t *testing.T) {
	rule := backfillRule{behind: 3 * time.Second, share: 0.1}
	for _, tc := range []struct {
		name                  string
		liveAge, took, rested time.Duration
		want                  bool
	}{
		{"live is fresh", time.Second, time.Minute, 0, true},
		{"live is just fresh enough", 3 * time.Second, time.Second, 0, true},
		{"live is late, nothing was written yet", time.Hour, 0, 0, true},
		{"live is late, no rest yet", 4 * time.Second, time.Second, 0, false},
		{"live is late, nine tenths not over", 4 * time.Second, time.Second, 8999 * time.Millisecond, false},
		{"live is late, nine tenths are over", 4 * time.Second, time.Second, 9 * time.Second, true},
		{"the last block took very long", time.Hour, time.Hour, longestRest - time.Second, false},
		{"so that not even a stuck partition stops it", time.Hour, time.Hour, longestRest, true},
	} {
		if got := rule.mayWrite(tc.liveAge, tc.took, tc.rested); got != tc.want {
			t.Errorf("%s: may write %v, want %v", tc.name, got, tc.want)
		}
	}
	all := backfillRule{behind: time.Second, share: 1}
	if !all.mayWrite(time.Hour, time.Hour, 0) {
		t.Error("a share of 1 rests")
	}
}

// liveFunc is Live as a function.
type liveFunc func() (time.Time, bool)

func (f liveFunc) StoredUntil() (time.Time, bool) { return f() }

// liveAlways is as late as it says.
func liveAlways(age time.Duration) Live {
	return liveFunc(func() (time.Time, bool) { return time.Now().Add(-age), true })
}

// Partitions of the backfill that write as often as they may have the store for
// their share of the time, all together, and each as often as the others.
func TestBackfillTakesItsShareOfTheTime(t *testing.T) {
	for _, tc := range []struct {
		live       Live
		least, max int // writes of one second, in 100 seconds
	}{
		{liveAlways(time.Hour), 9, 13},
		{liveFunc(func() (time.Time, bool) { return time.Time{}, false }), 9, 13},
		{liveAlways(time.Second), 99, 103}, // each may have one under way at the end
	} {
		synctest.Test(t, func(t *testing.T) {
			turns := newTurns(backfillRule{behind: 3 * time.Second, share: 0.1}, tc.live, prometheus.NewCounter(prometheus.CounterOpts{Name: "held"}))
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
			defer cancel()
			writes := make([]int, 3)
			var writing sync.WaitGroup
			for i := range writes {
				writing.Go(func() {
					for {
						end, ok := turns.take(ctx, nil)
						if !ok {
							return
						}
						<-time.After(time.Second) // the write, in fake time
						writes[i]++
						end()
					}
				})
			}
			writing.Wait()
			total := writes[0] + writes[1] + writes[2]
			if total < tc.least || total > tc.max {
				t.Errorf("%d writes, want %d to %d", total, tc.least, tc.max)
			}
			for _, n := range writes {
				if n < total/3-2 || n > total/3+3 {
					t.Errorf("the partitions wrote %v times, want the same", writes)
				}
			}
		})
	}
}

func TestStoppingWaitsForNoTurn(t *testing.T) {
	turns := newTurns(backfillRule{behind: time.Second, share: 0.01}, liveAlways(time.Hour), prometheus.NewCounter(prometheus.CounterOpts{Name: "held"}))
	end, ok := turns.take(t.Context(), nil)
	if !ok {
		t.Fatal("the first turn was refused")
	}
	stopping := make(chan struct{})
	close(stopping)
	if _, ok := turns.take(t.Context(), stopping); !ok {
		t.Error("a partition that is stopping was kept waiting")
	}
	end()
}

// backfillConfig reads both topics of a broker that has them.
func backfillConfig(t *testing.T, partitions int32) Config {
	t.Helper()
	cfg := testConfig(broker(t, partitions))
	cfg.Backfill = BackfillTopic
	if err := EnsureTopic(t.Context(), cfg.Brokers, BackfillTopic, partitions); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// publishBackfill writes the records to the backfill topic.
func publishBackfill(t *testing.T, brokers []string, records ...Record) {
	t.Helper()
	cfg := DefaultProducerConfig()
	cfg.Brokers, cfg.Topic = brokers, BackfillTopic
	producer, err := NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.Publish(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

func consumeBoth(t *testing.T, cfg Config, sink Sink, live Live) (stop func()) {
	t.Helper()
	consumer, err := NewConsumer(cfg, Deps{Sink: sink, Live: live, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return runConsumer(t, consumer)
}

// byTopic counts rows of each topic.
type byTopic struct {
	*recorder
	topics map[string]int
}

func (s *byTopic) Write(ctx context.Context, b *event.Batch, token string) error {
	s.mu.Lock()
	if s.tokens[token] == 0 {
		s.topics[b.KafkaTopic.At(0)] += b.Len()
	}
	s.mu.Unlock()
	return s.recorder.Write(ctx, b, token)
}

func TestBothTopicsAreStoredOnce(t *testing.T) {
	cfg := backfillConfig(t, 2)
	cfg.MaxRows = 20
	var live, history []Record
	for n := range 500 {
		live = append(live, record(fmt.Sprintf("u%d", n%17), n))
		history = append(history, record(fmt.Sprintf("old%d", n%17), n))
	}
	publish(t, cfg.Brokers, live...)
	publishBackfill(t, cfg.Brokers, history...)
	sink := &byTopic{newRecorder(), map[string]int{}}
	for _, enough := range []int{300, 700, 1000} { // and members come and go
		stop := consumeBoth(t, cfg, sink, liveAlways(0))
		sink.await(t, "rows of both topics", func() bool { return len(sink.rows) >= enough })
		stop()
	}
	seen := map[string]bool{}
	for _, row := range sink.rows {
		seen[row.id] = true
	}
	if len(seen) != 1000 || len(sink.rows) != 1000 || sink.topics["events"] != 500 || sink.topics[BackfillTopic] != 500 {
		t.Errorf("%d different events in %d rows, by topic %v; want 1000, 1000 and 500 each", len(seen), len(sink.rows), sink.topics)
	}
}

// While live traffic is late, the backfill writes one block and rests; live
// traffic is not held up by it.
func TestLiveTrafficIsStoredFirst(t *testing.T) {
	cfg := backfillConfig(t, 1)
	cfg.MaxRows, cfg.BackfillShare = 10, 1e-6
	var live, history []Record
	for n := range 500 {
		live = append(live, record("u", n))
		history = append(history, record("old", n))
	}
	publishBackfill(t, cfg.Brokers, history...)
	sink := &byTopic{newRecorder(), map[string]int{}}
	late := time.Hour
	stop := consumeBoth(t, cfg, sink, liveFunc(func() (time.Time, bool) { // called by whoever has the turn
		sink.mu.Lock()
		defer sink.mu.Unlock()
		return time.Now().Add(-late), true
	}))
	sink.await(t, "the first block of the backfill", func() bool { return sink.topics[BackfillTopic] > 0 })
	publish(t, cfg.Brokers, live...)
	sink.await(t, "all live events", func() bool { return sink.topics["events"] == 500 })
	sink.mu.Lock()
	if got := sink.topics[BackfillTopic]; got > cfg.MaxRows {
		t.Errorf("the backfill wrote %d rows while live traffic was late, want one block of %d", got, cfg.MaxRows)
	}
	late = 0
	sink.mu.Unlock()
	sink.await(t, "the backfill", func() bool { return sink.topics[BackfillTopic] == 500 })
	stop()
}

// A partition with much history does not keep one with little waiting.
func TestAHotPartitionOfTheBackfillDoesNotStarveAnother(t *testing.T) {
	cfg := backfillConfig(t, 2)
	cfg.MaxRows = 10
	var hot, cold []Record
	for n := 0; len(hot) < 3000 || len(cold) < 20; n++ {
		r := record(fmt.Sprintf("u%d", n), n)
		if partitionOf(r.Key, 2) == 0 {
			hot = append(hot, r)
		} else if len(cold) < 20 {
			cold = append(cold, r)
		}
	}
	publishBackfill(t, cfg.Brokers, append(cold, hot...)...)
	sink := newRecorder()
	stop := consumeBoth(t, cfg, sink, liveAlways(0))
	sink.await(t, "everything", func() bool { return len(sink.rows) >= len(hot)+len(cold) })
	stop()
	last := 0
	for i, row := range sink.rows {
		if row.partition == 1 {
			last = i
		}
	}
	if last > len(sink.rows)/2 {
		t.Errorf("the small partition's last row is number %d of %d", last, len(sink.rows))
	}
}

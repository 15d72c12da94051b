package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/event"
)

// patience is how long a test waits for what takes milliseconds on a machine
// that has nothing else to do.
const patience = time.Minute

// broker starts a Kafka-protocol broker with the topic `events`.
func broker(t *testing.T, partitions int32) []string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "events"))
	if err != nil {
		t.Fatalf("start broker: %v", err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()
}

// testConfig cuts batches quickly.
func testConfig(brokers []string) Config {
	cfg := DefaultConfig()
	cfg.Brokers = brokers
	cfg.MaxAge = 20 * time.Millisecond
	cfg.RetryMin, cfg.RetryMax = time.Millisecond, 5*time.Millisecond
	return cfg
}

// record is an event of a user; n makes it distinct.
func record(user string, n int) Record {
	return Record{Key: []byte(user), Value: fmt.Appendf(nil,
		`{"event_id":"%s-%d","type":"view","user_id":"%s","timestamp":"2026-01-02T03:04:05.678Z"}`, user, n, user)}
}

// publish writes the records and waits for the broker.
func publish(t *testing.T, brokers []string, records ...Record) {
	t.Helper()
	cfg := DefaultProducerConfig()
	cfg.Brokers = brokers
	producer, err := NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.Publish(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

func newTestConsumer(t *testing.T, cfg Config, sink Sink) *Consumer {
	t.Helper()
	consumer, err := NewConsumer(cfg, Deps{Sink: sink, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return consumer
}

// consume runs a consumer in the background. The returned function stops it
// and waits; it may be called more than once.
func consume(t *testing.T, cfg Config, sink Sink) (stop func()) {
	t.Helper()
	return runConsumer(t, newTestConsumer(t, cfg, sink))
}

func runConsumer(t *testing.T, consumer *Consumer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- consumer.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("consumer: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// committed are the group's offsets.
func committed(t *testing.T, cfg Config) map[int32]int64 {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fetched, err := kadm.NewClient(client).FetchOffsets(t.Context(), cfg.Group)
	if err != nil {
		t.Fatal(err)
	}
	offsets := map[int32]int64{}
	fetched.Each(func(o kadm.OffsetResponse) { offsets[o.Partition] = o.At })
	return offsets
}

// storedRow is what the recording sink keeps of an event.
type storedRow struct {
	id        string
	user      string
	partition int32
	offset    int64
}

// recorder is a sink in memory. It drops tokens it has stored, as the store does.
type recorder struct {
	fail func(attempt int, token string) error // nil: never

	mu       sync.Mutex
	attempts int
	tokens   map[string]int   // rows by token
	sealed   map[string]int64 // the instant that came with each token
	unsteady []string         // tokens that came with different instants
	sent     []string         // every token, repeats included
	rows     []storedRow
	letters  []event.DeadLetter
	changed  chan struct{} // closed and replaced at each change
}

func newRecorder() *recorder {
	return &recorder{tokens: map[string]int{}, sealed: map[string]int64{}, changed: make(chan struct{})}
}

func (r *recorder) Write(_ context.Context, b *event.Batch, token string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts++
	r.sent = append(r.sent, token)
	if was, seen := r.sealed[token]; b.SealedAt == 0 || seen && was != b.SealedAt {
		r.unsteady = append(r.unsteady, token)
	}
	r.sealed[token] = b.SealedAt
	if r.fail != nil {
		if err := r.fail(r.attempts, token); err != nil {
			return err
		}
	}
	if _, seen := r.tokens[token]; seen {
		return nil
	}
	r.tokens[token] = b.Len()
	for i := range b.Len() {
		r.rows = append(r.rows, storedRow{
			id: string([]byte(b.EventID.At(i))), user: string([]byte(b.UserID.At(i))), // the batch takes its text back
			partition: b.KafkaPartition[i], offset: b.KafkaOffset[i],
		})
	}
	r.announce()
	return nil
}

func (r *recorder) WriteDeadLetters(_ context.Context, letters []event.DeadLetter, _ string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.letters = append(r.letters, letters...)
	r.announce()
	return nil
}

// note keeps a token that was sent and refused.
func (r *recorder) note(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts++
	r.sent = append(r.sent, token)
}

// announce wakes who waits. The caller holds the lock.
func (r *recorder) announce() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// await blocks until condition holds; it is called under the lock. Every try of
// a block must have come with the same instant by then.
func (r *recorder) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.unsteady) > 0 {
			t.Errorf("blocks that were not sealed at one instant: %v", r.unsteady)
		}
	}()
	deadline := time.After(patience)
	for {
		r.mu.Lock()
		met, changed := condition(), r.changed
		r.mu.Unlock()
		if met {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			r.mu.Lock()
			defer r.mu.Unlock()
			t.Fatalf("waited too long for %s: %d rows, %d dead letters, %d attempts", what, len(r.rows), len(r.letters), r.attempts)
		}
	}
}

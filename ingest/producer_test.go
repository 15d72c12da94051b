package ingest

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// partitionOf is where Kafka's standard partitioner puts a key.
func partitionOf(key []byte, partitions int) int {
	return kgo.StickyKeyPartitioner(nil).ForTopic("events").Partition(&kgo.Record{Key: key}, partitions)
}

// contextOf is the test's context with a cancel of its own.
func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

// eventually looks again until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited too long until %s", what)
		}
	}
}

func containsFold(s, sub string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(sub))
}

func TestPublishFailsInTimeWhenTheBrokerIsAway(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := nobody.Addr().String()
	nobody.Close()
	cfg := DefaultProducerConfig()
	cfg.Brokers, cfg.Timeout = []string{address}, time.Second
	producer, err := NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := producer.Publish(ctx, []Record{record("a", 1)}); err == nil {
		t.Fatal("published to nobody")
	}
	if ctx.Err() != nil {
		t.Error("the producer's own timeout did not end the attempt")
	}
}

func TestPublishAsyncReportsEachRecord(t *testing.T) {
	brokers := broker(t, 3)
	cfg := DefaultProducerConfig()
	cfg.Brokers = brokers
	producer, err := NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	outcomes := make(chan error, 100)
	for n := range 100 {
		producer.PublishAsync(t.Context(), record("a", n), func(err error) { outcomes <- err })
	}
	if err := producer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(outcomes) != 100 {
		t.Errorf("%d outcomes after Flush, want 100", len(outcomes))
	}
	for range len(outcomes) {
		if err := <-outcomes; err != nil {
			t.Error(err)
		}
	}
}

func TestEnsureTopicLeavesAnExistingTopicAlone(t *testing.T) {
	brokers := broker(t, 3)
	if err := EnsureTopic(t.Context(), brokers, "events", 8); err != nil {
		t.Fatal(err)
	}
	if err := EnsureTopic(t.Context(), brokers, "fresh", 2); err != nil {
		t.Fatal(err)
	}
	if err := EnsureTopic(t.Context(), brokers, "fresh", 2); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

package ingest

import (
	"slices"
	"sync"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Whatever the poll loop and the worker do at the same moment, a partition is
// paused while its queue is full and goes on once it is empty.
func TestAPausedPartitionAlwaysGoesOn(t *testing.T) {
	paused := 0 // guarded by the queue
	q := newQueue(1000, func() { paused++ }, func() { paused-- })
	var working sync.WaitGroup
	const puts = 20_000
	working.Go(func() {
		for range puts {
			q.put([]*kgo.Record{{Value: make([]byte, 700)}})
		}
	})
	taken := 0
	for taken < puts {
		<-q.ready
		taken += len(q.take(nil))
		q.settle()
	}
	working.Wait()
	q.settle()
	if paused != 0 || q.paused {
		t.Errorf("%d pauses are left, paused %v", paused, q.paused)
	}
}

func TestQueuePausesUntilWhatWasTakenIsInBlocks(t *testing.T) {
	paused := 0
	q := newQueue(1000, func() { paused++ }, func() { paused-- })
	put := func(bytes int) { q.put([]*kgo.Record{{Value: make([]byte, bytes)}}) }
	put(500)
	if paused != 0 {
		t.Fatal("paused below the limit")
	}
	put(500)
	if paused != 1 {
		t.Fatal("not paused at the limit")
	}
	q.take(nil)
	put(2000) // the fetch that was under way
	q.settle()
	if paused != 1 {
		t.Error("goes on although the queue is full again")
	}
	q.take(nil)
	q.settle()
	if paused != 0 {
		t.Error("still paused although nothing waits")
	}
}

// While the store does not answer, fetching stops at the queue's bound; it goes
// on when the store does.
func TestFetchingWaitsForTheStore(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	cfg.MaxRows, cfg.MaxQueuedBytes = 10, 64<<10
	var records []Record
	for n := range 5000 {
		records = append(records, record("u", n))
	}
	sink := &gate{recorder: newRecorder(), closed: make(chan struct{})}
	consumer := newTestConsumer(t, cfg, sink)
	stop := runConsumer(t, consumer)
	for chunk := range slices.Chunk(records, 500) { // many fetches
		publish(t, cfg.Brokers, chunk...)
	}
	paused := func() float64 {
		var now dto.Metric
		if err := consumer.metrics.paused.Write(&now); err != nil {
			t.Fatal(err)
		}
		return now.GetGauge().GetValue()
	}
	eventually(t, "fetching is paused", func() bool { return paused() == 1 })
	consumer.mu.Lock()
	held, _ := consumer.partitions[partitionKey{"events", 0}].queue.holds()
	consumer.mu.Unlock()
	if oneFetch := 1000 * (recordBytes + 120); held > cfg.MaxQueuedBytes+oneFetch {
		t.Errorf("%d bytes are queued, want at most %d and a fetch", held, cfg.MaxQueuedBytes)
	}
	close(sink.closed)
	sink.await(t, "all rows", func() bool { return len(sink.rows) >= len(records) })
	eventually(t, "nothing is paused", func() bool { return paused() == 0 })
	stop()
}

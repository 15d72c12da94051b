package ingest

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// queue carries a partition's fetched records from the poll loop to its
// worker. It never blocks the poll loop, which serves every partition: instead
// it says when the partition should pause, and the worker when to resume.
// Polls deliver at most one fetch after a pause, so the bound is soft by that.
type queue struct {
	limit int // bytes at which the partition pauses

	mu     sync.Mutex
	fetch  []*kgo.Record
	bytes  int
	paused bool

	// ready has capacity 1: it says "look at the queue", not how much is there.
	ready chan struct{}
}

// newQueue returns an empty queue that pauses at limit bytes.
func newQueue(limit int) *queue {
	return &queue{limit: limit, ready: make(chan struct{}, 1)}
}

// put adds records and reports whether the partition must pause now.
func (q *queue) put(records []*kgo.Record) (pause bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fetch = append(q.fetch, records...)
	for _, r := range records {
		q.bytes += len(r.Value)
	}
	select {
	case q.ready <- struct{}{}:
	default: // already told
	}
	if q.bytes < q.limit || q.paused {
		return false
	}
	q.paused = true
	return true
}

// take hands over all records, reusing the space of spent, and reports whether
// the partition may resume.
func (q *queue) take(spent []*kgo.Record) (records []*kgo.Record, resume bool) {
	clear(spent)
	q.mu.Lock()
	defer q.mu.Unlock()
	records = q.fetch
	q.fetch, q.bytes = spent[:0], 0
	resume = q.paused
	q.paused = false
	return records, resume
}

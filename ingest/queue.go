package ingest

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// queue carries a partition's fetched records from the poll loop to its
// worker. It never blocks the poll loop, which serves every partition: instead
// it pauses the fetching of its partition, and goes on with it when the worker
// has caught up. Polls deliver at most one fetch after a pause, so the bound is
// soft by that.
type queue struct {
	limit int // bytes at which the partition pauses
	// pause and resume are called with mu held: in any other order than that in
	// which they are decided, a partition could stay paused for ever.
	pause, resume func()

	mu     sync.Mutex
	fetch  []*kgo.Record
	bytes  int
	paused bool

	// ready has capacity 1: it says "look at the queue", not how much is there.
	ready chan struct{}
}

// recordBytes is what a record costs beside its key and value.
const recordBytes = 240

// newQueue returns an empty queue that pauses at limit bytes.
func newQueue(limit int, pause, resume func()) *queue {
	return &queue{limit: limit, pause: pause, resume: resume, ready: make(chan struct{}, 1)}
}

// put adds records, and pauses the partition at the limit.
func (q *queue) put(records []*kgo.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fetch = append(q.fetch, records...)
	for _, r := range records {
		q.bytes += len(r.Key) + len(r.Value) + recordBytes
	}
	select {
	case q.ready <- struct{}{}:
	default: // already told
	}
	if q.bytes >= q.limit && !q.paused {
		q.paused = true
		q.pause()
	}
}

// take hands over all records, reusing the space of spent. A pause goes on
// until settle: what was taken is still in memory.
func (q *queue) take(spent []*kgo.Record) (records []*kgo.Record) {
	clear(spent)
	q.mu.Lock()
	defer q.mu.Unlock()
	records = q.fetch
	q.fetch, q.bytes = spent[:0], 0
	return records
}

// settle says that what was taken is in blocks, and ends a pause.
func (q *queue) settle() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.paused && q.bytes < q.limit {
		q.paused = false
		q.resume()
	}
}

// holds is how much is waiting, and the time of the oldest record, 0 for none.
func (q *queue) holds() (bytes int, oldest int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.fetch) > 0 {
		oldest = q.fetch[0].Timestamp.UnixMilli()
	}
	return q.bytes, oldest
}

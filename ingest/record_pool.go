package ingest

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordPool lends the Kafka client the structs of the records that it fetches.
// Those of a batch come back when the last of them is recycled, which happens
// as soon as they are in a block. What is on loan is bounded by the queues, what
// is idle by idleRecords.
type recordPool struct {
	mu    sync.Mutex
	free  [][]kgo.Record
	known int // records in free
}

// idleRecords are kept for later, at recordBytes each.
const idleRecords = 20_000

// GetRecords implements [kgo.PoolRecords].
func (p *recordPool) GetRecords(n int) []kgo.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.free) - 1
	if last < 0 {
		return make([]kgo.Record, n)
	}
	r := p.free[last]
	p.free, p.known = p.free[:last], p.known-cap(r)
	if cap(r) < n {
		return make([]kgo.Record, n)
	}
	return r[:n]
}

// PutRecords implements [kgo.PoolRecords].
func (p *recordPool) PutRecords(r []kgo.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known+cap(r) <= idleRecords {
		p.free, p.known = append(p.free, r), p.known+cap(r)
	}
}

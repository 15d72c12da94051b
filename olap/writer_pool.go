package olap

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// insertPool keeps connections for inserts. It is safe for concurrent use.
type insertPool struct {
	opt         *clickhouse.Options
	compression Compression
	slots       chan struct{} // as many as there may be connections; full means wait

	mu     sync.Mutex
	idle   []*insertConn // the one used last is last
	closed bool
}

func newInsertPool(opt *clickhouse.Options, compression Compression) *insertPool {
	return &insertPool{opt: opt, compression: compression, slots: make(chan struct{}, opt.MaxOpenConns)}
}

// get returns a connection that nobody else uses; put gives it back. It waits
// while there are as many as there may be.
func (p *insertPool) get(ctx context.Context) (*insertConn, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for c := p.pop(); c != nil; c = p.pop() {
		if time.Since(c.openedAt) < p.opt.ConnMaxLifetime && c.alive() {
			return c, nil
		}
		c.Close()
	}
	c, err := dialInsert(ctx, p.opt, p.compression)
	if err != nil {
		<-p.slots
	}
	return c, err
}

func (p *insertPool) pop() *insertConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c
}

// put takes a connection back. One that failed is closed: what is still on its
// way on it belongs to nobody.
func (p *insertPool) put(c *insertConn, failed error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if failed != nil || p.closed {
		c.Close()
	} else {
		p.idle = append(p.idle, c)
	}
	<-p.slots
}

// close closes what is idle now, and the rest when it comes back.
func (p *insertPool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var faults []error
	for _, c := range p.idle {
		faults = append(faults, c.Close())
	}
	p.idle = nil
	return errors.Join(faults...)
}

package ingest

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/event"
)

// unknownOffset is the next offset of a partition that the group has never
// committed: the first record says where it begins.
const unknownOffset = -1

// partition is one assigned partition. Two goroutines share its work:
//
//	build: queue ─▶ decode ─▶ block ─▶ store: seal ─▶ write ─▶ advance
//
// build owns the block being filled; handing it over through blocks, which has
// no capacity, gives it to store. So the next block is built while one is
// written, and at most one block is in doubt.
type partition struct {
	key     partitionKey
	member  string // the member id under which the group gave it to us
	cfg     *Config
	sink    Sink
	recall  Recall // may be nil
	metrics *metrics
	log     *slog.Logger
	commits *committer
	rejoin  func() // ends the membership, so that the partition is taken over anew
	turns   *turns // nil for live traffic, which waits for none
	budget  *budget
	queue   *queue

	ctx      context.Context    // ends when the partition is lost, or stopping took too long
	abandon  context.CancelFunc // ends ctx
	stopping chan struct{}      // closed: store what is held, then end
	done     chan struct{}      // closed when both goroutines have ended

	both   [blocksEach]block
	blocks chan *block // no capacity: a block has exactly one owner
	free   chan *block // capacity blocksEach: all fit

	remembered atomic.Int64 // bytes of memory, for the metrics

	sealed time.Time // when the block in doubt was sealed last; owned by store

	// Owned by build once started.
	decoder  *event.Decoder
	memory   *memory          // nil where recall is
	covered  prometheus.Gauge // how far back memory reaches
	building *block
	// wantsLarge says that the block before was full.
	wantsLarge bool
	shape      event.Shape // of the block that was handed over last
	// wasBehind says that the partition has been behind, and has not caught up since.
	wasBehind bool

	// brokerEnd is the offset behind the broker's last record, when it was last
	// asked; the poll loop keeps it.
	brokerEnd atomic.Int64
	next      int64 // the offset that comes next
	open      seal  // what an earlier owner left in doubt; none once it is done
	openEpoch int32 // leader epoch of its last record; -1 where it is not known
}

// start begins work at what the group has committed.
func (p *partition) start(from beginning) {
	p.next, p.open, p.openEpoch = from.next, from.open, from.epoch
	p.building = &p.both[0]
	p.building.reset(p.next, nil)
	if p.open.last != noSeal {
		p.building.isSealed(p.open)
	}
	p.free <- &p.both[1]
	go p.build()
	go func() {
		defer close(p.done)
		p.store() // which ends after build
		for i := range p.both {
			p.both[i].release(p.budget)
		}
	}()
}

// retry repeats attempt, with growing waits, until it succeeds. It gives up
// only when the partition is lost. An outcome that is unknown is an attempt like
// any other: the token makes the repetition harmless.
func (p *partition) retry(what string, attempt func() error) error {
	return p.retryUnless(func(error) bool { return false }, what, attempt)
}

// retryUnless is retry, which also gives up with an error that is final.
func (p *partition) retryUnless(final func(error) bool, what string, attempt func() error) error {
	wait := p.cfg.RetryMin
	for tries := 1; ; tries++ {
		err := attempt()
		switch {
		case err == nil && tries > 1:
			p.log.Info("succeeded after retries", "what", what, "topic", p.key.topic, "partition", p.key.partition, "tries", tries)
			return nil
		case err == nil:
			return nil
		case p.ctx.Err() != nil:
			return p.ctx.Err()
		case final(err):
			return err
		}
		p.metrics.retries.WithLabelValues(classOf(err)).Inc()
		p.log.Warn("failed, will try the same again", "what", what, "topic", p.key.topic, "partition", p.key.partition, "tries", tries, "error", err)
		select {
		case <-p.ctx.Done():
			return p.ctx.Err()
		case <-time.After(wait/2 + rand.N(wait)): // jitter: the other partitions wait too
		}
		wait = min(2*wait, p.cfg.RetryMax)
	}
}

// stop lets the partition store what it holds, for so long, and ends it.
func (p *partition) stop(timeout time.Duration) {
	close(p.stopping)
	select {
	case <-p.done:
	case <-time.After(timeout):
		p.log.Warn("stopped before the store has acknowledged, the block stays sealed for the next owner",
			"topic", p.key.topic, "partition", p.key.partition)
	}
	p.abandonNow()
}

// abandonNow ends the partition without storing more.
func (p *partition) abandonNow() {
	p.abandon()
	<-p.done
}

package ingest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"millrace/internal/event"
)

// A block waits longer to be stored where more is on its way than it can hold.
func TestABlockMayBeOlderWhereThePartitionIsBehind(t *testing.T) {
	cfg := DefaultConfig()
	opened := time.Now()
	p := &partition{cfg: &cfg, next: 1000, building: &block{opened: opened}}
	for _, tc := range []struct {
		end  int64
		want time.Duration
	}{
		{0, cfg.MaxAge}, // the broker has not told yet
		{1000, cfg.MaxAge},
		{1000 + int64(cfg.MaxRows/behindRows), cfg.MaxAge},
		{1001 + int64(cfg.MaxRows/behindRows), behindAges * cfg.MaxAge},
	} {
		p.brokerEnd.Store(tc.end)
		if got := p.deadline().Sub(opened); got != tc.want {
			t.Errorf("broker's end %d: the block may become %v old, want %v", tc.end, got, tc.want)
		}
	}
}

// A large batch that somebody else has is waited for, but not for long, and
// not where the partition ends.
func TestALargeBatchIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(shares{large: 1 << 20, larges: 1})
		never := make(chan struct{})
		taken := b.take(time.Second, never, never)
		if taken == nil {
			t.Fatal("none is free at the start")
		}
		begin := time.Now()
		if got := b.take(time.Second, never, never); got != nil || time.Since(begin) != time.Second {
			t.Errorf("got %v after %v, want none after a second", got, time.Since(begin))
		}
		came := make(chan *event.Batch)
		go func() { came <- b.take(time.Second, never, never) }()
		synctest.Wait()
		b.give(taken)
		if got := <-came; got != taken {
			t.Errorf("got %p, want the one that came back, %p", got, taken)
		}
		ended := make(chan struct{})
		close(ended)
		begin = time.Now()
		if b.take(time.Second, ended, never) != nil || b.take(time.Second, never, ended) != nil || time.Since(begin) != 0 {
			t.Errorf("a partition that ends waited for %v", time.Since(begin))
		}
	})
}

// The end of a backlog is stored at once; thin traffic waits for company.
func TestTheEndOfABacklogDoesNotWait(t *testing.T) {
	cfg := DefaultConfig()
	p := &partition{cfg: &cfg, building: new(block)}
	p.building.reset(0, nil)
	far := int64(cfg.MaxRows/behindRows) + 1
	for _, step := range []struct {
		next, end int64
		want      bool
	}{
		{0, far - 1, false}, // some are on their way: that is no backlog
		{far - 1, far - 1, false},
		{far, 2 * far, false},
		{2*far - 1, 2 * far, false},
		{2 * far, 2 * far, true},
		{2 * far, 2*far + 1, false}, // one more came meanwhile
		{2*far + 1, 2*far + 1, true},
	} {
		p.brokerEnd.Store(step.end)
		p.next = step.next
		if !p.accept(nil) {
			t.Fatal("the partition was lost")
		}
		if got := p.caughtUp(); got != step.want {
			t.Errorf("next %d of %d: caught up is %v", step.next, step.end, got)
		}
	}
}

// When a partition is lost in the instant in which a block is handed over, the
// block belongs to store, and nothing is added to it.
func TestALostPartitionLeavesTheBlockAlone(t *testing.T) {
	cfg := DefaultConfig()
	ctx, lose := context.WithCancel(t.Context())
	p := &partition{cfg: &cfg, ctx: ctx, blocks: make(chan *block), free: make(chan *block), building: new(block)}
	p.building.reset(0, nil)
	go func() {
		<-p.blocks
		lose()
	}()
	if p.handOver("rows") {
		t.Error("building goes on, in the block that is being stored")
	}
}

package ingest

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Live tells up to which instant the live topic is stored, false where that is
// not known. *Progress does.
type Live interface {
	StoredUntil() (time.Time, bool)
}

// backfillRule says when the backfill may write. It is a pure function of what
// it is given: the clock, the group and the store are the caller's.
//
// While live traffic is stored soon enough the backfill goes on at full speed,
// one block after the other. While it is not, the backfill rests after each
// block, so long that it has the store for its share of the time. The rest
// never exceeds longestRest, so that nothing that happens to live traffic stops
// the backfill for good.
type backfillRule struct {
	behind time.Duration // live traffic may be stored this late
	share  float64       // of the time, while it is later
}

// longestRest bounds the rest after a block that took very long, as one does
// that has waited for a store that was away.
const longestRest = 30 * time.Second

// mayWrite reports whether the next block may be written: live traffic is
// stored except for the last liveAge, the last block of the backfill took so
// long, and ended rested ago.
func (r backfillRule) mayWrite(liveAge, took, rested time.Duration) bool {
	if liveAge <= r.behind {
		return true
	}
	rest := time.Duration(float64(took) * (1/r.share - 1))
	return rested >= min(rest, longestRest)
}

// turns lets the partitions of the backfill write, one at a time and behind
// live traffic. Those that wait for the turn get it in the order in which they
// asked, so that a large partition does not keep a small one waiting.
type turns struct {
	rule backfillRule
	live Live
	held prometheus.Counter // seconds that whoever had the turn has rested

	// turn has capacity 1: who has put something in has the turn, and with it
	// the fields below.
	turn  chan struct{}
	took  time.Duration // of the last block
	ended time.Time     // of the last block
}

// newTurns returns turns of which none is taken.
func newTurns(rule backfillRule, live Live, held prometheus.Counter) *turns {
	return &turns{rule: rule, live: live, held: held, turn: make(chan struct{}, 1)}
}

// askAgain is the time between two looks at live traffic.
const askAgain = 50 * time.Millisecond

// take waits for the turn and until the rule lets it write. It reports false
// when ctx ends first. A partition that is stopping waits for neither: what it
// holds is little, and its next owner shall start behind it.
func (t *turns) take(ctx context.Context, stopping <-chan struct{}) (end func(), ok bool) {
	select {
	case t.turn <- struct{}{}:
	case <-stopping:
		return func() {}, true
	case <-ctx.Done():
		return nil, false
	}
	if !t.rest(ctx, stopping) || ctx.Err() != nil {
		<-t.turn
		return nil, false
	}
	began := time.Now()
	return func() {
		t.took, t.ended = time.Since(began), time.Now()
		<-t.turn
	}, true
}

// rest waits until the rule lets the backfill write. It reports false when ctx
// ends first.
func (t *turns) rest(ctx context.Context, stopping <-chan struct{}) bool {
	began := time.Now()
	defer func() { t.held.Add(time.Since(began).Seconds()) }()
	look := time.NewTicker(askAgain)
	defer look.Stop()
	for !t.rule.mayWrite(t.liveAge(), t.took, time.Since(t.ended)) {
		select {
		case <-look.C:
		case <-stopping:
			return true
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// liveAge is how much of live traffic is not stored yet, in time; what is not
// known counts as very much.
func (t *turns) liveAge() time.Duration {
	until, known := t.live.StoredUntil()
	if !known {
		return longestRest
	}
	return time.Since(until)
}

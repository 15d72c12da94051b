package enrich

import (
	"sync"
	"time"
)

// budget lets so many things happen per second, and after quiet up to a minute's
// worth of them at once.
type budget struct {
	rate float64
	now  func() time.Time

	mu   sync.Mutex
	left float64   // guarded by mu, like last
	last time.Time // when left was counted
}

const budgetMinute = 60

func newBudget(rate float64, now func() time.Time) *budget {
	return &budget{rate: rate, now: now, left: rate * budgetMinute, last: now()}
}

// take reports whether there is room for one more.
func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.left = min(b.left+now.Sub(b.last).Seconds()*b.rate, b.rate*budgetMinute)
	b.last = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

package replay

import (
	"context"
	"time"
)

// pacer holds events back so that event time passes at a speed.
type pacer struct {
	speed float64
	began time.Time // by the clock
	first time.Time // by the events
}

// wait returns when it is an event's turn. The first event, and one without a
// time, goes at once.
func (p *pacer) wait(ctx context.Context, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	if p.began.IsZero() {
		p.began, p.first = time.Now(), at
	}
	pause := time.Duration(float64(at.Sub(p.first))/p.speed) - time.Since(p.began)
	if pause <= 0 {
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

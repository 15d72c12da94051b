package main

import (
	"context"
	"time"
)

// settleEvery is how often the store is looked at for months that are over.
const settleEvery = time.Hour

// settle lets the store build its second order for months that are over, until
// ctx ends. A store that is away is asked again the next time: no answer waits
// for this.
func (p *plant) settle(ctx context.Context) error {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for {
		months, err := p.events.Settle(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			p.app.log.Warn("settling waits", "error", err)
		case len(months) > 0:
			p.app.log.Info("settling", "months", months)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"millrace/internal/client"
)

// apiOutlet posts to the API. Users are spread over a few lanes, each of which
// has one request under way, so that a user's events stay in order.
type apiOutlet struct {
	client   *client.Client
	tally    *tally
	lanes    []chan parcel // closed by Flush
	seed     maphash.Seed
	work     sync.WaitGroup
	grace    context.Context
	release  context.CancelFunc
	lastSent atomic.Int64 // when the last event was accepted, Unix nanoseconds
	once     sync.Once
}

// A lane sends a request when it has laneBatch events, or laneDelay after the
// first. A full lane makes Send wait.
const (
	apiLanes  = 4
	laneBatch = 500
	laneDelay = 100 * time.Millisecond
)

func newAPIOutlet(ctx context.Context, cfg client.Config, t *tally) (*apiOutlet, error) {
	c, err := client.New(cfg)
	if err != nil {
		return nil, err
	}
	a := &apiOutlet{client: c, tally: t, seed: maphash.MakeSeed()}
	a.grace, a.release = withGrace(ctx, stopGrace)
	for range apiLanes {
		lane := make(chan parcel, laneBatch)
		a.lanes = append(a.lanes, lane)
		a.work.Go(func() { a.run(lane) })
	}
	return a, nil
}

func (a *apiOutlet) Send(ctx context.Context, p parcel) error {
	lane := a.lanes[maphash.String(a.seed, p.key)%apiLanes]
	select {
	case lane <- p:
		a.tally.sent.Add(1)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run sends what comes through a lane until it is closed.
func (a *apiOutlet) run(lane <-chan parcel) {
	for first := range lane {
		batch := []parcel{first}
		timer := time.NewTimer(laneDelay)
		for len(batch) < laneBatch {
			next, more := parcel{}, false
			select {
			case next, more = <-lane:
			case <-timer.C:
			}
			if !more {
				break
			}
			batch = append(batch, next)
		}
		timer.Stop()
		a.post(batch)
	}
}

// post sends one request and counts its outcome.
func (a *apiOutlet) post(batch []parcel) {
	envelopes := make([][]byte, len(batch))
	for i, p := range batch {
		envelopes[i] = p.value
	}
	outcome, err := a.client.SendRaw(a.grace, envelopes)
	a.tally.accepted.Add(int64(outcome.Accepted))
	a.tally.refused.Add(int64(len(outcome.Rejected)))
	for _, r := range outcome.Rejected {
		if a.tally.onRefuse != nil && r.Index >= 0 && r.Index < len(batch) {
			a.tally.onRefuse(batch[r.Index], r)
		}
	}
	if outcome.Accepted > 0 {
		a.lastSent.Store(time.Now().UnixNano())
	}
	if missing := len(batch) - outcome.Accepted - len(outcome.Rejected); missing > 0 {
		if err == nil {
			err = fmt.Errorf("the API said nothing about %d of %d events", missing, len(batch))
		}
		a.tally.fail(int64(missing), err)
	}
}

// Flush closes the lanes; nothing can be sent afterwards.
func (a *apiOutlet) Flush(context.Context) error {
	a.once.Do(func() {
		for _, lane := range a.lanes {
			close(lane)
		}
	})
	a.work.Wait()
	return nil
}

// Stored waits until the API's stored_until has passed the last acceptance.
func (a *apiOutlet) Stored(ctx context.Context) error {
	last := time.Unix(0, a.lastSent.Load())
	var until time.Time
	err := poll(ctx, func() (bool, error) {
		now, err := a.client.StoredUntil(ctx)
		if err == nil {
			until = now // a question cut off by the deadline must not forget the answers before
		}
		return until.After(last), err
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		state := "does not know yet how far the store has come"
		if !until.IsZero() {
			state = "has stored what arrived until " + until.Format(time.RFC3339)
		}
		return fmt.Errorf("the API at last %s: %w", state, err)
	}
	return err
}

func (a *apiOutlet) Close() {
	a.release()
	_ = a.Flush(a.grace) // ends the lanes where Flush was not reached
}

// pollInterval is the time between two questions whether all is stored.
const pollInterval = 200 * time.Millisecond

// poll asks until the answer is yes, an error, or ctx ends.
func poll(ctx context.Context, ask func() (bool, error)) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		done, err := ask()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if done || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

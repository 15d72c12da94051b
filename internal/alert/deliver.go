package alert

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// deliver makes attempts until ctx ends, as many at once as there are senders, so
// that one slow receiver holds up nobody.
func (s *Stage) deliver(ctx context.Context) error {
	free := make(chan struct{}, s.cfg.Senders) // one for each sender with nothing to do; never full when one is given back
	for range s.cfg.Senders {
		free <- struct{}{}
	}
	var senders sync.WaitGroup
	defer senders.Wait()
	return s.repeat(ctx, deliveries, func(ctx context.Context) (bool, error) {
		select {
		case <-ctx.Done():
			return false, nil
		case <-free:
		}
		free <- struct{}{}
		room := len(free) // only this loop takes
		due, err := s.deps.Store.TakeDeliveries(ctx, room, s.cfg.Lease)
		for _, d := range due {
			<-free
			senders.Go(func() {
				s.note("acknowledgements", s.deliverOne(ctx, d))
				free <- struct{}{}
			})
		}
		return err == nil && len(due) == room, err
	})
}

// deliverOne makes one attempt and notes how it has ended.
func (s *Stage) deliverOne(ctx context.Context, d DueDelivery) error {
	end := s.attempt(ctx, d)
	if ctx.Err() != nil && !end.Delivered {
		return nil // the stop has cut it off; it is repeated when the lease is over
	}
	// An acknowledgement is worth noting even while the process stops.
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.SendTimeout)
	defer cancel()
	return s.deps.Store.EndAttempt(noting, end)
}

// attempt sends a delivery and decides how it goes on.
func (s *Stage) attempt(ctx context.Context, d DueDelivery) AttemptEnd {
	began := time.Now()
	end := AttemptEnd{ID: d.ID, Attempt: d.Attempts, At: began}
	var err error
	if d.Known {
		err = s.sender.Send(ctx, d.Delivery, d.To)
	} else {
		err = &Refusal{Status: http.StatusGone, Gone: true, body: "the rule has no such channel any more"}
	}
	end.Took = time.Since(began)
	result := "delivered"
	if err == nil {
		end.Delivered = true
		s.metrics.delay.Observe(time.Since(d.CreatedAt).Seconds())
	} else {
		result = s.goOn(&end, err)
	}
	s.metrics.deliveries.WithLabelValues(d.Kind, result).Inc()
	return end
}

// goOn decides between another attempt and none.
func (s *Stage) goOn(end *AttemptEnd, err error) string {
	end.Fault = err.Error()
	var refusal *Refusal
	var asked time.Duration
	if errors.As(err, &refusal) {
		asked = refusal.RetryAfter
	}
	if end.Attempt >= s.cfg.MaxAttempts || refusal != nil && refusal.Gone {
		end.Dead = true
		return "dead"
	}
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	end.Next = end.At.Add(end.Took + s.cfg.pause(end.Attempt, asked, random))
	return "failed"
}

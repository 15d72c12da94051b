package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"millrace/olap"
)

// RejectionLog keeps how many events the collector refused. *olap.Writer is one.
type RejectionLog interface {
	// WriteRejections stores the counts once, however often it is called with the
	// same token.
	WriteRejections(ctx context.Context, rejections []olap.CollectorRejections, token string) error
}

// rejectionEvery is the time between two writes of rejections, and so what a
// process that is killed may fail to have counted. The clients were told all of it.
const rejectionEvery = 5 * time.Second

// rejections counts refused events by minute and reason until they are written.
type rejections struct {
	process string // names this process in tokens

	mu     sync.Mutex
	counts map[rejectionKey]int64 // a few reasons, in the minutes since the last write

	// Owned by run.
	written int
	unsent  []olap.CollectorRejections // was sent, its outcome unknown: stays as it is
}

type rejectionKey struct {
	minute int64 // minutes since 1970
	reason string
}

func newRejections() *rejections {
	return &rejections{process: rand.Text(), counts: map[rejectionKey]int64{}}
}

// add counts the refused events of one request.
func (r *rejections) add(rejected []Rejection, now time.Time) {
	if len(rejected) == 0 {
		return
	}
	minute := now.Unix() / 60
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range rejected {
		r.counts[rejectionKey{minute, rejected[i].Code}]++
	}
}

// run writes until ctx ends, and then once more.
func (r *rejections) run(ctx context.Context, log RejectionLog, failed func(error)) {
	ticker := time.NewTicker(rejectionEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			if err := r.write(last, log); err != nil {
				failed(err)
			}
			return
		case <-ticker.C:
			if err := r.write(ctx, log); err != nil {
				failed(err)
			}
		}
	}
}

// keepRejections writes counts until ctx ends, where there is a place for them.
func (s *Server) keepRejections(ctx context.Context) {
	if s.deps.Rejections == nil {
		return
	}
	s.rejections.run(ctx, s.deps.Rejections, func(err error) { s.log.Warn("counts wait", "error", err) })
}

// write stores what was counted. What could not be stored is sent again before
// anything else, the same under the same token.
func (r *rejections) write(ctx context.Context, log RejectionLog) error {
	for {
		if r.unsent == nil {
			r.unsent = r.take()
		}
		if r.unsent == nil {
			return nil
		}
		if err := log.WriteRejections(ctx, r.unsent, fmt.Sprintf("collector/%s/%d", r.process, r.written)); err != nil {
			return fmt.Errorf("keep the counts of refused events: %w", err)
		}
		r.written++
		r.unsent = nil
	}
}

// take empties the counts; nil where there are none.
func (r *rejections) take() []olap.CollectorRejections {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []olap.CollectorRejections
	for key, count := range r.counts {
		all = append(all, olap.CollectorRejections{Minute: time.Unix(key.minute*60, 0).UTC(), Reason: key.reason, Events: count})
	}
	clear(r.counts)
	slices.SortFunc(all, func(a, b olap.CollectorRejections) int {
		if c := a.Minute.Compare(b.Minute); c != 0 {
			return c
		}
		return strings.Compare(a.Reason, b.Reason)
	})
	return all
}

package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"millrace/ingest"
	"millrace/internal/scorer"
	"millrace/olap"
	"millrace/oltp"
)

// eraser erases users who are to be erased. Several may run: one at a time works.
//
// It first waits until everything that was accepted before the request is stored
// and scored, so that nothing of it comes behind. Then it removes what is known
// from its source on: events first, then what was made of them, each once those
// who may have read the events before have written. Every step may be done again,
// so a death in between only delays it.
type eraser struct {
	events *olap.Store
	store  *oltp.Store
	log    *slog.Logger
	// stored are the topics that the ingest reads, scored is the topic that the
	// scoring does.
	stored  []*ingest.Progress
	scored  *ingest.Progress
	scoring bool // the stage runs here
}

// eraserLook is the time between two looks for users to erase.
const eraserLook = 500 * time.Millisecond

func newEraser(p *plant, brokers []string) *eraser {
	e := &eraser{events: p.events, store: p.users, log: p.app.log, stored: []*ingest.Progress{p.progress}, scoring: p.scorer != nil}
	if p.backfill != nil {
		e.stored = append(e.stored, p.backfill)
	}
	if e.scoring {
		e.scored = p.scorer.Progress()
		return e
	}
	cfg := ingest.DefaultProgressConfig()
	cfg.Brokers, cfg.Topic, cfg.Group = brokers, p.options.topic, scorer.DefaultConfig().Group
	e.scored = ingest.NewProgress(cfg, p.app.log, prometheus.NewRegistry()) // its metrics are those of the stage
	return e
}

// Run erases until ctx ends. What fails is tried again.
func (e *eraser) Run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	if !e.scoring {
		work.Go(func() error { return e.scored.Run(ctx) })
	}
	work.Go(func() error {
		tick := time.NewTicker(eraserLook)
		defer tick.Stop()
		failing := false
		for {
			err := e.look(ctx)
			if err != nil && !failing && ctx.Err() == nil {
				e.log.Warn("users cannot be erased, will keep trying", "error", err)
			}
			failing = err != nil
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	})
	return work.Wait()
}

// look erases who is to be erased.
func (e *eraser) look(ctx context.Context) error {
	open, err := e.store.OpenErasures(ctx)
	if err != nil || len(open) == 0 {
		return err
	}
	return e.store.Erase(ctx, func(ctx context.Context) error {
		open, err := e.store.OpenErasures(ctx) // another process may just have done some
		for _, one := range open {
			err = e.advance(ctx, one)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				e.log.Warn("a user cannot be erased, will try again", "erasure", one.ID, "error", err)
				err = e.store.NoteErasure(ctx, one.ID, "It failed and is tried again; the server's log has the reason.")
			}
			if err != nil {
				return err
			}
		}
		return err
	})
}

// advance erases one user, unless something has to be waited for.
func (e *eraser) advance(ctx context.Context, one oltp.Erasure) error {
	reason, err := e.waitsFor(ctx, one)
	if err != nil {
		return err
	}
	if reason != "" {
		return e.store.NoteErasure(ctx, one.ID, reason)
	}
	began := time.Now()
	person, erasee, err := e.find(ctx, one)
	if err != nil {
		return err
	}
	before, err := e.count(ctx, person, erasee)
	if err != nil {
		return err
	}
	if err := e.store.BeginErasure(ctx, one.ID, len(erasee.Users)+len(erasee.Visitors), before); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return e.events.Erase(ctx, erasee) },
		func() error { return e.store.EraseStatistics(ctx, person, one.RequestedAt.Add(-time.Minute)) },
		func() error { return e.store.EraseScoring(ctx, person) },
		func() error { return e.store.ErasePredictions(ctx, person) },
		func() error { return e.events.EraseScores(ctx, erasee) },
		func() error { return e.store.EraseAlerts(ctx, person) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	left, err := e.events.CountErasee(ctx, erasee)
	if err != nil {
		return err
	}
	if err := e.store.FinishErasure(ctx, one.ID, person, byPlace(left)); err != nil {
		return err
	}
	e.log.Info("a user was erased", "erasure", one.ID, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// waitsFor says what has to happen first, or nothing.
func (e *eraser) waitsFor(ctx context.Context, one oltp.Erasure) (string, error) {
	if one.State != oltp.ErasureWaiting {
		return "", nil
	}
	for _, progress := range e.stored {
		if until, known := progress.StoredUntil(); !known || !until.After(one.RequestedAt) {
			return "Events that were accepted before the request wait in Kafka to be stored.", nil
		}
	}
	if until, known := e.scored.StoredUntil(); known && until.After(one.RequestedAt) {
		return "", nil
	}
	scores, err := e.store.HasScored(ctx)
	if err != nil || !scores && !e.scoring {
		return "", err // nobody scores purchases
	}
	return "Events that were accepted before the request wait in Kafka for the stage score.", nil
}

// find reads which ids mean the user, in both stores' terms.
func (e *eraser) find(ctx context.Context, one oltp.Erasure) (oltp.Person, olap.Erasee, error) {
	person, err := e.store.PersonOf(ctx, one.UserID)
	if err != nil {
		return person, olap.Erasee{}, err
	}
	shared, err := e.events.SharedVisitors(ctx, person.Visitors)
	if err != nil {
		return person, olap.Erasee{}, err
	}
	person = person.WithShared(shared)
	return person, olap.Erasee{Erasure: one.ID, Users: person.Users, Visitors: person.Visitors}, nil
}

// count is how many rows both stores have about the user.
func (e *eraser) count(ctx context.Context, person oltp.Person, erasee olap.Erasee) (map[string]int64, error) {
	events, err := e.events.CountErasee(ctx, erasee)
	if err != nil {
		return nil, err
	}
	all, err := e.store.CountPerson(ctx, person)
	if err != nil {
		return nil, err
	}
	for place, rows := range byPlace(events) {
		all[place] = rows
	}
	return all, nil
}

func byPlace(counts []olap.PlaceCount) map[string]int64 {
	places := map[string]int64{}
	for _, c := range counts {
		places["clickhouse."+c.Table] = c.Rows
	}
	return places
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"millrace/api"
	"millrace/internal/lifetime"
	"millrace/olap"
	"millrace/oltp"
)

// lifetimeScores keeps what the model of repeat purchases says of every customer
// in Postgres: again when every has passed and something was bought since, or a
// day has ended; and at once when another version is put to use.
type lifetimeScores struct {
	events *olap.Store
	store  *oltp.Store
	every  time.Duration
	log    *slog.Logger

	mu    sync.Mutex
	state lifetimeScoresState // guarded by mu
}

// lifetimeScoresState is how the latest pass ended.
type lifetimeScoresState struct {
	version int       // of the model; 0 before the first pass
	asOf    time.Time // the end of the last day that was looked at
	users   int
	ended   time.Time
	failing error
	since   time.Time // of failing, or not
}

func newLifetimeScores(events *olap.Store, store *oltp.Store, every time.Duration, log *slog.Logger) *lifetimeScores {
	return &lifetimeScores{events: events, store: store, every: every, log: log, state: lifetimeScoresState{since: time.Now()}}
}

// Run keeps the scores until ctx ends. A failed pass is repeated.
func (s *lifetimeScores) Run(ctx context.Context) error {
	tick := time.NewTicker(churnScoresLook)
	defer tick.Stop()
	for {
		if err := s.passIfDue(ctx); ctx.Err() == nil {
			s.note(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// note records how a look ended, and logs when that changes.
func (s *lifetimeScores) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if changed := (err == nil) != (s.state.failing == nil); changed {
		s.state.since = time.Now()
		if err != nil {
			s.log.Warn("customers cannot be scored, will keep trying", "model", lifetime.Name, "error", err)
		} else {
			s.log.Info("customers are scored again", "model", lifetime.Name)
		}
	}
	s.state.failing = err
}

// passIfDue runs a pass where one is due. Without a model there is nothing to do.
func (s *lifetimeScores) passIfDue(ctx context.Context) error {
	version, err := s.store.CurrentVersion(ctx, lifetime.Name)
	if errors.Is(err, oltp.ErrNoModel) {
		return nil
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	last := s.state
	s.mu.Unlock()
	if version == last.version && time.Since(last.ended) < s.every {
		return nil
	}
	saved, err := s.store.Model(ctx, lifetime.Name, version)
	if err != nil {
		return err
	}
	var model lifetime.Model
	if err := json.Unmarshal(saved.Parameters, &model); err != nil {
		return fmt.Errorf("read the parameters of %s version %d: %w", lifetime.Name, version, err)
	}
	if err := model.Validate(); err != nil {
		return fmt.Errorf("%s version %d: %w", lifetime.Name, version, err)
	}
	return s.store.Hold(ctx, oltp.ScoringOfUsers, func(ctx context.Context) error { return s.pass(ctx, version, model) })
}

// pass scores every customer as of the newest event: silence of the whole store
// says nothing of one customer.
func (s *lifetimeScores) pass(ctx context.Context, version int, model lifetime.Model) error {
	history, err := s.events.History(ctx, 0)
	if err != nil || history.Newest.IsZero() {
		return err
	}
	today := history.Newest.UTC().Truncate(24 * time.Hour)
	p := lifetimePass{version: version, asOf: today.AddDate(0, 0, 1), model: model}
	if p.figures, err = s.events.NewScoreWriter(olap.ScoreAlive, olap.ScorePurchases, olap.ScoreValue); err != nil {
		return err
	}
	users := 0
	for h, err := range s.events.Purchases(ctx, olap.PurchaseSelection{Until: today, End: today, Currency: model.Currency}) {
		if err == nil {
			err = p.add(ctx, h)
		}
		if err == nil && len(p.predictions) == churnScoresBatch {
			err = p.write(ctx, s.store)
		}
		if err != nil {
			return err
		}
		users++
	}
	if err := p.write(ctx, s.store); err != nil {
		return err
	}
	// Who is no customer any more was erased.
	if err := errors.Join(s.store.DropPredictions(ctx, lifetime.Name, p.asOf), p.figures.Done(ctx)); err != nil {
		return err
	}
	s.mu.Lock()
	s.state.version, s.state.asOf, s.state.users, s.state.ended = version, p.asOf, users, time.Now()
	s.mu.Unlock()
	return nil
}

// lifetimePass is one pass under way.
type lifetimePass struct {
	version     int
	asOf        time.Time // the end of the last day that is looked at
	model       lifetime.Model
	predictions []oltp.Prediction
	figures     *olap.ScoreWriter // for questions
}

func (p *lifetimePass) add(ctx context.Context, h olap.PurchaseHistory) error {
	score := p.model.Score(historyOf(h))
	details, err := json.Marshal(api.LifetimeDetailsOf(score, p.model.Currency))
	if err != nil {
		return err
	}
	p.predictions = append(p.predictions, oltp.Prediction{UserID: h.UserID, Version: p.version, AsOf: p.asOf, Score: score.Alive, Details: details})
	return p.figures.Add(ctx, h.UserID, score.Alive, score.PurchasesShort, score.Value)
}

// write stores the batch and empties it.
func (p *lifetimePass) write(ctx context.Context, store *oltp.Store) error {
	if len(p.predictions) == 0 {
		return nil
	}
	_, err := store.SavePredictions(ctx, lifetime.Name, p.predictions)
	p.predictions = p.predictions[:0]
	return err
}

// stage tells GET /v1/status how the scores are doing.
func (s *lifetimeScores) stage() api.Stage {
	s.mu.Lock()
	defer s.mu.Unlock()
	stage := api.Stage{Name: "lifetime", State: api.StageOK, Since: s.state.since}
	switch {
	case s.state.failing != nil:
		stage.State, stage.Detail = api.StageFailing, s.state.failing.Error()
	case s.state.version == 0:
		stage.Detail = `no model of repeat purchases is in use; train one with "millrace train bgnbd" or POST /v1/models/bgnbd/train`
	default:
		age := time.Since(s.state.ended).Seconds()
		stage.LagSeconds = &age
		stage.Detail = fmt.Sprintf("version %d, %d customers as of %s", s.state.version, s.state.users, s.state.asOf.Format(time.DateOnly))
	}
	return stage
}

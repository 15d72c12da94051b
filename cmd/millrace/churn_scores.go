package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/api"
	"millrace/internal/churn"
	"millrace/olap"
	"millrace/oltp"
)

// churnScores keeps the features and churn probabilities of active users in
// Postgres: again when every has passed and events were stored since, and at once
// when another version of the model is put to use.
type churnScores struct {
	events  *olap.Store
	store   *oltp.Store
	every   time.Duration
	log     *slog.Logger
	metrics *churnScoresMetrics

	mu    sync.Mutex
	state churnScoresState // guarded by mu
}

// churnScoresState is how the latest pass ended.
type churnScoresState struct {
	version int       // of the model; 0 before the first pass
	asOf    time.Time // events before it were looked at
	ended   time.Time
	failing error
	since   time.Time // of failing, or not
}

const (
	// churnScoresLook is how often it is seen whether a pass is due.
	churnScoresLook = 5 * time.Second
	// churnScoresBatch is how many users are written with one statement.
	churnScoresBatch = 2000
	// churnReasonsKept is how many reasons are kept with a prediction.
	churnReasonsKept = 3
)

func newChurnScores(events *olap.Store, store *oltp.Store, every time.Duration, reg prometheus.Registerer, log *slog.Logger) (*churnScores, error) {
	s := &churnScores{events: events, store: store, every: every, log: log}
	s.state.since = time.Now()
	var err error
	s.metrics, err = newChurnScoresMetrics(reg)
	return s, err
}

// Run keeps the scores until ctx ends. A failed pass is repeated.
func (s *churnScores) Run(ctx context.Context) error {
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
func (s *churnScores) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if changed := (err == nil) != (s.state.failing == nil); changed {
		s.state.since = time.Now()
		if err != nil {
			s.log.Warn("churn scores cannot be computed, will keep trying", "error", err)
		} else {
			s.log.Info("churn scores are computed again")
		}
	}
	if s.state.failing = err; err != nil {
		s.metrics.failures.Inc()
	}
}

// passIfDue runs a pass where one is due. Without a model there is nothing to do.
func (s *churnScores) passIfDue(ctx context.Context) error {
	version, err := s.store.CurrentVersion(ctx, churn.Name)
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
	return s.store.Hold(ctx, oltp.ScoringOfUsers, func(ctx context.Context) error { return s.pass(ctx, version, last) })
}

// pass scores every active user with a version of the model.
func (s *churnScores) pass(ctx context.Context, version int, last churnScoresState) error {
	began := time.Now()
	scorer, model, err := s.scorer(ctx, version)
	if err != nil {
		return err
	}
	history, err := s.events.History(ctx, model.ActiveWithin())
	if err != nil {
		return err
	}
	asOf := history.AsOf()
	if !history.Newest.IsZero() && (version != last.version || !asOf.Equal(last.asOf)) {
		if err := s.score(ctx, churnPass{version: version, asOf: asOf, scorer: scorer, since: asOf.Add(-model.ActiveWithin())}); err != nil {
			return err
		}
		s.metrics.seconds.Observe(time.Since(began).Seconds())
	}
	s.mu.Lock()
	s.state.version, s.state.asOf, s.state.ended = version, asOf, time.Now()
	s.mu.Unlock()
	return nil
}

// scorer reads a version for the features that the store computes.
func (s *churnScores) scorer(ctx context.Context, version int) (*churn.Scorer, *churn.Model, error) {
	saved, err := s.store.Model(ctx, churn.Name, version)
	if err != nil {
		return nil, nil, err
	}
	var model churn.Model
	if err := json.Unmarshal(saved.Parameters, &model); err != nil {
		return nil, nil, fmt.Errorf("read the parameters of %s version %d: %w", churn.Name, version, err)
	}
	scorer, err := model.For(churn.Names())
	return scorer, &model, err
}

// churnPass is one pass under way.
type churnPass struct {
	version     int
	asOf, since time.Time
	scorer      *churn.Scorer
	tally       *churn.Tally
	features    []oltp.ChurnFeatures
	predictions []oltp.Prediction
	figures     *olap.ScoreWriter // for questions
}

// score writes all users in batches, then takes away those who are no longer
// active, and keeps the drift.
func (s *churnScores) score(ctx context.Context, p churnPass) error {
	p.tally = p.scorer.NewTally()
	var err error
	if p.figures, err = s.events.NewScoreWriter(olap.ScoreChurn); err != nil {
		return err
	}
	names := churn.Names()
	for row, err := range s.events.ChurnFeatures(ctx, names, olap.ChurnSelection{At: p.asOf, ActiveSince: p.since}) {
		if err == nil {
			err = p.add(ctx, names, row)
		}
		if err == nil && len(p.features) == churnScoresBatch {
			err = s.write(ctx, &p)
		}
		if err != nil {
			return err
		}
	}
	if err := s.write(ctx, &p); err != nil {
		return err // nobody is taken away before everybody is written
	}
	drift := p.tally.Drift()
	err = errors.Join(p.figures.Done(ctx), s.store.DropChurnFeatures(ctx, p.asOf), s.store.DropPredictions(ctx, churn.Name, p.asOf),
		s.store.SaveDrift(ctx, oltp.Drift{
			Name: churn.Name, Version: p.version, AsOf: p.asOf, Users: drift.Users, Score: drift.Score, Features: drift.Features,
		}))
	if err == nil {
		s.metrics.show(p.version, drift)
	}
	return err
}

func (p *churnPass) add(ctx context.Context, names []string, row olap.ChurnRow) error {
	probability := p.scorer.Probability(row.Values)
	p.tally.Add(row.Values, probability)
	features := make(map[string]float64, len(names))
	for i, name := range names {
		features[name] = row.Values[i]
	}
	reasons := p.scorer.Reasons(row.Values)
	details, err := json.Marshal(api.ChurnDetails{Reasons: api.ChurnReasons(reasons[:min(len(reasons), churnReasonsKept)])})
	if err != nil {
		return err
	}
	p.features = append(p.features, oltp.ChurnFeatures{UserID: row.UserID, AsOf: p.asOf, Features: features})
	p.predictions = append(p.predictions, oltp.Prediction{UserID: row.UserID, Version: p.version, AsOf: p.asOf, Score: probability, Details: details})
	return p.figures.Add(ctx, row.UserID, probability)
}

// write stores the batch and empties it.
func (s *churnScores) write(ctx context.Context, p *churnPass) error {
	if err := s.store.SaveChurnFeatures(ctx, p.features); err != nil {
		return err
	}
	skipped, err := s.store.SavePredictions(ctx, churn.Name, p.predictions)
	if err != nil {
		return err
	}
	s.metrics.users.Add(float64(len(p.predictions) - skipped))
	p.features, p.predictions = p.features[:0], p.predictions[:0]
	return nil
}

// stage tells GET /v1/status how the scores are doing.
func (s *churnScores) stage() api.Stage {
	s.mu.Lock()
	defer s.mu.Unlock()
	stage := api.Stage{Name: "churn", State: api.StageOK, Since: s.state.since}
	switch {
	case s.state.failing != nil:
		stage.State, stage.Detail = api.StageFailing, s.state.failing.Error()
	case s.state.version == 0:
		stage.Detail = `no churn model is in use; train one with "millrace train churn" or POST /v1/models/churn/train`
	default:
		age := time.Since(s.state.ended).Seconds()
		stage.LagSeconds = &age
		stage.Detail = fmt.Sprintf("version %d, users as of %s", s.state.version, s.state.asOf.Format(time.RFC3339))
	}
	return stage
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/api"
	"millrace/internal/churn"
	"millrace/olap"
	"millrace/oltp"
)

// churnScores keeps the features and churn probabilities of active users in
// Postgres.
type churnScores struct {
	*scorePasses
	events  *olap.Store
	store   *oltp.Store
	metrics *churnScoresMetrics
}

// churnReasonsKept is how many reasons are kept with a prediction.
const churnReasonsKept = 3

func newChurnScores(events *olap.Store, store *oltp.Store, every time.Duration, reg prometheus.Registerer, log *slog.Logger) (*churnScores, error) {
	metrics, err := newChurnScoresMetrics(reg)
	if err != nil {
		return nil, err
	}
	s := &churnScores{events: events, store: store, metrics: metrics}
	s.scorePasses = &scorePasses{
		name: "churn", model: churn.Name, every: every, current: store.CurrentVersion, hold: store.Hold, pass: s.pass, failures: metrics.failures, log: log,
		since:     time.Now(),
		untrained: `no churn model is in use; train one with "millrace train churn" or POST /v1/models/churn/train`,
	}
	return s, nil
}

// pass scores every active user with a version of the model, unless it did so
// already and nothing was stored since.
func (s *churnScores) pass(ctx context.Context, version int, last scorePass) (scorePass, error) {
	began := time.Now()
	scorer, model, err := s.scorer(ctx, version)
	if err != nil {
		return last, err
	}
	history, err := s.events.History(ctx, model.ActiveWithin())
	if err != nil {
		return last, err
	}
	asOf := history.AsOf()
	done := scorePass{version: version, asOf: asOf, detail: fmt.Sprintf("version %d, users as of %s", version, asOf.Format(time.RFC3339))}
	if history.Newest.IsZero() || version == last.version && asOf.Equal(last.asOf) {
		return done, nil
	}
	p := churnPass{version: version, began: began, asOf: asOf, scorer: scorer, since: asOf.Add(-model.ActiveWithin())}
	if err := s.score(ctx, p); err != nil {
		return last, err
	}
	s.metrics.seconds.Observe(time.Since(began).Seconds())
	return done, nil
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
	began       time.Time // events stored before it are part of it
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
	averages, err := s.events.AveragePurchases(ctx, p.asOf)
	if err != nil {
		return err
	}
	if p.figures, err = s.events.NewScoreWriter(olap.ScoreChurn); err != nil {
		return err
	}
	names := churn.Names()
	for row, err := range s.events.ChurnFeatures(ctx, names, olap.ChurnSelection{At: p.asOf, ActiveSince: p.since}) {
		if err == nil {
			err = p.add(ctx, names, row)
		}
		if err == nil && len(p.features) == scoresBatch {
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
		s.store.SaveChurnPass(ctx, oltp.ChurnPass{AsOf: p.asOf, AveragePurchase: averages}),
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
	p.features = append(p.features, oltp.ChurnFeatures{UserID: row.UserID, AsOf: p.asOf, StoredBefore: p.began, Features: features})
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

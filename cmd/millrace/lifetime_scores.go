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
	"millrace/internal/lifetime"
	"millrace/olap"
	"millrace/oltp"
)

// lifetimeScores keeps what the model of repeat purchases says of every customer
// in Postgres.
type lifetimeScores struct {
	*scorePasses
	events *olap.Store
	store  *oltp.Store
}

func newLifetimeScores(events *olap.Store, store *oltp.Store, every time.Duration, reg prometheus.Registerer, log *slog.Logger) (*lifetimeScores, error) {
	failures := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "millrace_lifetime_failures_total", Help: "Passes over the customers that failed and will be repeated."})
	if err := reg.Register(failures); err != nil {
		return nil, fmt.Errorf("register the metric of customers' scores: %w", err)
	}
	s := &lifetimeScores{events: events, store: store}
	s.scorePasses = &scorePasses{
		name: "lifetime", model: lifetime.Name, every: every, current: store.CurrentVersion, hold: store.Hold, pass: s.pass, failures: failures, log: log,
		since:     time.Now(),
		untrained: `no model of repeat purchases is in use; train one with "millrace train bgnbd" or POST /v1/models/bgnbd/train`,
	}
	return s, nil
}

// read returns a version of the model.
func (s *lifetimeScores) read(ctx context.Context, version int) (model lifetime.Model, err error) {
	saved, err := s.store.Model(ctx, lifetime.Name, version)
	if err != nil {
		return model, err
	}
	if err := json.Unmarshal(saved.Parameters, &model); err != nil {
		return model, fmt.Errorf("read the parameters of %s version %d: %w", lifetime.Name, version, err)
	}
	if err := model.Validate(); err != nil {
		return model, fmt.Errorf("%s version %d: %w", lifetime.Name, version, err)
	}
	return model, nil
}

// pass scores every customer as of the newest event: silence of the whole store
// says nothing of one customer.
func (s *lifetimeScores) pass(ctx context.Context, version int, last scorePass) (scorePass, error) {
	model, err := s.read(ctx, version)
	if err != nil {
		return last, err
	}
	history, err := s.events.History(ctx, 0)
	if err != nil || history.Newest.IsZero() {
		return last, err
	}
	today := history.Newest.UTC().Truncate(24 * time.Hour)
	p := lifetimePass{version: version, asOf: today.AddDate(0, 0, 1), model: model}
	users, err := s.score(ctx, &p, today)
	return scorePass{
		version: version, asOf: p.asOf,
		detail: fmt.Sprintf("version %d, %d customers as of %s", version, users, p.asOf.Format(time.DateOnly)),
	}, err
}

// score writes all customers in batches, then takes away those who are none any
// more: they were erased.
func (s *lifetimeScores) score(ctx context.Context, p *lifetimePass, today time.Time) (users int, err error) {
	if p.figures, err = s.events.NewScoreWriter(olap.ScoreAlive, olap.ScorePurchases, olap.ScoreValue); err != nil {
		return 0, err
	}
	for h, err := range s.events.Purchases(ctx, olap.PurchaseSelection{Until: today, End: today, Currency: p.model.Currency}) {
		if err == nil {
			err = p.add(ctx, h)
		}
		if err == nil && len(p.predictions) == scoresBatch {
			err = p.write(ctx, s.store)
		}
		if err != nil {
			return users, err
		}
		users++
	}
	if err := p.write(ctx, s.store); err != nil {
		return users, err
	}
	return users, errors.Join(s.store.DropPredictions(ctx, lifetime.Name, p.asOf), p.figures.Done(ctx))
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

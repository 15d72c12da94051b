package main

import (
	"context"
	"errors"
	"time"

	"millrace/api"
	"millrace/internal/scorer"
	"millrace/oltp"
)

// openScorer builds the stage that judges purchases.
func (p *plant) openScorer(brokers []string) error {
	cfg := scorer.DefaultConfig()
	cfg.Brokers, cfg.Topic, cfg.Backfill = brokers, p.options.topic, p.options.backfill
	var err error
	p.scorer, err = scorer.New(cfg, scorer.Deps{
		Store: scoreStore{p.users}, Model: p.fraudModel.Current, Logger: p.app.log, Registerer: p.registry,
	})
	return err
}

// scoreStage is the judging of purchases, as GET /v1/status shows it.
func (p *plant) scoreStage() api.Stage {
	progress := p.scorer.Progress()
	lag := progress.Lag()
	stage := api.Stage{Name: "score", State: api.StageOK, LagRecords: &lag}
	until, known := progress.StoredUntil()
	if known {
		age := time.Since(until).Seconds()
		stage.LagSeconds = &age
	}
	const slow = 5 * time.Second
	switch err := progress.Err(); {
	case err != nil:
		stage.State, stage.Detail = api.StageFailing, err.Error()
	case lag > 0 && (!known || time.Since(until) > slow):
		stage.State, stage.Detail = api.StageBehind, "purchases wait in Kafka to be judged"
	}
	return stage
}

// scoreStore gives the scorer its store: package oltp does not know the scorer,
// nor the scorer oltp.
type scoreStore struct{ store *oltp.Store }

func (s scoreStore) State(ctx context.Context, topic string, partition int32) (scorer.State, error) {
	state, err := s.store.ScoringState(ctx, topic, partition)
	return scorer.State(state), err
}

func (s scoreStore) Profiles(ctx context.Context, topic string, partition int32, users []string) ([]scorer.Profile, error) {
	stored, err := s.store.UserProfiles(ctx, topic, partition, users)
	profiles := make([]scorer.Profile, len(stored))
	for i, p := range stored {
		profiles[i] = scorer.Profile(p)
	}
	return profiles, err
}

func (s scoreStore) Save(ctx context.Context, step scorer.Step) error {
	converted := oltp.ScoringStep{
		Topic: step.Topic, Partition: step.Partition, From: step.From, To: oltp.ScoringState(step.To), History: step.History,
		Scores: make([]oltp.FraudScore, len(step.Scores)), Profiles: make([]oltp.UserProfile, len(step.Profiles)),
	}
	for i, score := range step.Scores {
		converted.Scores[i] = oltp.FraudScore(score)
	}
	for i, profile := range step.Profiles {
		converted.Profiles[i] = oltp.UserProfile(profile)
	}
	err := s.store.SaveScoring(ctx, converted)
	if errors.Is(err, oltp.ErrScoringMoved) {
		return errors.Join(scorer.ErrMoved, err)
	}
	return err
}

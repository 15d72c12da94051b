package main

import (
	"context"
	"time"

	"millrace/api"
	"millrace/internal/churn"
	"millrace/internal/fraud"
	"millrace/internal/lifetime"
)

// openModels builds what trains models and what applies them. Trainings that are
// asked for run where the API is; those on schedule, and the scores, where the
// stage is.
func (p *plant) openModels() (err error) {
	scheduled := p.options.runs(stageModels)
	if scheduled {
		p.churnScores, err = newChurnScores(p.events, p.users, p.options.churnRefresh, p.registry, p.app.log)
		if err != nil {
			return err
		}
		p.lifetimeScores, err = newLifetimeScores(p.events, p.users, p.options.churnRefresh, p.registry, p.app.log)
		if err != nil {
			return err
		}
		p.fraudDrift, err = newFraudDrift(p.users, p.options.churnRefresh, p.registry, p.app.log)
		if err != nil {
			return err
		}
	}
	if !scheduled && !p.options.runs(stageAPI) {
		return nil
	}
	every := p.options.churnRetrain
	if !scheduled {
		every = 0
	}
	p.churnTraining = newTrainingJobs(churn.Name, every, p.app.log)
	p.churnTraining.train = p.trainChurn
	p.churnTraining.latest = p.latestChurn
	p.lifetimeTraining = newTrainingJobs(lifetime.Name, every, p.app.log)
	p.lifetimeTraining.train = p.trainLifetime
	p.lifetimeTraining.latest = p.latestLifetime
	p.fraudTraining = newTrainingJobs(fraud.Name, every, p.app.log)
	p.fraudTraining.train = p.trainFraud
	p.fraudTraining.latest = p.latestFraud
	return nil
}

// trainers are the models that this process can train.
func (p *plant) trainers() map[string]api.Trainer {
	return map[string]api.Trainer{churn.Name: p.churnTraining, lifetime.Name: p.lifetimeTraining, fraud.Name: p.fraudTraining}
}

// trainChurn trains a version that predicts what the one in use does.
func (p *plant) trainChurn(ctx context.Context, progress *trainProgress) (*trained, error) {
	cfg, err := churnConfigInUse(ctx, p.users)
	if err != nil {
		return nil, err
	}
	training := churnTraining{events: p.events, models: p.users, cfg: cfg}
	return training.run(ctx, progress.step)
}

// latestChurn tells when the newest version was made.
func (p *plant) latestChurn(ctx context.Context) (time.Time, error) {
	return p.latestVersion(ctx, churn.Name)
}

// latestLifetime tells when the newest version was made.
func (p *plant) latestLifetime(ctx context.Context) (time.Time, error) {
	return p.latestVersion(ctx, lifetime.Name)
}

// latestFraud tells when the newest version was made.
func (p *plant) latestFraud(ctx context.Context) (time.Time, error) {
	return p.latestVersion(ctx, fraud.Name)
}

func (p *plant) latestVersion(ctx context.Context, model string) (time.Time, error) {
	versions, err := p.users.Models(ctx, model)
	if err != nil || len(versions) == 0 {
		return time.Time{}, err
	}
	return versions[0].CreatedAt, nil
}

// trainLifetime fits the models of repeat purchases to all that is stored.
func (p *plant) trainLifetime(ctx context.Context, progress *trainProgress) (*trained, error) {
	result, _, err := lifetimeTraining{events: p.events, models: p.users}.run(ctx, progress.step)
	return result, err
}

// trainFraud makes a model of the latest judged purchases.
func (p *plant) trainFraud(ctx context.Context, progress *trainProgress) (*trained, error) {
	return fraudTraining{p.users}.run(ctx, progress.step)
}

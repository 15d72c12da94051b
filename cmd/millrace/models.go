package main

import (
	"context"
	"time"

	"millrace/api"
	"millrace/internal/churn"
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
	return nil
}

// trainers are the models that this process can train.
func (p *plant) trainers() map[string]api.Trainer {
	return map[string]api.Trainer{churn.Name: p.churnTraining}
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
	versions, err := p.users.Models(ctx, churn.Name)
	if err != nil || len(versions) == 0 {
		return time.Time{}, err
	}
	return versions[0].CreatedAt, nil
}

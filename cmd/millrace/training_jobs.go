package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"millrace/api"
	"millrace/oltp"
)

// trainingJobs runs the trainings of one model in the background, one at a time:
// when it is asked to, and where every is positive, so long after the latest one.
//
// start asks through a channel of one place: who finds it taken is told that a
// training is under way.
type trainingJobs struct {
	name  string
	every time.Duration // between two trainings; 0 for none by itself
	train func(ctx context.Context, progress *trainProgress) (*trained, error)
	// latest tells when the newest version was made; zero where there is none.
	latest func(ctx context.Context) (time.Time, error)
	log    *slog.Logger

	asked chan struct{}

	mu       sync.Mutex
	state    api.Training   // guarded by mu
	progress *trainProgress // guarded by mu; of the training under way
}

func newTrainingJobs(name string, every time.Duration, log *slog.Logger) *trainingJobs {
	return &trainingJobs{
		name: name, every: every, log: log, asked: make(chan struct{}, 1),
		state: api.Training{State: api.TrainingIdle},
	}
}

// Start asks for a training. Where one is under way, it is oltp.ErrTraining.
func (j *trainingJobs) Start() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state.State == api.TrainingRunning {
		return oltp.ErrTraining
	}
	select {
	case j.asked <- struct{}{}:
		j.begin()
		return nil
	default:
		return oltp.ErrTraining
	}
}

// begin notes the start; mu is held.
func (j *trainingJobs) begin() {
	now := time.Now().UTC()
	j.state = api.Training{State: api.TrainingRunning, StartedAt: &now}
	j.progress = newTrainProgress()
}

// State tells how the latest training is doing.
func (j *trainingJobs) State() api.Training {
	j.mu.Lock()
	defer j.mu.Unlock()
	state := j.state
	if state.State == api.TrainingRunning {
		state.Detail = j.progress.read().text
	}
	return state
}

// Run trains until ctx ends.
func (j *trainingJobs) Run(ctx context.Context) error {
	const look = time.Minute // how often it is seen whether a training is due
	began := time.Now()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-j.asked:
			j.runOnce(ctx)
		case <-tick.C:
			if j.due(ctx, began) && j.Start() == nil {
				began = time.Now() // one that fails is not tried again at once
			}
		}
	}
}

// due tells whether the latest version is longer ago than every; where there is
// none, whether began is. It is not before an hour after began: a start trains
// nothing at once, and a training that fails is tried again an hour later.
func (j *trainingJobs) due(ctx context.Context, began time.Time) bool {
	if j.every <= 0 || time.Since(began) < min(j.every, time.Hour) {
		return false
	}
	latest, err := j.latest(ctx)
	if err != nil {
		j.log.Warn("cannot see whether a training is due", "model", j.name, "error", err)
		return false
	}
	if latest.IsZero() {
		latest = began
	}
	return time.Since(latest) >= j.every
}

// runOnce trains and notes how that ended.
func (j *trainingJobs) runOnce(ctx context.Context) {
	j.mu.Lock()
	progress := j.progress
	j.mu.Unlock()
	result, err := j.train(ctx, progress)
	now := time.Now().UTC()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state.EndedAt = &now
	if err != nil {
		j.state.State, j.state.Detail = api.TrainingFailed, err.Error()
		if !errors.Is(err, context.Canceled) {
			j.log.Warn("training failed", "model", j.name, "error", err)
		}
		return
	}
	outcome := "kept, not in use"
	if result.Promoted {
		outcome = "in use"
	}
	j.state.State, j.state.Version = api.TrainingDone, result.Version
	j.state.Detail = fmt.Sprintf("version %d is %s: %s", result.Version, outcome, result.Reason)
	j.log.Info("trained", "model", j.name, "version", result.Version, "promoted", result.Promoted, "reason", result.Reason)
}

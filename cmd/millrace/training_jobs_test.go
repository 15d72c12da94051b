package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"millrace/api"
	"millrace/internal/churn"
	"millrace/oltp"
)

// jobsFor are trainings that take a minute and count themselves.
func jobsFor(every time.Duration, latest func() time.Time, outcome error) (jobs *trainingJobs, count *int) {
	count = new(int)
	jobs = newTrainingJobs("churn", every, slog.New(slog.DiscardHandler))
	jobs.latest = func(context.Context) (time.Time, error) { return latest(), nil }
	jobs.train = func(ctx context.Context, progress *trainProgress) (*trained, error) {
		*count++
		progress.step(1, 2, "half of it")
		select {
		case <-time.After(time.Minute):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return &trained{Name: "churn", Version: *count, Promoted: true, Reason: "a test"}, outcome
	}
	return jobs, count
}

// during runs the jobs while fn runs, in fake time.
func during(t *testing.T, jobs *trainingJobs, fn func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- jobs.Run(ctx) }()
	fn()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func never() time.Time { return time.Time{} }

func TestATrainingAskedForRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs, count := jobsFor(0, never, nil)
		during(t, jobs, func() {
			if err := jobs.Start(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if err := jobs.Start(); !errors.Is(err, oltp.ErrTraining) {
				t.Errorf("a second: got %v, want ErrTraining", err)
			}
			if s := jobs.State(); s.State != api.TrainingRunning || s.Detail != "half of it, step 2 of 2" {
				t.Errorf("meanwhile: %+v", s)
			}
			time.Sleep(48 * time.Hour) // fake time: nothing is due by itself
			if s := jobs.State(); s.State != api.TrainingDone || s.Version != 1 || s.EndedAt == nil || *count != 1 {
				t.Errorf("at the end: %+v, %d trainings", s, *count)
			}
		})
	})
}

func TestTrainingsOnSchedule(t *testing.T) {
	for name, c := range map[string]struct {
		latest func() time.Time
		want   int // trainings within 60 hours
	}{
		"no version yet: a day after the start, and a day later": {never, 2},
		"an old version: soon after the start":                   {func() time.Time { return time.Unix(0, 0) }, 60},
		"a new version by somebody else":                         {func() time.Time { return time.Now().Add(-time.Hour) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				jobs, count := jobsFor(24*time.Hour, c.latest, nil)
				during(t, jobs, func() { time.Sleep(60 * time.Hour) })
				if *count < c.want-3 || *count > c.want {
					t.Errorf("%d trainings, want about %d", *count, c.want)
				}
			})
		})
	}
}

func TestATrainingThatFailsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs, _ := jobsFor(0, never, churn.ErrTooLittleHistory)
		during(t, jobs, func() {
			if err := jobs.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			if s := jobs.State(); s.State != api.TrainingFailed || s.Detail != churn.ErrTooLittleHistory.Error() {
				t.Errorf("got %+v", s)
			}
			if err := jobs.Start(); err != nil {
				t.Errorf("again: %v", err)
			}
		})
	})
}

func TestVerdictNeedsALowerLossOnUnseenDates(t *testing.T) {
	contest := func(before, after float64) *churnContest {
		return &churnContest{Before: churn.Metrics{LogLoss: before}, After: churn.Metrics{LogLoss: after, Users: 10}}
	}
	for _, c := range []struct {
		contest *churnContest
		want    bool
	}{{contest(0.5, 0.4), true}, {contest(0.4, 0.5), false}, {contest(0.4, 0.4), false}, {nil, false}} {
		if promote, reason := verdict(3, c.contest); promote != c.want || reason == "" {
			t.Errorf("%+v: got %v, %q", c.contest, promote, reason)
		}
	}
}

package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/api"
	"millrace/oltp"
)

// scorePasses runs the version of a model that is in use over all its users: again
// when every has passed, and at once when another version is put to use.
type scorePasses struct {
	name      string // of the stage
	model     string // in the registry
	untrained string // what to do while no version is in use, for people
	every     time.Duration
	current   func(ctx context.Context, model string) (version int, err error)
	hold      func(ctx context.Context, w oltp.Work, do func(context.Context) error) error
	// pass scores everybody with the version. last is how the pass before ended, its
	// zero value where there was none.
	pass     func(ctx context.Context, version int, last scorePass) (scorePass, error)
	failures prometheus.Counter
	log      *slog.Logger

	mu      sync.Mutex
	last    scorePass // guarded by mu, as all below
	ended   time.Time // when the last pass did
	failing error
	since   time.Time // of failing, or not
}

// scorePass is how a pass ended.
type scorePass struct {
	version int       // of the model; 0 before the first pass
	asOf    time.Time // events before it were looked at
	detail  string    // for people
}

const (
	// scoresLook is how often it is seen whether a pass is due.
	scoresLook = 5 * time.Second
	// scoresBatch is how many users are written with one statement.
	scoresBatch = 2000
)

// Run keeps the scores until ctx ends. A failed pass is repeated.
func (s *scorePasses) Run(ctx context.Context) error {
	tick := time.NewTicker(scoresLook)
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

// passIfDue runs a pass where one is due. Without a model there is nothing to do.
func (s *scorePasses) passIfDue(ctx context.Context) error {
	version, err := s.current(ctx, s.model)
	if errors.Is(err, oltp.ErrNoModel) {
		return nil
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	last, ended := s.last, s.ended
	s.mu.Unlock()
	if version == last.version && time.Since(ended) < s.every {
		return nil
	}
	var pass scorePass
	err = s.hold(ctx, oltp.ScoringOfUsers, func(ctx context.Context) (err error) {
		pass, err = s.pass(ctx, version, last)
		return err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.last, s.ended = pass, time.Now()
	s.mu.Unlock()
	return nil
}

// note records how a look ended, and logs when that changes.
func (s *scorePasses) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if changed := (err == nil) != (s.failing == nil); changed {
		s.since = time.Now()
		if err != nil {
			s.log.Warn("users cannot be scored, will keep trying", "model", s.model, "error", err)
		} else {
			s.log.Info("users are scored again", "model", s.model)
		}
	}
	if s.failing = err; err != nil {
		s.failures.Inc()
	}
}

// stage tells GET /v1/status how the scores are doing.
func (s *scorePasses) stage() api.Stage {
	s.mu.Lock()
	defer s.mu.Unlock()
	stage := api.Stage{Name: s.name, State: api.StageOK, Since: s.since}
	switch {
	case s.failing != nil:
		stage.State, stage.Detail = api.StageFailing, s.failing.Error()
	case s.last.version == 0:
		stage.Detail = s.untrained
	default:
		age := time.Since(s.ended).Seconds()
		stage.LagSeconds, stage.Detail = &age, s.last.detail
	}
	return stage
}

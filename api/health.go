package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Health is the answer of GET /healthz.
type Health struct {
	Status string `json:"status" enum:"ok" doc:"The process is alive."`
}

// Dependency is something the server needs, and how it is.
type Dependency struct {
	Name   string `json:"name" doc:"What is needed." example:"clickhouse"`
	State  string `json:"state" enum:"ok,failing" doc:"Whether it answers."`
	Reason string `json:"reason,omitempty" doc:"Why it is failing."`
}

// Readiness is the answer of GET /readyz while everything answers.
type Readiness struct {
	Status       string       `json:"status" enum:"ready" doc:"Every dependency answers."`
	Dependencies []Dependency `json:"dependencies" doc:"What the server needs, and how it is."`
}

// Status is the answer of GET /v1/status.
type Status struct {
	State       StageState `json:"state" enum:"ok,behind,failing" doc:"The worst state of all stages."`
	At          time.Time  `json:"at" doc:"When this was seen."`
	StoredUntil *time.Time `json:"stored_until" doc:"Everything that the broker accepted before this instant can be queried; null while that is not known."`
	LagRecords  int64      `json:"lag_records" doc:"Records accepted and not yet stored."`
	Stages      []Stage    `json:"stages" doc:"The path of an event, in order."`
}

func (s *Server) getHealth(context.Context, *struct{}) (*answer[Health], error) {
	return &answer[Health]{Body: Health{Status: "ok"}}, nil
}

func (s *Server) getReadiness(ctx context.Context, _ *struct{}) (*answer[Readiness], error) {
	deps := s.checkAll(ctx)
	var failing []string
	for _, d := range deps {
		if d.State != "ok" {
			failing = append(failing, d.Name+": "+d.Reason)
		}
	}
	if s.stopping.Load() {
		failing = append(failing, "the server is stopping")
	}
	if len(failing) > 0 {
		p := retryIn(time.Second, newProblem(http.StatusServiceUnavailable, codeNotReady, "Not ready. "+strings.Join(failing, "; ")+"."))
		p.Dependencies = deps
		return nil, p
	}
	return &answer[Readiness]{Body: Readiness{Status: "ready", Dependencies: deps}}, nil
}

// checkAll asks all dependencies at once, so that it takes as long as the slowest.
func (s *Server) checkAll(ctx context.Context) []Dependency {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	deps := make([]Dependency, len(s.deps.Checks))
	var all sync.WaitGroup
	for i, check := range s.deps.Checks {
		all.Go(func() { deps[i] = check.dependency(ctx) })
	}
	all.Wait()
	return deps
}

func (c Check) dependency(ctx context.Context) Dependency {
	if err := c.Ready(ctx); err != nil {
		reason := err.Error()
		if ctx.Err() != nil {
			reason = fmt.Sprintf("no answer in time (%v)", err)
		}
		return Dependency{Name: c.Name, State: "failing", Reason: reason}
	}
	return Dependency{Name: c.Name, State: "ok"}
}

func (s *Server) getStatus(context.Context, *struct{}) (*answer[Status], error) {
	st := Status{State: StageOK, At: milliseconds(time.Now()), LagRecords: s.deps.Progress.Lag(), Stages: []Stage{}}
	st.StoredUntil = s.storedUntil()
	for _, stage := range s.deps.Stages {
		seen := stage()
		seen.Since = milliseconds(seen.Since)
		st.Stages = append(st.Stages, seen)
		if seen.State == StageFailing || st.State == StageOK {
			st.State = seen.State
		}
	}
	return &answer[Status]{Body: st}, nil
}

// storedUntil is how far the stored events reach, nil while that is not known.
func (s *Server) storedUntil() *time.Time {
	until, known := s.deps.Progress.StoredUntil()
	if !known {
		return nil
	}
	until = milliseconds(until)
	return &until
}

// milliseconds is t as the contract writes times.
func milliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

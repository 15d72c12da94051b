package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestReadiness(t *testing.T) {
	var failure error
	s := start(t, func(_ *Config, d *Deps) {
		d.Checks = []Check{
			{"clickhouse", func(context.Context) error { return nil }},
			{"kafka", func(context.Context) error { return failure }},
		}
	})
	ready := decodeReply[Readiness](t, s.get("/readyz"))
	if ready.Status != "ready" || len(ready.Dependencies) != 2 || ready.Dependencies[1] != (Dependency{Name: "kafka", State: "ok"}) {
		t.Errorf("got %+v", ready)
	}
	failure = errors.New("connection refused")
	answer := s.get("/readyz")
	p := wantProblem(t, answer, http.StatusServiceUnavailable, codeNotReady)
	want := Dependency{Name: "kafka", State: "failing", Reason: "connection refused"}
	if len(p.Dependencies) != 2 || p.Dependencies[1] != want || p.Detail != "Not ready. kafka: connection refused." {
		t.Errorf("got %s %+v", p.Detail, p.Dependencies)
	}
	if answer := s.get("/healthz"); answer.status != http.StatusOK || strings.TrimSpace(string(answer.body)) != `{"status":"ok"}` {
		t.Errorf("healthz while a dependency is away: got %d %s", answer.status, answer.body)
	}
}

func TestReadinessDoesNotWaitForASilentDependency(t *testing.T) {
	s := start(t, func(c *Config, d *Deps) {
		c.LookupTimeout = 20 * time.Millisecond
		d.Checks = []Check{{"postgres", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}}
	})
	p := wantProblem(t, s.get("/readyz"), http.StatusServiceUnavailable, codeNotReady)
	if !strings.Contains(p.Detail, "no answer in time") {
		t.Errorf("got %s", p.Detail)
	}
}

func TestStatusShowsTheWorstStage(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	stage := func(state StageState) StageFunc {
		return func() Stage { return Stage{Name: "s", State: state, Since: since} }
	}
	for _, c := range []struct {
		stages []StageFunc
		want   StageState
	}{
		{nil, StageOK},
		{[]StageFunc{stage(StageOK), stage(StageOK)}, StageOK},
		{[]StageFunc{stage(StageBehind), stage(StageOK)}, StageBehind},
		{[]StageFunc{stage(StageFailing), stage(StageBehind)}, StageFailing},
		{[]StageFunc{stage(StageOK), stage(StageBehind), stage(StageFailing)}, StageFailing},
	} {
		s := start(t, func(_ *Config, d *Deps) { d.Stages, d.Progress = c.stages, fakeProgress{until: since} })
		got := decodeReply[Status](t, s.get("/v1/status"))
		if got.State != c.want || len(got.Stages) != len(c.stages) || got.LagRecords != 3 || !got.StoredUntil.Equal(since) {
			t.Errorf("got %+v, want %s", got, c.want)
		}
	}
}

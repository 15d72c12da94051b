package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/oltp"
)

// Every message that a client can cause is kept in testdata/errors.
func TestErrorMessages(t *testing.T) {
	s := start(t, func(c *Config, _ *Deps) {
		c.Limits.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	})
	for _, c := range []struct{ name, method, path, contentType, body string }{
		{"malformed body", "POST", "/v1/events", "application/json", `{"type":"view",}`},
		{"not json", "POST", "/v1/events", "application/json", `type=view`},
		{"truncated body", "POST", "/v1/events", "application/json", `{"type":"view","user_id":"u1"`},
		{"truncated array", "POST", "/v1/events", "application/json", `[{"type":"view"`},
		{"empty body", "POST", "/v1/events", "application/json", ``},
		{"empty array", "POST", "/v1/events", "application/json", `[]`},
		{"unknown field", "POST", "/v1/events", "application/json", `{"type":"view","user":"u1"}`},
		{"unknown context field", "POST", "/v1/events", "application/json", `{"type":"view","user_id":"u1","context":{"contry":"IN"}}`},
		{"missing user", "POST", "/v1/events", "application/json", `{"type":"view"}`},
		{"missing type", "POST", "/v1/events", "application/json", `{"user_id":"u1"}`},
		{"date of 1850", "POST", "/v1/events", "application/json", `{"type":"view","user_id":"u1","timestamp":"1850-01-01T00:00:00Z"}`},
		{"date of 2100", "POST", "/v1/events", "application/json", `{"type":"view","user_id":"u1","timestamp":"2100-01-01T00:00:00Z"}`},
		{"date that is none", "POST", "/v1/events", "application/json", `{"type":"view","user_id":"u1","timestamp":"yesterday"}`},
		{"2 MB property", "POST", "/v1/events", "application/json", `{"type":"view","user_id":"u1","properties":{"note":"` + strings.Repeat("x", 2<<20) + `"}}`},
		{"invalid utf-8", "POST", "/v1/events", "application/json", "{\"type\":\"view\",\"user_id\":\"u\xff1\"}"},
		{"wrong type", "POST", "/v1/events", "application/json", `{"type":"view","user_id":17}`},
		{"all of several refused", "POST", "/v1/events", "application/json", `[{"type":"view"},{"user_id":"u1"}]`},
		{"no content type", "POST", "/v1/events", "", `{"type":"view","user_id":"u1"}`},
		{"form content type", "POST", "/v1/events", "application/x-www-form-urlencoded", `type=view`},
		{"cloudevents", "POST", "/v1/events", "application/cloudevents+json", `{}`},
		{"unknown user", "GET", "/v1/users/nobody", "", ``},
		{"unknown parameter", "GET", "/v1/users/u1?expand=all", "", ``},
		{"limit that is no number", "GET", "/v1/users/u1/events?limit=many", "", ``},
		{"limit out of range", "GET", "/v1/users/u1/events?limit=5000", "", ``},
		{"broken cursor", "GET", "/v1/users/u1/events?cursor=xyz", "", ``},
		{"no such route", "GET", "/v1/user/u1", "", ``},
		{"route of a later version", "POST", "/v1/predict/churn", "application/json", `{"user_id":"u1"}`},
		{"method not allowed", "GET", "/v1/events", "", ``},
		{"query of another type", "POST", "/v1/query", "text/plain", `{}`},
		{"query that is not json", "POST", "/v1/query", "application/json", `{"kind":"trends",`},
		{"query with an unknown field", "POST", "/v1/query", "application/json", `{"kind":"trends","seres":[]}`},
		{"query of an unknown kind", "POST", "/v1/query", "application/json", `{"kind":"trend"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{"X-Request-Id", "test-request"}
			if c.contentType != "" {
				headers = append(headers, "Content-Type", c.contentType)
			}
			answer := s.do(c.method, c.path, []byte(c.body), headers...)
			wantProblem(t, answer, answer.status, decodeReply[Problem](t, answer).Code)
			golden(t, "errors/"+strings.ReplaceAll(c.name, " ", "-")+".golden", render(t, answer))
		})
	}
}

// render is an answer as text: status, the headers that matter, and the body.
func render(t *testing.T, answer reply) []byte {
	t.Helper()
	var out bytes.Buffer
	fmt.Fprintln(&out, answer.status, http.StatusText(answer.status))
	for _, name := range []string{"Content-Type", "Retry-After", "Allow"} {
		if value := answer.header.Get(name); value != "" {
			fmt.Fprintf(&out, "%s: %s\n", name, value)
		}
	}
	out.WriteString("\n")
	if err := json.Indent(&out, answer.body, "", "  "); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRequestIDIsTheClientsIfItIsPlain(t *testing.T) {
	s := start(t, nil)
	for given, kept := range map[string]bool{
		"abc-123": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "with space": false, "bréton": false, `quo"te`: false,
	} {
		got := s.do(http.MethodGet, "/healthz", nil, "X-Request-Id", given).header.Get("X-Request-Id")
		if (got == given) != kept || got == "" {
			t.Errorf("%q: got %q", given, got)
		}
	}
}

func TestWhatHTTPAloneGetsWrongIsAProblemToo(t *testing.T) {
	s := start(t, nil)
	wantProblem(t, s.do("BREW", "/v1/events", nil), http.StatusNotImplemented, codeMethodNotAllowed)
	wantProblem(t, s.do(http.MethodGet, "/healthz", nil, "X-Long", strings.Repeat("x", 20<<10)),
		http.StatusRequestHeaderFieldsTooLarge, "headers_too_large")
}

func TestPanicIsAnInternalError(t *testing.T) {
	s := start(t, func(_ *Config, d *Deps) {
		d.Stages = []StageFunc{func() Stage { panic("the stage is broken") }}
	})
	p := wantProblem(t, s.get("/v1/status"), http.StatusInternalServerError, codeInternal)
	if strings.Contains(p.Detail, "broken") {
		t.Errorf("the detail shows internals: %s", p.Detail)
	}
}

func TestUnknownRouteNamesWhatExists(t *testing.T) {
	s := start(t, nil)
	p := wantProblem(t, s.get("/v1/lve"), http.StatusNotFound, codeNoSuchRoute)
	if !strings.Contains(p.Detail, `did you mean "/v1/live"`) || !slices.Contains(p.Routes, "POST /v1/events") {
		t.Errorf("got %s %q", p.Detail, p.Routes)
	}
}

func TestPathText(t *testing.T) {
	if got, err := pathText("a%2Fb%20%C3%A9"); err != nil || got != "a/b é" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := pathText("%zz"); problemOf(err).Code != codeInvalidParameter {
		t.Errorf("broken escape: got %v", err)
	}
}

// The client sees a code, the log the cause, and the request id joins them.
func TestFailuresAreLoggedWithTheirCause(t *testing.T) {
	var log lockedBuffer
	s := start(t, func(_ *Config, d *Deps) {
		d.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		d.Users = userFunc(func(context.Context, string) (oltp.UserStats, error) {
			return oltp.UserStats{}, errors.New("column does not exist")
		})
	})
	s.do(http.MethodGet, "/v1/users/u1", nil, "X-Request-Id", "id-1")
	s.do(http.MethodGet, "/healthz", nil, "X-Request-Id", "id-2")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string][]string{
		"id-1": {"level=WARN", `error="column does not exist"`, `route="GET /v1/users/{id}"`, "status=500", "code=internal_error"},
		"id-2": {"level=DEBUG", "status=200"},
	} {
		line := log.lineWith("request_id=" + id)
		for _, part := range want {
			if !strings.Contains(line, part) {
				t.Errorf("the line of %s lacks %s: %s", id, part, line)
			}
		}
	}
}

// lockedBuffer collects a log.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) lineWith(part string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.text.String()) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

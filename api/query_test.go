package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"millrace/olap"
)

const trendsQuestion = `{"kind":"trends","from":"-7d","to":"now","series":[{"name":"A","event":"purchase"}]}`

// ask posts a question.
func (r *running) question(body string) reply {
	r.t.Helper()
	return r.do(http.MethodPost, "/v1/query", []byte(body), "Content-Type", "application/json")
}

// sampleAnswer answers any question with something of every field.
func sampleAnswer(_ context.Context, q olap.Query) (*olap.Answer, error) {
	none, until := "(none)", "2026-01-02T03:04:05.678Z"
	answer := &olap.Answer{Kind: q.Kind(), Meta: olap.Meta{
		Semantics: "1", From: "2026-01-01T00:00:00Z", To: "2026-01-02T00:00:00Z", Timezone: "UTC",
		StoredUntil: &until, SQL: []string{"SELECT 1 WHERE 1 < 2"}, Warnings: []string{}}}
	switch q.Kind() {
	case "trends":
		answer.Result = &olap.TrendsResult{Buckets: []string{"2026-01-01T00:00:00+05:30"}, Incomplete: []int{0},
			Series: []olap.TrendLine{{Name: "A"}, {Name: "B", Breakdown: &none}}}
	case "funnel":
		answer.Result = &olap.FunnelResult{
			Steps:     []olap.FunnelStep{{Step: 1, Name: "look"}, {Step: 2, Count: 7}},
			Breakdown: []olap.FunnelGroup{{Value: "IN", Steps: []olap.FunnelStep{{Step: 1}}}},
			StillOpen: olap.FunnelOpen{EnteredFrom: &until}}
	}
	return answer, nil
}

func TestQueryAnswers(t *testing.T) {
	s := start(t, func(_ *Config, d *Deps) {
		d.Asker = askFunc(func(ctx context.Context, q olap.Query) (*olap.Answer, error) {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("the question has no deadline")
			}
			return sampleAnswer(ctx, q)
		})
	})
	answer := s.question(trendsQuestion)
	body := string(answer.body)
	if answer.status != http.StatusOK || !strings.HasPrefix(body, `{"kind":"trends","result":`) || !strings.Contains(body, "1 < 2") {
		t.Errorf("got %d %s", answer.status, answer.body)
	}
	zipped := s.do(http.MethodPost, "/v1/query", compressGzip(t, []byte(trendsQuestion)), "Content-Type", "application/json", "Content-Encoding", "gzip")
	if zipped.status != http.StatusOK {
		t.Errorf("gzip: got %d %s", zipped.status, zipped.body)
	}
}

func TestQueryFailures(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	slow := &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"fault of the question": {&olap.QueryError{Code: olap.CodeInvalidRange, Field: "/from", Detail: "from is after to"}, http.StatusBadRequest, "invalid_range"},
		"store away":            {fmt.Errorf("ask clickhouse: %w", refused), http.StatusServiceUnavailable, codeStoreUnavailable},
		"store killed":          {fmt.Errorf("ask clickhouse: %w", io.EOF), http.StatusServiceUnavailable, codeStoreUnavailable},
		"store silent":          {fmt.Errorf("ask clickhouse: %w", slow), http.StatusGatewayTimeout, codeTimeout},
		"too slow":              {context.DeadlineExceeded, http.StatusGatewayTimeout, codeTimeout},
		"fault of ours":         {errors.New("unknown identifier"), http.StatusInternalServerError, codeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(_ *Config, d *Deps) {
				d.Asker = askFunc(func(context.Context, olap.Query) (*olap.Answer, error) { return nil, c.err })
			})
			p := wantProblem(t, s.question(trendsQuestion), c.status, c.code)
			if c.code == "invalid_range" && (p.Field != "/from" || p.Detail != "from is after to") {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestQueriesWaitForTheirTurn(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := start(t, func(c *Config, d *Deps) {
		c.MaxQueries, c.QueryTimeout = 1, 300*time.Millisecond
		d.Asker = askFunc(func(ctx context.Context, q olap.Query) (*olap.Answer, error) {
			entered <- struct{}{}
			<-release
			return sampleAnswer(ctx, q)
		})
	})
	first := make(chan reply)
	go func() { first <- s.question(trendsQuestion) }()
	<-entered
	answer := s.question(trendsQuestion)
	wantProblem(t, answer, http.StatusServiceUnavailable, codeOverloaded)
	if answer.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	close(release)
	if got := <-first; got.status != http.StatusOK {
		t.Errorf("the first question: got %d %s", got.status, got.body)
	}
}

// The questions of the OpenAPI document are understood.
func TestExampleQuestionsAreUnderstood(t *testing.T) {
	s := start(t, func(_ *Config, d *Deps) { d.Asker = askFunc(sampleAnswer) })
	post := s.document()["paths"].(map[string]any)["/v1/query"].(map[string]any)["post"].(map[string]any)
	examples := post["requestBody"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)["examples"].(map[string]any)
	for name, example := range examples {
		body, err := json.Marshal(example.(map[string]any)["value"])
		if err != nil {
			t.Fatal(err)
		}
		if answer := s.question(string(body)); answer.status != http.StatusOK {
			t.Errorf("%s: got %d %s", name, answer.status, answer.body)
		}
	}
}

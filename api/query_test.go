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

// What is refused before or while it runs says by how much, and what would fit.
func TestQueryRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
		detail string
		retry  string
	}{
		"over budget": {&olap.BudgetError{Estimate: olap.Estimate{Rows: 120_000_000, Marks: 14_649}, Budget: olap.Budget{Rows: 50_000_000},
			Fits: &olap.FittingRange{From: "2026-05-01T00:00:00Z", To: "2026-07-01T00:00:00Z", Days: 61, Rows: 40_000_000}},
			http.StatusUnprocessableEntity, codeOverBudget, "This would read about 120 million rows, and 50 million is the most for one question; the 61 days from 2026-05-01T00:00:00Z would fit, with about 40 million rows.", ""},
		"nothing fits": {&olap.BudgetError{Estimate: olap.Estimate{Rows: 20_000}, Budget: olap.Budget{Rows: 1}}, http.StatusUnprocessableEntity, codeOverBudget, "no shorter range would do", ""},
		"memory":       {&olap.QueryError{Code: olap.CodeTooExpensive, Detail: "the answer needs more"}, http.StatusUnprocessableEntity, "too_expensive", "the answer needs more", ""},
		"time":         {&olap.CutError{After: 30 * time.Second, Rows: 40_000_000, Of: 120_000_000, Days: 10}, http.StatusGatewayTimeout, codeTimeout, "The answer was stopped after 30s, having read 40 million of about 120 million rows; at that speed about 10 days of the range would fit.", ""},
		"too many":     {&olap.BusyError{Detail: "many wait", RetryAfter: 1500 * time.Millisecond}, http.StatusServiceUnavailable, codeOverloaded, "", "2"},
		"own too many": {&olap.BusyError{Own: true, Detail: "many of yours wait", RetryAfter: 3 * time.Second}, http.StatusTooManyRequests, codeTooManyQueries, "", "3"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(_ *Config, d *Deps) {
				d.Asker = askFunc(func(context.Context, olap.Query) (*olap.Answer, error) { return nil, c.err })
			})
			answer := s.question(trendsQuestion)
			p := wantProblem(t, answer, c.status, c.code)
			if !strings.Contains(p.Detail, c.detail) || answer.header.Get("Retry-After") != c.retry {
				t.Errorf("got %s, Retry-After %q", p.Detail, answer.header.Get("Retry-After"))
			}
			if name == "over budget" && (p.Estimate == nil || p.Estimate.Rows != 120_000_000 || p.Fits == nil || p.Fits.Days != 61) {
				t.Errorf("got %s", answer.body)
			}
		})
	}
}

// The questions of the OpenAPI document are understood.
func TestExampleQuestionsAreUnderstood(t *testing.T) {
	trends, err := olap.ParseQuery([]byte(trendsQuestion))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(_ *Config, d *Deps) {
		d.Asker = askFunc(func(ctx context.Context, _ olap.Query) (*olap.Answer, error) { return sampleAnswer(ctx, trends) })
	})
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

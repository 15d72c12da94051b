package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"millrace/olap"
)

func TestQuestionsAsText(t *testing.T) {
	var asked []string
	s := start(t, func(_ *Config, d *Deps) {
		d.Asker = askFunc(func(ctx context.Context, q olap.Query) (*olap.Answer, error) {
			asked = append(asked, string(q.JSON()))
			return sampleAnswer(ctx, q)
		})
	})
	const line = "funnel view > purchase within 1d last 30d"
	for _, answer := range []reply{s.get("/v1/query?q=" + url.QueryEscape(line)), s.question(`{"kind":"text","q":"` + line + `"}`)} {
		if answer.status != http.StatusOK || !strings.HasPrefix(string(answer.body), `{"kind":"funnel"`) {
			t.Errorf("got %d %s", answer.status, answer.body)
		}
	}
	if len(asked) != 2 || asked[0] != asked[1] || asked[0] != `{"from":"-30d","kind":"funnel","steps":[{"event":"view"},{"event":"purchase"}],"window":"1d"}` {
		t.Errorf("asked %q", asked)
	}
	for line, want := range map[string]struct {
		code   string
		column int
		detail string
	}{
		"funel view > purchase":                     {"invalid_text", 1, `did you mean "funnel"?`},
		"funnel view > purchase witin 1d":           {"invalid_text", 24, `column 24: found "witin"`},
		`trends view where contry = "IN"`:           {"unknown_name", 19, `column 19: there is no field "contry"; did you mean "country"?`},
		`trends view (platform = "ios" and x > "y`:  {"invalid_text", 39, "the text is not closed"},
		"trends view by sum(contry) last 7d":        {"unknown_name", 20, `did you mean "country"`},
		"trends view from 2026-02-01 to 2026-01-01": {"invalid_range", 18, "is not before"},
		`trends view formula "A / C"`:               {"invalid_formula", 26, `there is no series "C"`},
	} {
		p := wantProblem(t, s.get("/v1/query?q="+url.QueryEscape(line)), http.StatusBadRequest, want.code)
		if p.Parameter != "q" || p.Field != "" || p.Column != want.column || !strings.Contains(p.Detail, want.detail) {
			t.Errorf("%s: got %+v", line, p)
		}
		body, err := json.Marshal(map[string]string{"kind": "text", "q": line})
		if err != nil {
			t.Fatal(err)
		}
		if p := wantProblem(t, s.question(string(body)), http.StatusBadRequest, want.code); p.Field != "/q" || p.Column != want.column {
			t.Errorf("%s in JSON: got %+v", line, p)
		}
	}
	wantProblem(t, s.get("/v1/query"), http.StatusBadRequest, codeInvalidParameter)
	if p := wantProblem(t, s.get("/v1/query?query=x"), http.StatusBadRequest, codeInvalidParameter); p.Parameter != "query" {
		t.Errorf("got %+v", p)
	}
}

// lister answers the two routes beside the question itself.
type lister struct {
	askFunc
	cell   string
	after  string
	limit  int
	caller olap.Caller
}

func (l *lister) Preview(_ context.Context, _ olap.Caller, q olap.Query) (*olap.Preview, error) {
	text, _ := q.Text()
	return &olap.Preview{Kind: q.Kind(), Question: q.JSON(), Text: text, Fits: true, Estimate: olap.Estimate{Rows: 5, Bytes: 100, Marks: 1},
		Statements: []olap.StatementEstimate{{SQL: "SELECT 1", Columns: []string{"events.type"}}}, Meta: sampleMeta()}, nil
}

func (l *lister) People(_ context.Context, caller olap.Caller, _ olap.Query, cell json.RawMessage, after string, limit int) (*olap.People, error) {
	l.caller, l.cell, l.after, l.limit = caller, string(cell), after, limit
	next := "u2"
	return &olap.People{Users: []string{"u1", "u2"}, Total: 7, NextCursor: &next, Meta: sampleMeta()}, nil
}

func sampleMeta() olap.Meta {
	return olap.Meta{Semantics: "1", From: "2026-01-01T00:00:00Z", To: "2026-01-02T00:00:00Z", Timezone: "UTC", SQL: []string{}, Warnings: []string{}}
}

func TestQueryPreview(t *testing.T) {
	s := start(t, func(_ *Config, d *Deps) { d.Asker = &lister{} })
	answer := s.do(http.MethodPost, "/v1/query/preview", []byte(exampleText), "Content-Type", "application/json")
	p := decodeReply[QueryPreview](t, answer)
	if answer.status != http.StatusOK || p.Text != "funnel view > add_to_cart > purchase within 1d last 30d" || p.Estimate.Rows != 5 || p.Question["kind"] != "funnel" {
		t.Errorf("got %d %s", answer.status, answer.body)
	}
	wantProblem(t, s.do(http.MethodPost, "/v1/query/preview", []byte(`{"kind":"x"}`), "Content-Type", "application/json"), http.StatusBadRequest, "unknown_kind")
}

func TestQueryUsers(t *testing.T) {
	asker := &lister{}
	s := start(t, func(_ *Config, d *Deps) { d.Asker = asker })
	post := func(body string) reply {
		return s.do(http.MethodPost, "/v1/query/users", []byte(body), "Content-Type", "application/json")
	}
	answer := post(`{"query":` + exampleFunnel + `,"cell":{"step":2},"limit":2,"cursor":"u0"}`)
	page := decodeReply[QueryUsers](t, answer)
	if answer.status != http.StatusOK || page.Total != 7 || *page.NextCursor != "u2" || asker.cell != `{"step":2}` || asker.after != "u0" || asker.limit != 2 || asker.caller.Name != "127.0.0.1" {
		t.Errorf("got %d %s; asked %+v", answer.status, answer.body, asker)
	}
	for body, want := range map[string][2]string{
		`{"cell":{}}`:                                              {"missing_field", "/query"},
		`{"query":` + exampleFunnel + `}`:                          {"missing_field", "/cell"},
		`{"query":{"kind":"fun"},"cell":{}}`:                       {"unknown_kind", "/query/kind"},
		`{"query":` + exampleFunnel + `,"cell":{},"limit":0}`:      {"invalid_value", "/limit"},
		`{"query":` + exampleFunnel + `,"cell":{},"limitt":5}`:     {"unknown_field", "/limitt"},
		`{"query":` + exampleFunnel + `,"cell":{},"limit":"many"}`: {"wrong_type", "/limit"},
		`[]`: {"malformed_json", ""},
		`{"query":{"kind":"text","q":"trends view lst 7d"},"cell":{}}`: {"invalid_text", "/query/q"},
	} {
		if p := wantProblem(t, post(body), http.StatusBadRequest, want[0]); p.Field != want[1] {
			t.Errorf("%s: got %+v", body, p)
		}
	}
}

func TestSchemaOfTheData(t *testing.T) {
	seen := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	s := start(t, func(_ *Config, d *Deps) {
		d.Catalog = catalogFunc(func(_ context.Context, f olap.CatalogFilter) (*olap.Catalog, error) {
			if f.Property == "contry" {
				return nil, &olap.QueryError{Code: olap.CodeUnknownName, Detail: "there is no such"}
			}
			return &olap.Catalog{Events: []olap.CatalogEvent{{Name: f.Event, Count: 3, FirstSeen: seen, LastSeen: seen}},
				Properties: []olap.CatalogProperty{{Name: "properties.plan", Types: []string{"text"}, Events: []string{"view"}, Count: 3, FirstSeen: seen, LastSeen: seen, Values: []string{f.Prefix}}}, SampledRows: 3, StoredRows: 3}, nil
		})
	})
	answer := s.get("/v1/schema?event=view&property=plan&prefix=pr")
	if got := decodeReply[DataSchema](t, answer); answer.status != http.StatusOK || got.Events[0].Name != "view" || got.Properties[0].Values[0] != "pr" {
		t.Errorf("got %d %s", answer.status, answer.body)
	}
	if p := wantProblem(t, s.get("/v1/schema?property=contry"), http.StatusBadRequest, "unknown_name"); p.Parameter != "property" {
		t.Errorf("got %+v", p)
	}
	wantProblem(t, s.get("/v1/schema?evnt=view"), http.StatusBadRequest, codeInvalidParameter)
}

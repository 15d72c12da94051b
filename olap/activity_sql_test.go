package olap

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestActivitySQL shows the SQL of retention, lifecycle and stickiness, and of
// the users behind a cell where one is given.
func TestActivitySQL(t *testing.T) {
	const views = `"start":{"event":"view"},"return":{"event":"purchase"}`
	for name, q := range map[string]struct{ question, cell string }{
		"retention":                {`{` + views + `}`, `{"cohort":"2026-03-02","period":2}`},
		"retention_where":          {`{"start":{"event":{"any_of":["view","click"]},"where":"properties.plan = \"it's\""},"return":{"event":null},"where":"amount > 1.5","cohort":"first_in_range"}`, ``},
		"retention_24h":            {`{` + views + `,"periods_from":"24h","min_occurrences":2,"count":"on_or_after"}`, `{"cohort":"2026-03-02","period":2}`},
		"retention_recurring":      {`{` + views + `,"cohort":"recurring"}`, ``},
		"retention_recurring_24h":  {`{` + views + `,"cohort":"recurring","periods_from":"24h"}`, ``},
		"retention_breakdown":      {`{` + views + `,"breakdown":{"property":"properties.plan","limit":2}}`, ``},
		"retention_each_breakdown": {`{` + views + `,"cohort":"recurring","breakdown":{"property":"country","limit":2}}`, ``},
		"retention_dst":            {`{` + views + `,"timezone":"America/New_York"}`, ``},
		"lifecycle":                {`{"event":"view"}`, `{"bucket":"2026-03-02","state":"dormant"}`},
		"lifecycle_cut":            {`{"event":"view","to":"2026-03-14T12:00","from":"2026-03-01T12:00","where":"properties.plan = \"it's\""}`, ``},
		"stickiness":               {`{"event":"view"}`, `{"intervals":3}`},
	} {
		kind, _, _ := strings.Cut(name, "_")
		question := `{"kind":"` + kind + `",`
		if !strings.Contains(q.question, `"from"`) {
			question += `"from":"2026-03-01","to":"2026-03-15",`
		}
		question += q.question[1:]
		parsed, err := ParseQuery([]byte(question))
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "-- %s\n", question)
		show := func(st *statement) {
			fmt.Fprintf(&b, "\n%s;\n", st.explained())
			for _, spliced := range []string{"purchase", "plan", "it's", "view", "click", "1.5"} {
				if strings.Contains(st.String(), spliced) {
					t.Errorf("%s: %q stands in the SQL", name, spliced)
				}
			}
		}
		for _, st := range renderedActivity(t, parsed) {
			show(st)
		}
		if q.cell != "" {
			fmt.Fprintf(&b, "\n-- users behind %s\n", q.cell)
			show(renderedCell(t, parsed, q.cell))
		}
		golden(t, "sql/"+name+".sql", b.String())
	}
}

// renderedActivity gives the statements of a question without running them;
// where one needs the result of another, that is IN and US.
func renderedActivity(t *testing.T, q Query) []*statement {
	t.Helper()
	r := &run{store: &Store{}, now: at("2026-03-20T12:00:00Z")}
	var out []*statement
	add := func(st *statement, err error) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, st)
	}
	switch q := q.(type) {
	case *retention:
		p, err := q.plan(r)
		if err != nil {
			t.Fatal(err)
		}
		add(p.counts())
		if q.Breakdown != nil {
			add(p.ranking())
			p.groups = groups{by: q.Breakdown, values: []string{"IN", "US"}}
			add(p.counts())
		}
	case *lifecycle:
		f, err := q.frame(r.now)
		if err != nil {
			t.Fatal(err)
		}
		add(q.counts(f))
	case *stickiness:
		f, err := q.frame(r.now)
		if err != nil {
			t.Fatal(err)
		}
		add(q.counts(f))
	}
	return out
}

func renderedCell(t *testing.T, q Query, text string) *statement {
	t.Helper()
	c, err := q.(drillable).parseCell(json.RawMessage(text))
	if err != nil {
		t.Fatal(err)
	}
	st, err := c.people(context.Background(), &run{store: &Store{}, now: at("2026-03-20T12:00:00Z")})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

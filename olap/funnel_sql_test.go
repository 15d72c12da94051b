package olap

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestFunnelSQL shows the SQL of each form of funnel, and of the users behind a
// number. Nothing that a client wrote may stand in it.
func TestFunnelSQL(t *testing.T) {
	const three = `"steps":[{"event":"view"},{"event":"add_to_cart","where":"amount > 5"},{"event":"purchase"}]`
	const two = `"steps":[{"event":"view"},{"event":"purchase"}]`
	for name, form := range map[string]struct{ question, cell string }{
		"funnel":                 {three + `,"window":"1d"`, `{"step":2,"outcome":"dropped"}`},
		"funnel_ties":            {`"steps":[{"event":"view"},{"event":null},{"event":"purchase"}],"finish_after_range":true`, ""},
		"funnel_first":           {two + `,"breakdown":{"property":"country"},"count_by":"session"`, ""},
		"funnel_last":            {two + `,"breakdown":{"property":"country","attribution":"last"}`, `{"step":2,"breakdown":"(other)"}`},
		"funnel_all":             {two + `,"breakdown":{"property":"country","attribution":"all"}`, `{"step":1,"breakdown":"IN"}`},
		"funnel_strict":          {three + `,"order":"strict"`, ""},
		"funnel_exclusion":       {three + `,"exclusions":[{"event":"logout","from_step":1,"to_step":2}]`, ""},
		"funnel_unordered":       {two + `,"order":"unordered","breakdown":{"property":"country"}`, ""},
		"funnel_optional":        {`"steps":[{"event":"view"},{"event":"search","optional":true},{"event":"purchase"}]`, ""},
		"funnel_times":           {two + `,"view":"time_to_convert"`, `{"from_seconds":60,"to_seconds":120}`},
		"funnel_trend":           {two + `,"view":"trend"`, `{"bucket":"2026-03-02","outcome":"converted"}`},
		"funnel_trend_strict":    {two + `,"view":"trend","order":"strict"`, ""},
		"funnel_trend_exclusion": {two + `,"view":"trend","exclusions":[{"event":"logout"}]`, ""},
		"funnel_trend_unordered": {two + `,"view":"trend","order":"unordered"`, ""},
		"funnel_explain":         {two + `,"explain":{"step":2,"properties":["country","properties.plan"]}`, ""},
		"funnel_traits":          {two + `,"where":"user.plan exists"`, `{"step":2}`},
		"funnel_explain_all":     {two + `,"explain":true`, ""},
	} {
		question := `{"kind":"funnel","from":"2026-03-01","to":"2026-03-15",` + form.question + `}`
		q, err := ParseQuery([]byte(question))
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "-- %s\n", question)
		for _, st := range renderedFunnel(t, q.(*funnel), "") {
			shown(t, &b, name, st)
		}
		if form.cell != "" {
			fmt.Fprintf(&b, "\n-- the users of %s\n", form.cell)
			shown(t, &b, name, renderedFunnel(t, q.(*funnel), form.cell)...)
		}
		golden(t, "sql/"+name+".sql", b.String())
	}
}

func shown(t *testing.T, b *strings.Builder, name string, statements ...*statement) {
	t.Helper()
	for _, st := range statements {
		fmt.Fprintf(b, "\n%s;\n", st.explained())
		for _, spliced := range []string{"purchase", "plan", "view", "logout", "search"} {
			if strings.Contains(st.String(), spliced) {
				t.Errorf("%s: %q stands in the SQL", name, spliced)
			}
		}
	}
}

// renderedFunnel gives the statements of a question, or of one of its cells,
// without running them; where one needs the result of another, that is IN and US.
func renderedFunnel(t *testing.T, f *funnel, cellOf string) []*statement {
	t.Helper()
	now := at("2026-03-20T12:00:00Z")
	r := &run{store: &Store{}, now: now, watermark: &now}
	if cellOf != "" && f.Breakdown == nil {
		c, err := f.parseCell(json.RawMessage(cellOf))
		if err != nil {
			t.Fatal(err)
		}
		st, err := c.people(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return []*statement{st}
	}
	p, err := f.begin(r)
	if err != nil {
		t.Fatal(err)
	}
	if f.Breakdown != nil {
		p.groups = groups{by: &f.Breakdown.breakdown, values: []string{"IN", "US"}}
	}
	forms := []func() error{p.whole}
	group := func(label string) func() error {
		return func() error { return p.usersOfKnownGroup(label, p.reached(1)) }
	}
	switch {
	case cellOf != "" && f.Breakdown.Attribution == attributeAll:
		forms = []func() error{group("IN")}
	case cellOf != "":
		forms = []func() error{p.chainRanking, group(labelOther)}
	case f.View == viewTimes:
		forms = []func() error{p.durations}
	case f.View == viewTrend:
		forms = []func() error{p.entriesByBucket}
	case f.Explain.asked:
		forms = []func() error{p.whole, func() error { return p.valuesBefore(2) }}
	case f.Breakdown != nil && f.Breakdown.Attribution == attributeAll:
		forms = []func() error{p.whole, p.ranking, p.byValue}
	case f.Breakdown != nil:
		forms = []func() error{p.byChain}
	}
	var out []*statement
	for _, render := range forms {
		p.statement = newStatement()
		if err := render(); err != nil {
			t.Fatal(err)
		}
		out = append(out, p.statement)
	}
	return out
}

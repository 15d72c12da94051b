package olap

import (
	"fmt"
	"strings"
	"testing"
)

// TestSQL shows the SQL of each form of question. Nothing that a client wrote
// may stand in it: values are parameters, listed above the statement.
func TestSQL(t *testing.T) {
	for name, question := range map[string]string{
		"trends_total":      `{"series":[{"event":"purchase"}]}`,
		"trends_where":      `{"series":[{"event":{"any_of":["view","click"]},"where":"properties.plan = \"it's\" and not country in (\"IN\", 5)"}],"where":"amount > 1.5 or page ~ \"^/x\" or timestamp >= \"-1d\""}`,
		"trends_breakdown":  `{"series":[{"event":"purchase","measure":"sum","property":"amount"},{"measure":"users"}],"breakdown":{"property":"properties.plan","limit":2}}`,
		"trends_measures":   `{"series":[{"measure":"sessions"},{"measure":"unique","property":"page"},{"measure":"median","property":"properties.a.b"},{"measure":"new_users"},{"measure":"weekly_active"}]}`,
		"trends_per":        `{"series":[{"measure":"avg","per":"user"},{"measure":"p95","per":"session","property":"amount"}]}`,
		"trends_cumulative": `{"series":[{"measure":"users"}],"cumulative":true,"breakdown":{"property":"country"}}`,
		"trends_traits":     `{"series":[{"event":"purchase","where":"user.plan = \"it's\""},{"measure":"avg","property":"user.age.years"}],"breakdown":{"property":"user.plan","limit":2}}`,
		"trends_dst":        `{"series":[{}],"timezone":"America/New_York","interval":"day"}`,
	} {
		kind, _, _ := strings.Cut(name, "_")
		question = `{"kind":"` + kind + `","from":"2026-03-01","to":"2026-03-15",` + question[1:]
		q, err := ParseQuery([]byte(question))
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "-- %s\n", question)
		for _, st := range rendered(t, q) {
			fmt.Fprintf(&b, "\n%s;\n", st.explained())
			for _, spliced := range []string{"purchase", "plan", "it's", "view", "1.5"} {
				if strings.Contains(st.String(), spliced) {
					t.Errorf("%s: %q stands in the SQL", name, spliced)
				}
			}
		}
		golden(t, "sql/"+name+".sql", b.String())
	}
}

// rendered gives the statements of a question without running them; where one
// needs the result of another, that is IN and US.
func rendered(t *testing.T, q Query) []*statement {
	t.Helper()
	now := at("2026-03-20T12:00:00Z")
	trend := q.(*trends)
	f, err := trend.frame(now)
	if err != nil {
		t.Fatal(err)
	}
	var out []*statement
	g := groups{by: trend.Breakdown}
	if g.by != nil {
		st, err := trend.ranking(f)
		if err != nil {
			t.Fatal(err)
		}
		out, g.values = append(out, st), []string{"IN", "US"}
	}
	for i := range trend.Series {
		p := plan{trends: trend, series: i, frame: f, groups: g, statement: newStatement()}
		render := p.render
		if p.spec().Measure.activeDays() > 0 {
			render = p.renderActive
		}
		if err := render(); err != nil {
			t.Fatal(err)
		}
		out = append(out, p.statement)
	}
	return out
}

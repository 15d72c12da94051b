package olap

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func askPaths(t testing.TB, s *Store, question string) *PathsResult {
	t.Helper()
	return ask(t, s, question).Result.(*PathsResult)
}

// samePaths compares answers; averages may differ in their last digits.
func samePaths(t testing.TB, question string, got, want *PathsResult) {
	t.Helper()
	same := got.Paths == want.Paths && got.Users == want.Users && got.LeftOut == want.LeftOut && len(got.Edges) == len(want.Edges)
	for i := range got.Edges {
		if !same {
			break
		}
		a, b := got.Edges[i], want.Edges[i]
		same = sameNumber(a.AverageSeconds, b.AverageSeconds)
		a.AverageSeconds, b.AverageSeconds = number{}, number{}
		same = same && a == b
	}
	if !same {
		t.Errorf("%s\ngot  %s\nwant %s", question, jsonOf(t, got), jsonOf(t, want))
	}
}

func TestEcomPaths(t *testing.T) {
	rows := ecomRows(t)
	s := newStore(t)
	write(t, s, "ecom", rows)
	f := refPaths{from: at("2024-01-01T00:00:00Z"), to: at("2024-08-01T00:00:00Z"), steps: 5, limit: 50, session: true, gap: 30 * time.Minute,
		item: func(r row) string { return r.kind }}
	const question = `{"kind":"paths","from":"2024-01-01","to":"2024-08-01"`
	samePaths(t, question, askPaths(t, s, question+`}`), f.answer(rows))
	f.session, f.end, f.exclude, f.gap = false, "purchase", []string{"*view*"}, 24*time.Hour
	got := askPaths(t, s, question+`,"by":"user","end":"purchase","exclude":["*view*"],"gap":"24h"}`)
	samePaths(t, question, got, f.answer(rows))
	t.Logf("%d paths, first edge %s", got.Paths, jsonOf(t, got.Edges[:1]))
}

// pathRows has sequences with ties, runs and gaps of many lengths, and items
// that only differ in what SQL's LIKE takes for wildcards.
func pathRows(r *rand.Rand, users int) []row {
	var rows []row
	for u := range users {
		when := funnelStart.Add(time.Duration(r.IntN(10)) * time.Second)
		for range r.IntN(12) {
			e := row{user: fmt.Sprintf("u%03d", u), session: []string{"", "s1", "s2"}[r.IntN(3)], at: when,
				kind: []string{"page_view", "page_view", "page_view", "screen_view", "cart", "buy"}[r.IntN(6)]}
			e.page = []string{"", "home", "p_1", "p%1", "p1", "px1\n", `p\1`, "buy", "ö"}[r.IntN(9)]
			e.country = []string{"", "IN"}[r.IntN(2)]
			rows = append(rows, e)
			when = when.Add([]time.Duration{0, 0, time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second}[r.IntN(6)])
		}
	}
	return rows
}

func newRandomPaths(r *rand.Rand) (string, refPaths) {
	f := refPaths{from: funnelStart.Add(3 * time.Second), to: funnelStart.Add(25 * time.Second), steps: 1 + r.IntN(5), limit: 1 + r.IntN(40), session: r.IntN(2) == 0,
		gap: time.Duration(1+r.IntN(5)) * time.Second}
	q := map[string]any{"kind": "paths", "from": f.from.Format(time.RFC3339Nano), "to": f.to.Format(time.RFC3339Nano), "steps": f.steps, "limit": f.limit,
		"gap": fmt.Sprintf("%ds", int(f.gap.Seconds()))}
	items := []itemKind{itemsAuto, itemsEvent, itemsPage}[r.IntN(3)]
	q["items"] = items
	f.item = func(e row) string {
		if items == itemsPage || items == itemsAuto && e.page != "" && (e.kind == "page_view" || e.kind == "screen_view") {
			return e.page
		}
		return e.kind
	}
	if !f.session {
		q["by"] = "user"
	}
	if r.IntN(3) == 0 {
		f.start = []string{"home", "cart", "p1", "ö"}[r.IntN(4)]
		q["start"] = f.start
	}
	if r.IntN(3) == 0 {
		f.end = []string{"buy", "page_view", "p_1"}[r.IntN(3)]
		q["end"] = f.end
	}
	choosePatterns(r, q, &f)
	if r.IntN(4) == 0 {
		q["where"] = `country = "IN"`
		item := f.item
		f.item = func(e row) string {
			if e.country != "IN" {
				return ""
			}
			return item(e)
		}
	}
	text, err := json.Marshal(q)
	if err != nil {
		panic(err)
	}
	return string(text), f
}

func choosePatterns(r *rand.Rand, q map[string]any, f *refPaths) {
	if r.IntN(3) == 0 {
		f.exclude = [][]string{{"screen_view"}, {"p%*"}, {`p\\1`, "*me*"}}[r.IntN(3)]
		q["exclude"] = f.exclude
		if f.start == "home" {
			f.start = ""
			delete(q, "start")
		}
		for i := range f.exclude { // path.Match escapes with a backslash, patterns here do not
			if f.exclude[i] == `p\\1` {
				q["exclude"] = []string{`p\1`, "*me*"}
			}
		}
	}
	if r.IntN(3) == 0 {
		f.group = [][]string{{"p_*"}, {"x*", "*x*"}, {"p*1"}}[r.IntN(3)]
		q["group"] = f.group
		if f.start == "p1" || f.end == "p_1" {
			f.start, f.end = "", ""
			delete(q, "start")
			delete(q, "end")
		}
	}
}

func TestPathsAgreeWithTheReference(t *testing.T) {
	const users = 400
	r := rand.New(rand.NewPCG(*seed, 400))
	rows := pathRows(r, users)
	s := newStore(t)
	write(t, s, "paths", rows)
	for n := range *histories / users {
		question, f := newRandomPaths(r)
		samePaths(t, question, askPaths(t, s, question), f.answer(rows))
		if t.Failed() {
			t.Fatalf("question %d of -seed %d", n, *seed)
		}
	}
}

// The users of each edge are as many as it says.
func TestUsersBehindPaths(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 410))
	s := newStore(t)
	write(t, s, "paths", pathRows(r, 100))
	for _, by := range []string{"session", "user"} {
		q, err := ParseQuery(fmt.Appendf(nil, `{"kind":"paths","from":"2026-03-01","to":"2026-03-02","by":%q,"gap":"3s","group":["p*"]}`, by))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := s.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range answer.Result.(*PathsResult).Edges[:20] {
			countPeople(t, s, q, jsonOf(t, map[string]any{"step": e.Step, "from": e.From, "to": e.To}), e.Users)
		}
	}
}

// A group is a pattern, so the other attempts at injection do not reach it.
func TestInjectionIntoGroupsFindsNothing(t *testing.T) {
	s := newStore(t)
	write(t, s, "injection", injectionRows())
	question := func(text string) string {
		return `{"kind":"paths","from":"2026-01-01","to":"2026-01-05","by":"user","gap":"2d","group":[` + jsonOf(t, text+"*") + `]}`
	}
	want, err := askInjected(t, s, question("harmless"))
	if err != nil || want == "" {
		t.Fatal(err)
	}
	for _, attempt := range attempts() {
		if got, err := askInjected(t, s, question(attempt)); err != nil || got != want {
			t.Errorf("%q: got %s (%v), want %s", attempt, got, err, want)
		}
	}
}

package olap

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func nan() float64 { return math.NaN() }

func askFunnel(t testing.TB, s *Store, question string) *FunnelResult {
	t.Helper()
	return ask(t, s, question).Result.(*FunnelResult)
}

func TestEcomFunnel(t *testing.T) {
	rows := ecomRows(t)
	s := newStore(t)
	write(t, s, "ecom", rows)
	got := askFunnel(t, s, `{"kind":"funnel","from":"2024-01-01","to":"2025-01-01","window":"1d",
		"steps":[{"event":"product_view"},{"event":"add_to_cart"},{"event":"purchase"}],"breakdown":{"property":"platform"}}`)
	var want [3]uint64
	for _, events := range byUser(rows) {
		for k := range fastDepth(24*time.Hour, events, []string{"product_view", "add_to_cart", "purchase"}) {
			want[k]++
		}
	}
	total := uint64(0)
	for k, step := range got.Steps {
		if step.Count != want[k] {
			t.Errorf("step %d: got %d, want %d", k+1, step.Count, want[k])
		}
	}
	for _, g := range got.Breakdown {
		total += g.Steps[0].Count
	}
	if total != got.Steps[0].Count {
		t.Errorf("breakdown sums to %d of %d", total, got.Steps[0].Count)
	}
	t.Logf("%s", jsonOf(t, got))
}

// fastDepth is the depth of a funnel of different events over long histories:
// from every first step, the next steps as early as they come.
func fastDepth(window time.Duration, events []row, steps []string) int {
	depth := 0
	for i, first := range events {
		if first.kind != steps[0] {
			continue
		}
		k := 1
		for _, e := range events[i+1:] {
			if k < len(steps) && e.kind == steps[k] && e.at.Sub(first.at) <= window {
				k++
			}
		}
		depth = max(depth, k)
	}
	return depth
}

var (
	funnelQuestions = flag.Int("funnels", 9, "random funnels per order to compare with the reference, over 1,200 users each")
	seed            = flag.Uint64("seed", 7, "of random histories and questions")
)

// TestFunnelAgreesWithTheReference compares random questions over random
// histories, in every order and view.
func TestFunnelAgreesWithTheReference(t *testing.T) {
	const users = 1200
	for _, order := range []funnelOrder{orderOrdered, orderStrict, orderUnordered} {
		t.Run(string(order), func(t *testing.T) {
			r := rand.New(rand.NewPCG(*seed, 11))
			rows := randomHistories(r, users)
			s := newStore(t)
			write(t, s, "histories", rows)
			for i := range *funnelQuestions {
				question := randomFunnel(r, order, i%3 == 0)
				var answers []Result
				for _, view := range views(r, i, question["steps"].([]map[string]any)) {
					answers = append(answers, checkFunnel(t, s, r, rows, merged(question, view)))
				}
				viewsAgree(t, merged(question), answers)
				if t.Failed() {
					t.Fatalf("question %d of -seed %d", i, *seed)
				}
			}
			t.Logf("%d histories", *funnelQuestions*users)
		})
	}
}

func checkFunnel(t *testing.T, s *Store, r *rand.Rand, rows []row, question string) Result {
	t.Helper()
	result := ask(t, s, question).Result
	sameAsReference(t, s.now(), rows, question, result)
	if r.IntN(3) == 0 {
		checkPeople(t, s, r, rows, question, result)
	}
	return result
}

// viewsAgree holds what the views have in common: where one bucket covers the
// range, the trend has the counts of the first and the last required step; the
// times to convert are those of as many users as did the last one.
func viewsAgree(t *testing.T, question string, answers []Result) {
	t.Helper()
	steps := answers[0].(*FunnelResult).Steps
	last := steps[len(steps)-1]
	for _, s := range steps {
		if !s.Optional {
			last = s
		}
	}
	switch other := answers[len(answers)-1].(type) {
	case *FunnelTrend:
		if len(other.Buckets) == 1 && (other.Entered[0] != steps[0].Count || other.Converted[0] != last.Count) {
			t.Errorf("%s\ntrend has %d and %d, steps %d and %d", question, other.Entered[0], other.Converted[0], steps[0].Count, last.Count)
		}
	case *FunnelTimes:
		if other.Count != last.Count {
			t.Errorf("%s\ntimes of %d users, %d did the last step", question, other.Count, last.Count)
		}
	}
}

// views are what is asked about each random funnel: every user's own chain, a
// breakdown, and one of the other views.
func views(r *rand.Rand, i int, steps []map[string]any) []map[string]any {
	country := map[string]any{"property": "country", "limit": 1 + i%3}
	country["attribution"] = []attribution{attributeFirst, attributeLast, attributeStep, attributeAll}[i%4]
	if country["attribution"] == attributeStep {
		country["step"] = 1 + r.IntN(len(steps))
		if _, optional := steps[country["step"].(int)-1]["optional"]; optional {
			country["step"] = 1
		}
	}
	other := map[string]any{"view": viewTrend, "interval": []interval{byMinute, byMonth}[r.IntN(2)]}
	if i%2 == 0 && parses(map[string]any{"kind": "funnel", "steps": steps, "view": viewTimes}) {
		other = map[string]any{"view": viewTimes, "bins": 1 + r.IntN(6)}
	}
	return []map[string]any{{"breakdown": map[string]any{"property": "user_id", "limit": 250}}, {"breakdown": country}, other}
}

func merged(maps ...map[string]any) string {
	all := map[string]any{}
	for _, m := range maps {
		for k, v := range m {
			all[k] = v
		}
	}
	text, _ := json.Marshal(all)
	return string(text)
}

// randomFunnel makes steps that overlap, repeat or are apart.
func randomFunnel(r *rand.Rand, order funnelOrder, apart bool) map[string]any {
	types := []string{"a", "b", "c", "d"}
	r.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
	var steps []map[string]any
	for k := range 1 + r.IntN(4) {
		step := map[string]any{"event": types[k]}
		if !apart {
			step["event"] = randomEvent(r)
		}
		if where := randomCondition(r); where != "" {
			step["where"] = where
		}
		steps = append(steps, step)
	}
	if order == orderOrdered && r.IntN(3) == 0 {
		steps = withOptional(r, steps)
	}
	question := map[string]any{
		"kind": "funnel", "order": order, "steps": steps,
		"from": funnelStart.Add(55 * time.Second).Format(time.RFC3339), "to": funnelStart.Add(75 * time.Second).Format(time.RFC3339),
		"window": fmt.Sprintf("%dms", 1000*r.IntN(20)+r.IntN(2)*500+1), "finish_after_range": r.IntN(3) == 0,
	}
	if r.IntN(4) == 0 {
		question["count_by"] = "session"
	}
	if r.IntN(4) == 0 {
		question["where"] = `not (country = "US" and properties.n = 1)`
	}
	if n := len(steps); n > 1 && order != orderUnordered && r.IntN(2) == 0 {
		question["exclusions"] = randomExclusions(r, n)
		if !parses(question) { // all of its events are steps, or a step is optional
			delete(question, "exclusions")
		}
	}
	return question
}

func parses(question map[string]any) bool {
	_, err := ParseQuery([]byte(merged(question)))
	return err == nil
}

// withOptional puts an optional step somewhere behind the first, if its events
// fit no other.
func withOptional(r *rand.Rand, steps []map[string]any) []map[string]any {
	place := 1 + r.IntN(len(steps))
	more := slices.Insert(slices.Clone(steps), place, map[string]any{"event": []string{"x", "d"}[r.IntN(2)], "optional": true})
	if !parses(map[string]any{"kind": "funnel", "steps": more}) {
		return steps
	}
	return more
}

func randomCondition(r *rand.Rand) string {
	return []string{`country = "IN"`, `not properties.n > 1`, "", ""}[r.IntN(4)]
}

func randomExclusions(r *rand.Rand, steps int) []map[string]any {
	var out []map[string]any
	for range 1 + r.IntN(2) {
		from := 1 + r.IntN(steps-1)
		out = append(out, map[string]any{"event": []any{"x", nil, "d"}[r.IntN(3)], "from_step": from, "to_step": from + 1 + r.IntN(steps-from)})
	}
	return out
}

func randomEvent(r *rand.Rand) any {
	switch r.IntN(4) {
	case 0:
		return nil
	case 1:
		return map[string]any{"any_of": []string{"a", "b"}}
	}
	return []string{"a", "b", "c"}[r.IntN(3)]
}

var funnelStart = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// randomHistories is rich in ties, repeats and users who do nothing of note. It
// lies around the turn of a minute.
func randomHistories(r *rand.Rand, users int) []row {
	var rows []row
	for u := range users {
		for range r.IntN(9) {
			e := row{user: fmt.Sprintf("u%03d", u), kind: []string{"a", "b", "c", "d", "x"}[r.IntN(5)],
				session: fmt.Sprint("s", r.IntN(2)), at: funnelStart.Add(time.Duration(50+r.IntN(30)) * time.Second)}
			e.country = []string{"", "IN", "US", "(other)"}[r.IntN(4)]
			if n := r.IntN(3); n > 0 {
				e.properties = fmt.Sprintf(`{"n":%d}`, n)
			}
			rows = append(rows, e)
			for r.IntN(3) == 0 { // more at the same instant
				e.kind, e.country = []string{"a", "b", "c", "d"}[r.IntN(4)], []string{"", "IN", "US"}[r.IntN(3)]
				rows = append(rows, e)
			}
		}
	}
	return rows
}

package olap

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
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
	f := refFunnel{from: at("2024-01-01T00:00:00Z"), to: at("2025-01-01T00:00:00Z"), window: 24 * time.Hour}
	var want [3]uint64
	for _, events := range byUser(rows) {
		for k := range fastDepth(f, events, []string{"product_view", "add_to_cart", "purchase"}) {
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
func fastDepth(f refFunnel, events []row, steps []string) int {
	depth := 0
	for i, first := range events {
		if first.kind != steps[0] {
			continue
		}
		k := 1
		for _, e := range events[i+1:] {
			if k < len(steps) && e.kind == steps[k] && e.at.Sub(first.at) <= f.window {
				k++
			}
		}
		depth = max(depth, k)
	}
	return depth
}

// randomFunnel is a question, and the same as the reference takes it.
type randomFunnel struct {
	question map[string]any
	ref      refFunnel
	session  bool
}

func (q randomFunnel) text(t testing.TB, more map[string]any) string {
	all := map[string]any{}
	for _, m := range []map[string]any{q.question, more} {
		for k, v := range m {
			all[k] = v
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// newRandomFunnel makes steps that overlap, repeat or are apart.
func newRandomFunnel(r *rand.Rand, apart bool) randomFunnel {
	types := []string{"a", "b", "c", "d"}
	r.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
	var steps []map[string]any
	f := refFunnel{from: funnelStart.Add(5 * time.Second), to: funnelStart.Add(25 * time.Second), window: time.Duration(r.IntN(20)) * time.Second, finish: r.IntN(3) == 0}
	f.window += time.Millisecond
	for k := range 1 + r.IntN(4) {
		event := any(types[k])
		fits := func(e row) bool { return e.kind == types[k] }
		if !apart {
			event, fits = randomEvent(r)
		}
		step := map[string]any{"event": event}
		switch r.IntN(4) {
		case 0:
			step["where"] = `country = "IN"`
			fits = also(fits, func(e row) bool { return e.country == "IN" })
		case 1:
			step["where"] = `not properties.n > 1`
			fits = also(fits, func(e row) bool { return !strings.Contains(e.properties, `"n":2`) })
		}
		steps = append(steps, step)
		f.steps = append(f.steps, refStep{fits})
	}
	q := randomFunnel{ref: f, session: r.IntN(4) == 0, question: map[string]any{
		"kind": "funnel", "from": f.from.Format(time.RFC3339), "to": f.to.Format(time.RFC3339),
		"steps": steps, "window": fmt.Sprintf("%dms", f.window.Milliseconds()), "finish_after_range": f.finish,
	}}
	if q.session {
		q.question["count_by"] = "session"
	}
	return q
}

func also(a, b func(row) bool) func(row) bool { return func(e row) bool { return a(e) && b(e) } }

func randomEvent(r *rand.Rand) (any, func(row) bool) {
	switch r.IntN(4) {
	case 0:
		return nil, func(row) bool { return true }
	case 1:
		return map[string]any{"any_of": []string{"a", "b"}}, func(e row) bool { return e.kind == "a" || e.kind == "b" }
	}
	kind := []string{"a", "b", "c"}[r.IntN(3)]
	return kind, func(e row) bool { return e.kind == kind }
}

var funnelStart = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// randomHistories is rich in ties, repeats and users who do nothing of note.
func randomHistories(r *rand.Rand, users int) []row {
	var rows []row
	for u := range users {
		for range r.IntN(9) {
			e := row{user: fmt.Sprintf("u%03d", u), kind: []string{"a", "b", "c", "d", "x"}[r.IntN(5)],
				session: fmt.Sprint("s", r.IntN(2)), at: funnelStart.Add(time.Duration(r.IntN(30)) * time.Second)}
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

var (
	funnelQuestions = flag.Int("funnels", 24, "random funnels to compare with the reference, over 600 users each")
	seed            = flag.Uint64("seed", 7, "of random histories and questions")
)

// TestFunnelAgreesWithTheReference compares each user's chain, the totals and
// the breakdowns on random histories.
func TestFunnelAgreesWithTheReference(t *testing.T) {
	const users = 600
	r := rand.New(rand.NewPCG(*seed, 11))
	rows := randomHistories(r, users)
	s := newStore(t)
	write(t, s, "histories", rows)
	attributions := []attribution{attributeFirst, attributeLast, attributeStep, attributeAll}
	for i := range *funnelQuestions {
		q := newRandomFunnel(r, i%3 == 0)
		histories := splitBy(rows, q.key)
		checkFunnel(t, s, q, histories, 250, attributeFirst, func(e row) string { return e.user }, "user_id")
		checkFunnel(t, s, q, histories, 1+i%3, attributions[i%4], func(e row) string { return e.country }, "country")
		if t.Failed() {
			t.Fatalf("question %d of -seed %d", i, *seed)
		}
	}
	t.Logf("%d histories", *funnelQuestions*users)
}

// key is what a funnel counts by.
func (q randomFunnel) key(e row) string {
	if q.session {
		return e.user + "/" + e.session
	}
	return e.user
}

func checkFunnel(t *testing.T, s *Store, q randomFunnel, histories map[string][]row, limit int, a attribution, of func(row) string, property string) {
	t.Helper()
	n := len(q.ref.steps)
	b := map[string]any{"property": property, "attribution": a, "limit": limit}
	if a == attributeStep {
		b["step"] = n
	}
	question := q.text(t, map[string]any{"breakdown": b})
	got := askFunnel(t, s, question)
	var whole [][]time.Time
	byValue := map[string][][]time.Time{}
	for _, events := range histories {
		c := q.ref.chain(events)
		whole = append(whole, c)
		if a != attributeAll {
			value := q.ref.value(events, c, a, n, of)
			byValue[value] = append(byValue[value], c)
			continue
		}
		for value, own := range splitBy(events, of) {
			byValue[value] = append(byValue[value], q.ref.chain(own))
		}
	}
	sameSteps(t, question, "whole", got.Steps, figures(n, whole))
	named := topOf(byValue, limit)
	if a == attributeAll { // the others share a funnel, so their events must be joined first
		byValue = map[string][][]time.Time{}
		for _, events := range histories {
			for value, own := range splitBy(events, func(e row) string { return fold(named, of(e)) }) {
				byValue[value] = append(byValue[value], q.ref.chain(own))
			}
		}
	} else {
		byValue = foldAll(named, byValue)
	}
	sameGroups(t, question, got.Breakdown, named, byValue, n)
}

const otherKey = "\x00other"

func fold(named []string, value string) string {
	if value == "" || slices.Contains(named, value) {
		return value
	}
	return otherKey
}

func foldAll(named []string, byValue map[string][][]time.Time) map[string][][]time.Time {
	out := map[string][][]time.Time{}
	for value, chains := range byValue {
		out[fold(named, value)] = append(out[fold(named, value)], chains...)
	}
	return out
}

// topOf ranks values by the users who entered.
func topOf(byValue map[string][][]time.Time, limit int) []string {
	var values []string
	entered := map[string]uint64{}
	for value, chains := range byValue {
		entered[value] = figures(1, chains).counts[0]
		if value != "" && entered[value] > 0 {
			values = append(values, value)
		}
	}
	slices.SortFunc(values, func(a, b string) int {
		return cmp.Or(-cmp.Compare(entered[a], entered[b]), cmp.Compare(a, b))
	})
	return values[:min(limit, len(values))]
}

// sameGroups compares the rows of a breakdown, and their order.
func sameGroups(t *testing.T, question string, got []FunnelGroup, named []string, byValue map[string][][]time.Time, n int) {
	t.Helper()
	var want []string
	keys := slices.Clone(named)
	keys = append(keys, otherKey, "")
	i := 0
	for _, key := range keys {
		f := figures(n, byValue[key])
		if f.counts[0] == 0 {
			continue
		}
		label := map[string]string{otherKey: labelOther, "": labelNone}[key]
		if label == "" {
			label = key
		}
		want = append(want, label)
		if i < len(got) && got[i].Value == label {
			sameSteps(t, question, label, got[i].Steps, f)
		}
		i++
	}
	var labels []string
	for _, g := range got {
		labels = append(labels, g.Value)
	}
	if !slices.Equal(labels, want) {
		t.Errorf("%s\nrows %q, want %q", question, labels, want)
	}
}

func sameSteps(t *testing.T, question, what string, got []FunnelStep, want refSteps) {
	t.Helper()
	for k, s := range got {
		if s.Count != want.counts[k] {
			t.Errorf("%s\n%s: step %d: got %d, want %d", question, what, k+1, s.Count, want.counts[k])
			return
		}
		if k == 0 {
			continue
		}
		average, ok := s.AverageSeconds.float()
		if s.MedianSeconds.String() != want.medians[k-1] || ok == math.IsNaN(want.averages[k-1]) || ok && math.Abs(average-want.averages[k-1]) > 1e-9 {
			t.Errorf("%s\n%s: step %d: got median %v and average %v, want %v and %v", question, what, k+1, s.MedianSeconds, s.AverageSeconds, want.medians[k-1], want.averages[k-1])
			return
		}
	}
}

package olap

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"time"
)

// referenceOf is the question as the reference takes it.
func referenceOf(t testing.TB, q *funnel, now time.Time) refFunnel {
	t.Helper()
	span, err := q.span(now)
	if err != nil {
		t.Fatal(err)
	}
	f := refFunnel{order: q.Order, from: span.from, to: span.to, window: q.Window.Duration, finish: q.FinishAfterRange, optional: map[int]refStep{}}
	f.where = func(e row) bool { return q.Where.expr == nil || holds(q.Where.expr, e) }
	fits := func(event eventChoice, where condition) func(row) bool {
		return func(e row) bool {
			return (len(event.types) == 0 || slices.Contains(event.types, e.kind)) && (where.expr == nil || holds(where.expr, e))
		}
	}
	for i, s := range q.Steps {
		step := refStep{fits: fits(s.Event, s.Where)}
		if s.Optional {
			f.optional[i+1] = step
		} else {
			f.steps, f.numbers = append(f.steps, step), append(f.numbers, i+1)
		}
	}
	for _, x := range q.Exclusions {
		f.exclusions = append(f.exclusions, refExclusion{fits: fits(x.Event, x.Where), from: slices.Index(f.numbers, x.FromStep) + 1, to: slices.Index(f.numbers, x.ToStep) + 1})
	}
	return f
}

// histories cuts the events into what the funnel counts: users or sessions.
func (f refFunnel) histories(q *funnel, rows []row) map[string][]row {
	if q.CountBy != countSessions {
		return byUser(rows)
	}
	end := f.to
	if f.finish {
		end = f.to.Add(f.window)
	}
	return splitBy(rows, refTrend{from: f.from, to: end}.session(rows))
}

// sameAsReference compares an answer about a funnel, in any view.
func sameAsReference(t *testing.T, now time.Time, rows []row, question string, got Result) {
	t.Helper()
	parsed, err := ParseQuery([]byte(question))
	if err != nil {
		t.Fatal(err)
	}
	q := parsed.(*funnel)
	f := referenceOf(t, q, now)
	histories := f.histories(q, rows)
	switch got := got.(type) {
	case *FunnelTrend:
		sameTrend(t, question, f, histories, got)
	case *FunnelTimes:
		sameTimes(t, question, q, f, histories, got)
	case *FunnelResult:
		var whole [][]time.Time
		for _, events := range histories {
			whole = append(whole, f.journey(events, f.chain(events)))
		}
		sameSteps(t, question, "whole", got.Steps, f.figures(whole))
		if q.Breakdown != nil {
			sameBreakdown(t, question, q, f, histories, got.Breakdown)
		}
	}
}

func sameTrend(t *testing.T, question string, f refFunnel, histories map[string][]row, got *FunnelTrend) {
	t.Helper()
	for i, start := range got.Buckets {
		from, end := at(start), time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)
		if i+1 < len(got.Buckets) {
			end = at(got.Buckets[i+1])
		}
		var entered, converted uint64
		for _, events := range histories {
			depth := 0
			for _, a := range f.attempts(events) {
				if !a[0].Before(from) && a[0].Before(end) {
					depth = max(depth, len(a))
				}
			}
			if depth > 0 {
				entered++
			}
			if depth == len(f.steps) {
				converted++
			}
		}
		if got.Entered[i] != entered || got.Converted[i] != converted {
			t.Errorf("%s\n%s: got %d entered, %d converted, want %d and %d", question, start, got.Entered[i], got.Converted[i], entered, converted)
		}
	}
}

func sameTimes(t *testing.T, question string, q *funnel, f refFunnel, histories map[string][]row, got *FunnelTimes) {
	t.Helper()
	var took []float64
	for _, events := range histories {
		if j := f.journey(events, f.chain(events)); !j[got.ToStep-1].IsZero() {
			took = append(took, float64(j[got.ToStep-1].Sub(j[got.FromStep-1]).Milliseconds())/1000)
		}
	}
	if got.Count != uint64(len(took)) || !sameNumber(got.MedianSeconds, numberOf(percentile(took, 0.5))) || !sameNumber(got.AverageSeconds, numberOf(mean(took))) {
		t.Errorf("%s\ngot %d users, median %v, average %v; want %d, %v, %v", question, got.Count, got.MedianSeconds, got.AverageSeconds, len(took), percentile(took, 0.5), mean(took))
	}
	if len(got.Bins) > q.Bins || (len(got.Bins) == 0) != (len(took) == 0) {
		t.Errorf("%s\n%d bins for %d users", question, len(got.Bins), len(took))
	}
	sum := uint64(0)
	for i, bin := range got.Bins {
		n := uint64(0)
		for _, seconds := range took {
			if seconds >= float64(bin.FromSeconds) && seconds < float64(bin.ToSeconds) {
				n++
			}
		}
		gap := i > 0 && bin.FromSeconds != got.Bins[i-1].ToSeconds || bin.ToSeconds-bin.FromSeconds != got.Bins[0].ToSeconds-got.Bins[0].FromSeconds
		if bin.Count != n || gap {
			t.Errorf("%s\nbin %+v: want %d", question, bin, n)
		}
		sum += n
	}
	if sum != got.Count {
		t.Errorf("%s\nbins hold %d of %d", question, sum, got.Count)
	}
}

func sameBreakdown(t *testing.T, question string, q *funnel, f refFunnel, histories map[string][]row, got []FunnelGroup) {
	t.Helper()
	b, property := q.Breakdown, q.Breakdown.Property.property
	of := func(e row) string {
		return map[string]string{"country": e.country, "user_id": e.user}[property.column]
	}
	byValue := map[string][][]time.Time{}
	if b.Attribution != attributeAll {
		for _, events := range histories {
			chain := f.chain(events)
			value := f.value(events, chain, b.Attribution, slices.Index(f.numbers, b.Step)+1, of)
			byValue[value] = append(byValue[value], f.journey(events, chain))
		}
		named := f.top(byValue, b.Limit)
		folded := map[string][][]time.Time{}
		for value, journeys := range byValue {
			folded[fold(named, value)] = append(folded[fold(named, value)], journeys...)
		}
		sameGroups(t, question, f, got, named, folded)
		return
	}
	own := func(key func(row) string) map[string][][]time.Time {
		out := map[string][][]time.Time{}
		for _, events := range histories {
			for value, mine := range splitBy(events, key) {
				out[value] = append(out[value], f.journey(mine, f.chain(mine)))
			}
		}
		return out
	}
	named := f.top(own(of), b.Limit)
	sameGroups(t, question, f, got, named, own(func(e row) string { return fold(named, of(e)) })) // the others share a funnel
}

const otherKey = "\x00other"

func fold(named []string, value string) string {
	if value == "" || slices.Contains(named, value) {
		return value
	}
	return otherKey
}

// top ranks values by the users who entered.
func (f refFunnel) top(byValue map[string][][]time.Time, limit int) []string {
	var values []string
	entered := map[string]uint64{}
	for value, journeys := range byValue {
		entered[value] = f.figures(journeys).counts[0]
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
func sameGroups(t *testing.T, question string, f refFunnel, got []FunnelGroup, named []string, byValue map[string][][]time.Time) {
	t.Helper()
	var want, labels []string
	for _, key := range append(slices.Clone(named), otherKey, "") {
		figures := f.figures(byValue[key])
		if figures.counts[0] == 0 {
			continue
		}
		label := cmp.Or(map[string]string{otherKey: labelOther, "": labelNone}[key], key)
		if i := len(want); i < len(got) && got[i].Value == label {
			sameSteps(t, question, label, got[i].Steps, figures)
		}
		want = append(want, label)
	}
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

func also(a, b func(row) bool) func(row) bool { return func(e row) bool { return a(e) && b(e) } }

package olap

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// listed are the users behind one number; the total must be their count.
func listed(t testing.TB, s *Store, question, cell string) []string {
	t.Helper()
	q, err := ParseQuery([]byte(question))
	if err != nil {
		t.Fatal(err)
	}
	people, err := s.People(t.Context(), q, json.RawMessage(cell), "", 100_000)
	if err != nil {
		t.Fatalf("%s\n%s: %v", question, cell, err)
	}
	if uint64(len(people.Users)) != people.Total || len(people.Users) != len(slices.Compact(slices.Clone(people.Users))) {
		t.Errorf("%s\n%s: %d users listed, total %d", question, cell, len(people.Users), people.Total)
	}
	return people.Users
}

// checkPeople lists the users behind a random number of an answer about a
// funnel, and compares them with those of the reference.
func checkPeople(t *testing.T, s *Store, r *rand.Rand, rows []row, question string, result Result) {
	t.Helper()
	parsed, err := ParseQuery([]byte(question))
	if err != nil {
		t.Fatal(err)
	}
	q := parsed.(*funnel)
	if q.CountBy == countSessions {
		return
	}
	cell, number, meant := randomCell(r, q, result)
	got := listed(t, s, question, jsonOf(t, cell))
	if uint64(len(got)) != number {
		t.Errorf("%s\n%s: %d users listed, the number is %d", question, jsonOf(t, cell), len(got), number)
	}
	if meant == nil {
		return
	}
	f := referenceOf(t, q, s.now())
	histories := f.histories(q, rows)
	var want []string
	for _, user := range slices.Sorted(maps.Keys(histories)) {
		if meant(f, histories[user]) {
			want = append(want, user)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\n%s: got %v, want %v", question, jsonOf(t, cell), got, want)
	}
}

// randomCell picks a number of an answer. meant tells who is behind it; nil for
// a row of a breakdown.
func randomCell(r *rand.Rand, q *funnel, result Result) (cell map[string]any, number uint64, meant func(refFunnel, []row) bool) {
	dropped := r.IntN(2) == 0
	switch result := result.(type) {
	case *FunnelTrend:
		i := r.IntN(len(result.Buckets))
		from, to := at(result.Buckets[i]), time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)
		if i+1 < len(result.Buckets) {
			to = at(result.Buckets[i+1])
		}
		cell, number = map[string]any{"bucket": result.Buckets[i], "outcome": outcomeConverted}, result.Converted[i]
		if dropped {
			cell["outcome"], number = outcomeDropped, result.Entered[i]-number
		}
		return cell, number, func(f refFunnel, events []row) bool {
			depth := 0
			for _, a := range f.attempts(events) {
				if !a[0].Before(from) && a[0].Before(to) {
					depth = max(depth, len(a))
				}
			}
			return depth > 0 && dropped == (depth < len(f.steps))
		}
	case *FunnelTimes:
		if len(result.Bins) == 0 {
			return map[string]any{"from_seconds": 0, "to_seconds": 1000}, 0, nil
		}
		bin := result.Bins[r.IntN(len(result.Bins))]
		return map[string]any{"from_seconds": bin.FromSeconds, "to_seconds": bin.ToSeconds}, bin.Count, func(f refFunnel, events []row) bool {
			j := f.journey(events, f.chain(events))
			took := j[result.ToStep-1].Sub(j[result.FromStep-1]).Seconds()
			return !j[result.ToStep-1].IsZero() && took >= float64(bin.FromSeconds) && took < float64(bin.ToSeconds)
		}
	}
	answer := result.(*FunnelResult)
	k := 1 + r.IntN(len(answer.Steps))
	cell = map[string]any{"step": k}
	steps := answer.Steps
	if len(answer.Breakdown) > 0 {
		group := answer.Breakdown[r.IntN(len(answer.Breakdown))]
		same := slices.DeleteFunc(slices.Clone(answer.Breakdown), func(g FunnelGroup) bool { return g.Value != group.Value })
		cell["breakdown"], steps = group.Value, same[0].Steps // a value that reads like a catch-all comes first
	}
	number = steps[k-1].Count
	if dropped = dropped && k > 1; dropped {
		cell["outcome"], number = outcomeDropped, steps[q.before(k)-1].Count-number
	}
	if len(answer.Breakdown) > 0 || q.Steps[k-1].Optional {
		return cell, number, nil
	}
	return cell, number, func(f refFunnel, events []row) bool {
		j := f.journey(events, f.chain(events))
		return !j[q.before(k)-1].IsZero() && dropped == j[k-1].IsZero()
	}
}

func TestFunnelCellsThatMakeNoSense(t *testing.T) {
	const steps = `"kind":"funnel","steps":[{"event":"view"},{"event":"buy"}]`
	var b string
	for _, pair := range [][2]string{
		{`{` + steps + `}`, `{}`}, {`{` + steps + `}`, `{"step":3}`}, {`{` + steps + `}`, `{"step":-1}`}, {`{` + steps + `}`, `{"step":1,"outcome":"dropped"}`},
		{`{` + steps + `}`, `{"step":1,"outcome":"entered"}`}, {`{` + steps + `}`, `{"step":1,"outcome":"lost"}`}, {`{` + steps + `}`, `{"step":1,"breakdown":"IN"}`}, {`{` + steps + `}`, `{"stepp":1}`},
		{`{` + steps + `,"count_by":"session"}`, `{"step":1}`},
		{`{` + steps + `,"view":"trend"}`, `{}`}, {`{` + steps + `,"view":"trend"}`, `{"bucket":"soon"}`}, {`{` + steps + `,"view":"trend"}`, `{"step":1}`},
		{`{` + steps + `,"view":"time_to_convert"}`, `{"from_seconds":0}`},
		{`{"kind":"trends","series":[{"event":"view"}]}`, `{}`}, {`{"kind":"trends","series":[{},{"measure":"users"}]}`, `{}`}, {`{"kind":"trends","series":[{},{"measure":"users"}]}`, `{"series":"C"}`},
		{`{"kind":"trends","series":[{},{"measure":"users"}],"formulas":[{"name":"rate","expr":"A / B"}]}`, `{"series":"rate"}`},
		{`{"kind":"trends","series":[{"measure":"users"}],"breakdown":{"property":"country"}}`, `{}`}, {`{"kind":"trends","series":[{"measure":"users"}]}`, `{"breakdown":"IN"}`}, {`{"kind":"trends","series":[{"measure":"users"}]}`, `{"previous":true}`},
	} {
		q, err := ParseQuery([]byte(pair[0]))
		if err != nil {
			t.Fatal(err)
		}
		_, err = q.(drillable).parseCell(json.RawMessage(pair[1]))
		var fault *QueryError
		if !errors.As(err, &fault) {
			t.Errorf("%s %s: got %v, want a QueryError", pair[0], pair[1], err)
			continue
		}
		b += fmt.Sprintf("%s\n%s\n    %v\n", pair[0], pair[1], fault)
	}
	golden(t, "funnel_cell_errors.txt", b)
}

// TestTrendsPeople compares the users behind every kind of number with it.
func TestTrendsPeople(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 12))
	rows := randomHistories(r, 300)
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-03-02T00:00:00Z") } })
	write(t, s, "histories", rows)
	for _, measure := range []measure{measureUsers, measureNewUsers, measureWeekly, measureMonthly} {
		for i := range 4 {
			question := map[string]any{"kind": "trends", "from": "2026-03-01T00:00:55Z", "to": "2026-03-01T00:02:00Z", "interval": "minute",
				"series": []any{map[string]any{"event": "c"}, map[string]any{"name": "users", "measure": measure, "event": []any{nil, "a"}[i%2], "where": "not properties.n > 1"}}}
			if i >= 2 {
				question["breakdown"] = map[string]any{"property": "country", "limit": 1 + i%2}
			}
			if measure.activeDays() == 0 && i%2 == 0 {
				question["cumulative"] = true
			}
			if i%2 == 1 {
				question["compare"] = "previous"
			}
			checkTrendCells(t, s, jsonOf(t, question))
		}
	}
}

func checkTrendCells(t *testing.T, s *Store, question string) {
	t.Helper()
	result := askTrends(t, s, question)
	seen := map[string]bool{}
	for _, line := range result.Series {
		if line.Name != "users" || line.Breakdown != nil && seen[*line.Breakdown] {
			continue
		}
		cell := map[string]any{"series": "users"}
		if line.Breakdown != nil {
			seen[*line.Breakdown] = true // a value that reads like a catch-all comes first
			cell["breakdown"] = *line.Breakdown
		}
		check := func(number number) {
			t.Helper()
			if got := len(listed(t, s, question, jsonOf(t, cell))); int64(got) != number.integer() {
				t.Errorf("%s\n%s: %d users listed, the number is %v", question, jsonOf(t, cell), got, number)
			}
		}
		check(line.Total)
		for i, start := range result.Buckets {
			cell["bucket"] = start
			check(line.Values[i])
		}
		if line.Previous != nil {
			cell["previous"] = true
			check(line.Previous[0])
			delete(cell, "bucket")
			check(*line.PreviousTotal)
		}
	}
}

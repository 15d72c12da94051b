package olap

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func askRetention(t testing.TB, s *Store, question string) *RetentionResult {
	t.Helper()
	return ask(t, s, question).Result.(*RetentionResult)
}

// retentionAgrees compares every cell, what is incomplete, the sums, and the
// users behind some of the cells.
func retentionAgrees(t *testing.T, s *Store, r *rand.Rand, sc scene, rows []row) {
	question, f := newRandomRetention(r, sc)
	checkRetention(t, s, question, f, rows, 0)
	f.value = func(e row) string { return e.country }
	checkRetention(t, s, question, f, rows, 1+r.IntN(4))
}

func newRandomRetention(r *rand.Rand, sc scene) (map[string]any, refRetention) {
	question, span := randomRange(r, sc)
	f := refRetention{periods: 1 + r.IntN(6), atLeast: 1, from24h: r.IntN(3) == 0}
	f.cohort = []cohortRule{cohortFirstEver, cohortFirstInRange, cohortRecurring}[r.IntN(3)]
	f.count = []returnCount{countOn, countOnOrAfter}[r.IntN(2)]
	if r.IntN(3) == 0 {
		f.atLeast = 2 + r.IntN(2)
	}
	question["start"], f.starts = randomEvents(r)
	question["return"], f.returns = randomEvents(r)
	if r.IntN(4) == 0 {
		question["where"] = `country != "US"`
		in := func(e row) bool { return e.country != "US" }
		f.starts, f.returns = also(f.starts, in), also(f.returns, in)
	}
	question["kind"], question["periods"], question["cohort"], question["count"], question["min_occurrences"] = "retention", f.periods, f.cohort, f.count, f.atLeast
	if f.from24h {
		question["periods_from"] = periods24h
	}
	f.calendar = newRefCalendar(span, f.periods)
	return question, f
}

// checkRetention asks, with a breakdown by country where there is a limit.
func checkRetention(t *testing.T, s *Store, question map[string]any, f refRetention, rows []row, limit int) {
	t.Helper()
	var named []string
	if limit > 0 {
		question["breakdown"] = map[string]any{"property": "country", "limit": limit}
		named = f.top(rows, limit)
		f.value = func(e row) string { return fold(named, e.country) }
	}
	text, watermark := textOf(t, question), watermarkOf(rows)
	got := askRetention(t, s, text)
	whole := f
	whole.value = nil
	cells := whole.cells(rows)
	sameRetention(t, text, "whole", got.RetentionTable, whole.table(cells.users(""), watermark))
	if limit == 0 {
		someRetentionPeople(t, s, text, got.Rows, nil, "", cells)
		return
	}
	cells = f.cells(rows)
	var labels []string
	for _, value := range append(slices.Clone(named), otherKey, "") {
		want := f.table(cells.users(value), watermark)
		if want.Combined.Size == 0 {
			continue
		}
		label := value
		switch value {
		case otherKey:
			label = labelOther
		case "":
			label = labelNone
		}
		if i := len(labels); i < len(got.Breakdown) && got.Breakdown[i].Value == label {
			sameRetention(t, text, label, got.Breakdown[i].RetentionTable, want)
		}
		nameless := value == otherKey && slices.Contains(named, labelOther) // a cell means the value before the catch-all
		if len(labels)%4 == f.periods%4 && !nameless {
			someRetentionPeople(t, s, text, got.Rows, &label, value, cells)
		}
		labels = append(labels, label)
	}
	var values []string
	sizes := uint64(0)
	for _, g := range got.Breakdown {
		values, sizes = append(values, g.Value), sizes+g.Combined.Size
	}
	if !slices.Equal(values, labels) {
		t.Errorf("%s\nvalues %q, want %q", text, values, labels)
	}
	if f.cohort != cohortRecurring && sizes != got.Combined.Size {
		t.Errorf("%s\nthe sizes of the breakdown sum to %d, want %d", text, sizes, got.Combined.Size)
	}
}

// refCells has the users of each cell.
type refCells map[refMember]map[string]bool

func (f refRetention) cells(rows []row) refCells {
	cells := refCells{}
	for user, history := range byUser(rows) {
		for m := range f.members(history) {
			if cells[m] == nil {
				cells[m] = map[string]bool{}
			}
			cells[m][user] = true
		}
	}
	return cells
}

// users counts those of one value.
func (c refCells) users(value string) func(cohort, period int) int {
	return func(cohort, period int) int { return len(c[refMember{cohort, period, value}]) }
}

// top ranks the values by the users who started with them.
func (f refRetention) top(rows []row, limit int) []string {
	started := map[string]map[string]bool{}
	for m, users := range f.cells(rows) {
		if m.value == "" || m.period > 0 {
			continue
		}
		if started[m.value] == nil {
			started[m.value] = map[string]bool{}
		}
		for user := range users {
			started[m.value][user] = true
		}
	}
	values := sortedKeys(started)
	slices.SortStableFunc(values, func(a, b string) int { return -cmp.Compare(len(started[a]), len(started[b])) })
	return values[:min(limit, len(values))]
}

func sameRetention(t *testing.T, question, what string, got, want RetentionTable) {
	t.Helper()
	if len(got.Rows) != len(want.Rows) {
		t.Errorf("%s\n%s: %d rows, want %d", question, what, len(got.Rows), len(want.Rows))
		return
	}
	for i := range want.Rows {
		want.Rows[i].Cohort = got.Rows[i].Cohort
		if a, b := jsonOf(t, got.Rows[i]), jsonOf(t, want.Rows[i]); a != b {
			t.Errorf("%s\n%s: row %d: got\n%s want\n%s", question, what, i, a, b)
			return
		}
	}
	if a, b := jsonOf(t, got.Combined), jsonOf(t, want.Combined); a != b {
		t.Errorf("%s\n%s: combined: got\n%s want\n%s", question, what, a, b)
	}
}

// someRetentionPeople lists the users of the last period of the first cohort
// that has any, and of that cohort as a whole.
func someRetentionPeople(t *testing.T, s *Store, question string, rows []RetentionRow, label *string, value string, cells refCells) {
	t.Helper()
	for c, row := range rows {
		for k := len(row.Values) - 1; k > 0; k-- {
			users := cells[refMember{c, k, value}]
			if len(users) == 0 {
				continue
			}
			for _, period := range []int{k, 0} {
				cell := map[string]any{"cohort": row.Cohort, "period": period}
				if label != nil {
					cell["breakdown"] = *label
				}
				wantPeople(t, s, question, cell, cells[refMember{c, period, value}])
			}
			return
		}
	}
}

// ecomRetention asks in all twelve ways, with a breakdown.
func ecomRetention(t *testing.T, s *Store, rows []row, span refTrend) {
	for _, cohort := range []cohortRule{cohortFirstEver, cohortFirstInRange, cohortRecurring} {
		for _, count := range []returnCount{countOn, countOnOrAfter} {
			for _, from := range []periodsFrom{periodsCalendar, periods24h} {
				f := refRetention{calendar: newRefCalendar(span, 8), cohort: cohort, count: count, from24h: from == periods24h, periods: 8, atLeast: 1,
					starts:  func(e row) bool { return e.kind == "add_to_cart" },
					returns: func(e row) bool { return e.kind == "purchase" },
					value:   func(e row) string { return e.platform }}
				question := span.question("retention")
				question["start"], question["return"] = map[string]any{"event": "add_to_cart"}, map[string]any{"event": "purchase"}
				question["cohort"], question["count"], question["periods_from"] = cohort, count, from
				question["breakdown"] = map[string]any{"property": "platform"}
				checkEcomRetention(t, s, f, rows, textOf(t, question))
			}
		}
	}
}

func checkEcomRetention(t *testing.T, s *Store, f refRetention, rows []row, question string) {
	t.Helper()
	got, watermark := askRetention(t, s, question), watermarkOf(rows)
	cells := f.cells(rows)
	for _, g := range got.Breakdown {
		sameRetention(t, question, g.Value, g.RetentionTable, f.table(cells.users(g.Value), watermark))
	}
	f.value = nil
	sameRetention(t, question, "whole", got.RetentionTable, f.table(f.cells(rows).users(""), watermark))
	if got.Combined.Size == 0 || got.Combined.Values[1] == 0 || len(got.Breakdown) < 2 {
		t.Errorf("%s: nothing to compare: %s", question, jsonOf(t, got.Combined))
	}
}

// cdnowRetention is the table that every course on customers shows: buyers of
// CDNOW by the month of their first purchase.
func cdnowRetention(t *testing.T, s *Store, rows []row) {
	span := refTrend{from: at("1997-01-01T00:00:00Z"), to: at("1997-04-01T00:00:00Z"), zone: time.UTC, interval: byMonth}
	question := span.question("retention")
	question["periods"], question["start"], question["return"] = 18, map[string]any{"event": "purchase"}, map[string]any{"event": "purchase"}
	got := askRetention(t, s, textOf(t, question))
	f := refRetention{cohort: cohortFirstEver, count: countOn, periods: 18, atLeast: 1, starts: func(row) bool { return true }, returns: func(row) bool { return true },
		calendar: newRefCalendar(span, 18)}
	sameRetention(t, textOf(t, question), "whole", got.RetentionTable, f.table(f.cells(rows).users(""), watermarkOf(rows)))
	if got.Combined.Size != 23570 {
		t.Errorf("%d customers, want all 23570", got.Combined.Size)
	}
	t.Logf("%s", jsonOf(t, got.Combined))
}

package olap

import (
	"cmp"
	"slices"
	"time"
)

// The reference for retention: for every start of a user it asks, period by
// period, how many returns lie in it. Slow, and obvious.

type refRetention struct {
	calendar refCalendar
	starts   func(row) bool
	returns  func(row) bool
	cohort   cohortRule
	count    returnCount
	from24h  bool
	periods  int
	atLeast  int
	value    func(row) string // what start and return must share; nil: nothing
}

// refMember is a user's place in the answer.
type refMember struct {
	cohort, period int
	value          string
}

// members lists a user's places, each once.
func (f refRetention) members(history []row) map[refMember]bool {
	members := map[refMember]bool{}
	for _, start := range f.startsOf(history) {
		cohort, value := f.calendar.index(start.at), f.valueOf(start)
		members[refMember{cohort, 0, value}] = true
		for k := 1; k < f.periods; k++ {
			if f.returned(history, start, k) || f.count == countOnOrAfter && f.returnedAfter(history, start, k) {
				members[refMember{cohort, k, value}] = true
			}
		}
	}
	return members
}

// startsOf lists the events that put a user into a cohort.
func (f refRetention) startsOf(history []row) []row {
	var all []row
	for _, e := range history {
		if f.starts(e) && e.at.Before(f.calendar.to) && (f.cohort == cohortFirstEver || !e.at.Before(f.calendar.from)) {
			all = append(all, e)
		}
	}
	last := func(value string) string { // absent sorts last
		return cmp.Or(value, "\xff")
	}
	slices.SortStableFunc(all, func(a, b row) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(last(a.country), last(b.country)))
	})
	if f.cohort == cohortRecurring {
		return f.firstOfEach(all)
	}
	if len(all) == 0 || all[0].at.Before(f.calendar.from) {
		return nil
	}
	return all[:1]
}

// firstOfEach keeps the first start of each bucket and value.
func (f refRetention) firstOfEach(starts []row) []row {
	seen := map[refMember]bool{}
	var kept []row
	for _, e := range starts {
		m := refMember{cohort: f.calendar.index(e.at), value: f.valueOf(e)}
		if !seen[m] {
			kept = append(kept, e)
		}
		seen[m] = true
	}
	return kept
}

func (f refRetention) returnedAfter(history []row, start row, period int) bool {
	for k := period + 1; k < f.periods; k++ {
		if f.returned(history, start, k) {
			return true
		}
	}
	return false
}

// returned tells whether enough returns lie in a period.
func (f refRetention) returned(history []row, start row, period int) bool {
	n := 0
	for _, e := range history {
		if f.returns(e) && f.valueOf(e) == f.valueOf(start) && f.inPeriod(e, start, period) {
			n++
		}
	}
	return n >= f.atLeast
}

func (f refRetention) inPeriod(e, start row, period int) bool {
	if !f.from24h {
		return f.calendar.index(e.at) == f.calendar.index(start.at)+period
	}
	begin := start.at.Add(time.Duration(period) * 24 * time.Hour)
	return !e.at.Before(begin) && e.at.Before(begin.Add(24*time.Hour))
}

func (f refRetention) valueOf(e row) string {
	if f.value == nil {
		return ""
	}
	return f.value(e)
}

// settled is when a cell can no longer change.
func (f refRetention) settled(cohort, period int) time.Time {
	begun := f.calendar.end(cohort)
	if begun.After(f.calendar.to) {
		begun = f.calendar.to
	}
	if period > 0 && f.count == countOnOrAfter {
		period = f.periods - 1
	}
	switch {
	case period == 0:
		return begun
	case f.from24h:
		return begun.Add(time.Duration(period+1) * 24 * time.Hour)
	}
	return f.calendar.end(cohort + period)
}

// table puts a table together, from the users of each cell.
func (f refRetention) table(users func(cohort, period int) int, watermark time.Time) RetentionTable {
	var t RetentionTable
	for c := range f.calendar.buckets() {
		r := RetentionRow{Size: uint64(users(c, 0)), Incomplete: []int{}}
		r.Cut = f.calendar.ends[c].Before(f.calendar.from) || f.calendar.end(c).After(f.calendar.to)
		for k := range f.periods {
			r.Values = append(r.Values, uint64(users(c, k)))
			if f.settled(c, k).After(watermark) {
				r.Incomplete = append(r.Incomplete, k)
			}
		}
		t.Rows = append(t.Rows, r)
		t.Combined.Size += r.Size
	}
	t.Combined.Incomplete = []int{}
	for k := range f.periods {
		var value, size uint64
		for c, r := range t.Rows {
			if settled := !f.settled(c, k).After(watermark); settled || k == 0 {
				value, size = value+r.Values[k], size+r.Size
			}
			if slices.Contains(r.Incomplete, k) && !slices.Contains(t.Combined.Incomplete, k) {
				t.Combined.Incomplete = append(t.Combined.Incomplete, k)
			}
		}
		t.Combined.Values, t.Combined.Sizes = append(t.Combined.Values, value), append(t.Combined.Sizes, size)
		t.Combined.Rates = append(t.Combined.Rates, numberOf(float64(value)/float64(size)))
	}
	return t
}

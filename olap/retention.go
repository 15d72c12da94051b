package olap

import (
	"context"
	"encoding/json"
)

// retention asks how many of the users who started come back, and when.
type retention struct {
	common
	Kind_          string          `json:"kind"`
	Start          *retentionEvent `json:"start"`
	Return         *retentionEvent `json:"return"`
	Periods        int             `json:"periods"`
	Cohort         cohortRule      `json:"cohort"`
	Count          returnCount     `json:"count"`
	MinOccurrences int             `json:"min_occurrences"`
	PeriodsFrom    periodsFrom     `json:"periods_from"`
	Breakdown      *breakdown      `json:"breakdown"`
}

// retentionEvent says which events start, or are a return.
type retentionEvent struct {
	Event eventChoice `json:"event"`
	Where condition   `json:"where"`
}

type (
	cohortRule  string
	returnCount string
	periodsFrom string
)

// Which cohorts a user belongs to.
const (
	cohortFirstEver    cohortRule = "first_ever"     // that of the first start of all time, if it lies in the range
	cohortFirstInRange cohortRule = "first_in_range" // that of the first start in the range
	cohortRecurring    cohortRule = "recurring"      // every one with a start
)

// When a user counts at a period.
const (
	countOn        returnCount = "on"          // returned in it
	countOnOrAfter returnCount = "on_or_after" // returned in it or a later one
)

// What periods are.
const (
	periodsCalendar periodsFrom = "calendar" // the buckets that follow the cohort's
	periods24h      periodsFrom = "24h"      // 24 hours each, from the user's own start
)

func (c *cohortRule) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, c, cohortFirstEver, cohortFirstInRange, cohortRecurring)
}

func (c *returnCount) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, c, countOn, countOnOrAfter)
}

func (p *periodsFrom) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, p, periodsCalendar, periods24h)
}

// Bounds of a question about retention.
const (
	maxPeriods        = 400
	maxOccurrences    = 1_000_000
	maxRetentionCells = 250_000
	// maxRecurringCohorts bounds how often a user's returns are copied: once per
	// cohort that the user belongs to.
	maxRecurringCohorts = 1_000
)

func parseRetention(data []byte) (Query, error) {
	q := &retention{common: defaultCommon(), Periods: 8, Cohort: cohortFirstEver, Count: countOn, MinOccurrences: 1, PeriodsFrom: periodsCalendar}
	if err := decodeStrict(data, q); err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	return q, nil
}

// Kind is "retention".
func (q *retention) Kind() string { return "retention" }

func (q *retention) check() error {
	switch {
	case q.Start == nil:
		return faultf(CodeMissingField, "/start", `say which event starts: "start":{"event":"signup"}, or {"event":null} for any`)
	case q.Return == nil:
		return faultf(CodeMissingField, "/return", `say which event is a return: "return":{"event":"purchase"}, or {"event":null} for any`)
	case q.Periods < 1 || q.Periods > maxPeriods:
		return faultf(CodeInvalidValue, "/periods", "%d is not between 1 and %d; period 0, the cohort itself, counts as one", q.Periods, maxPeriods)
	case q.MinOccurrences < 1 || q.MinOccurrences > maxOccurrences:
		return faultf(CodeInvalidValue, "/min_occurrences", "%d is not between 1 and %d; 1 counts everyone who returned at all", q.MinOccurrences, maxOccurrences)
	}
	if err := q.Breakdown.check("/breakdown"); err != nil {
		return err
	}
	return checkRange(q.common, q.frame)
}

// checkSize refuses a table that nobody could read, before anything is read for it.
func (q *retention) checkSize(f frame) error {
	tables := 1
	if q.Breakdown != nil {
		tables += q.Breakdown.Limit + 2
	}
	if cells := f.buckets() * q.Periods * tables; cells > maxRetentionCells {
		return faultf(CodeTooManyBuckets, "/interval", "%d cohorts of %d periods each make %d cells, the values of a breakdown included, and %d is the most; choose a coarser interval, a shorter range, fewer periods or a lower limit",
			f.buckets(), q.Periods, cells, maxRetentionCells)
	}
	if q.Cohort == cohortRecurring && f.buckets() > maxRecurringCohorts {
		return faultf(CodeTooManyBuckets, "/interval", "%d recurring cohorts are too many, %d is the most; choose a coarser interval, a shorter range, or another cohort",
			f.buckets(), maxRecurringCohorts)
	}
	return nil
}

// RetentionResult is the answer to a question about retention: the table of all
// users, and one per value of the breakdown.
type RetentionResult struct {
	RetentionTable
	// Breakdown has the values with most users in their cohorts first, then
	// (other) and (none).
	Breakdown []RetentionGroup `json:"breakdown,omitempty"`
}

func (*RetentionResult) result() {}

// RetentionGroup is the table of one value of the breakdown.
type RetentionGroup struct {
	Value string `json:"value"`
	RetentionTable
}

// RetentionTable has one row per cohort, and the cohorts taken together.
type RetentionTable struct {
	Rows     []RetentionRow    `json:"rows"`
	Combined RetentionCombined `json:"combined"`
}

// RetentionRow is one cohort.
type RetentionRow struct {
	// Cohort is the beginning of its bucket, RFC 3339 in the question's zone.
	Cohort string `json:"cohort"`
	// Cut tells that the range covers only a part of the bucket.
	Cut bool `json:"cut,omitempty"`
	// Size is how many users the cohort has.
	Size uint64 `json:"size"`
	// Values has the users of each period; that of period 0 is the size.
	Values []uint64 `json:"values"`
	// Incomplete lists the periods whose figure may still change.
	Incomplete []int `json:"incomplete"`
}

// RetentionCombined takes all cohorts together. A period counts only the cohorts
// for which it is complete, so that Values and Sizes of a period are about the
// same users: large cohorts weigh more, young ones do not pull the end down.
type RetentionCombined struct {
	// Size is that of all cohorts together; it is also what period 0 has.
	Size uint64 `json:"size"`
	// Values is the sum of the cohorts' values.
	Values []uint64 `json:"values"`
	// Sizes is the sum of the sizes of the same cohorts.
	Sizes []uint64 `json:"sizes"`
	// Rates is Values by Sizes; null where no cohort has anybody in it.
	Rates []number `json:"rates"`
	// Incomplete lists the periods that leave a cohort out (period 0: that has a
	// cohort whose size may still change).
	Incomplete []int `json:"incomplete"`
}

func (q *retention) answer(ctx context.Context, r *run) (Result, error) {
	p, err := q.plan(r)
	if err != nil {
		return nil, err
	}
	whole, err := p.read(ctx, r)
	if err != nil {
		return nil, err
	}
	result := &RetentionResult{RetentionTable: p.table(whole[0], r)}
	if q.Breakdown == nil {
		return result, nil
	}
	if p.groups, err = p.topValues(ctx, r); err != nil {
		return nil, err
	}
	tables, err := p.read(ctx, r)
	if err != nil {
		return nil, err
	}
	result.Breakdown = []RetentionGroup{}
	for _, slot := range p.shown(tables) {
		result.Breakdown = append(result.Breakdown, RetentionGroup{Value: *p.groups.label(slot), RetentionTable: p.table(tables[slot], r)})
	}
	return result, nil
}

// shown lists the slots of the answer in order: the values, then (other) and
// (none) where anybody started with them.
func (p *retentionPlan) shown(tables []retentionCells) []int {
	var out []int
	for i := range p.groups.values {
		out = append(out, i+1)
	}
	for _, slot := range []int{0, len(p.groups.values) + 1} {
		if tables[slot].size() > 0 {
			out = append(out, slot)
		}
	}
	return out
}

// retentionCells has the users of each cohort and period.
type retentionCells [][]uint64

func newRetentionCells(cohorts, periods int) retentionCells {
	cells := make(retentionCells, cohorts)
	for i := range cells {
		cells[i] = make([]uint64, periods)
	}
	return cells
}

func (c retentionCells) size() uint64 {
	sum := uint64(0)
	for _, row := range c {
		sum += row[0]
	}
	return sum
}

// table shapes the cells: rows with what is still open, and the sum of the rest.
func (p *retentionPlan) table(cells retentionCells, r *run) RetentionTable {
	n := p.Periods
	t := RetentionTable{Combined: RetentionCombined{Values: make([]uint64, n), Sizes: make([]uint64, n), Incomplete: []int{}}}
	stamps := p.frame.stamps()
	partial := make([]bool, n)
	for c, values := range cells {
		row := RetentionRow{Cohort: stamps[c], Cut: p.cut(c), Size: values[0], Values: values, Incomplete: []int{}}
		for k := range n {
			open := r.watermark == nil || p.settled(c, k).After(*r.watermark)
			if open {
				row.Incomplete, partial[k] = append(row.Incomplete, k), true
			}
			if k == 0 || !open {
				t.Combined.Values[k] += values[k]
				t.Combined.Sizes[k] += values[0]
			}
		}
		t.Rows = append(t.Rows, row)
	}
	t.Combined.Size = t.Combined.Sizes[0]
	for k := range n {
		t.Combined.Rates = append(t.Combined.Rates, rate(t.Combined.Values[k], t.Combined.Sizes[k]))
		if partial[k] {
			t.Combined.Incomplete = append(t.Combined.Incomplete, k)
		}
	}
	return t
}

package olap

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// How retention becomes SQL
//
// One pass over the events groups them by user and keeps, for each, where the
// user starts and where the returns lie: as bucket numbers, or as milliseconds
// where periods are counted from the user's own start. The difference to the
// start, divided by the length of a period, is the number of the period. There
// is no join, and nothing is kept per user and period.
//
// A member is one row: user, cohort, period. A user has a row with period 0 in
// each of their cohorts, and one for each period that counts. Figures and the
// list of users behind them come from the same rows, so they cannot differ.

// retentionPlan renders one question.
type retentionPlan struct {
	*retention
	frame  frame  // its buckets are the cohorts
	wide   frame  // its buckets reach to the last period of the last cohort
	groups groups // empty for the table of all users
}

func (q *retention) plan(r *run) (*retentionPlan, error) {
	f, err := q.frame(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(f)
	if err := q.checkSize(f); err != nil {
		return nil, err
	}
	p := &retentionPlan{retention: q, frame: f, wide: f}
	p.wide.bounds = slices.Clone(f.bounds)
	for range q.Periods - 1 {
		p.wide.bounds = append(p.wide.bounds, f.calendar.next(p.wide.bounds[len(p.wide.bounds)-1]))
	}
	return p, nil
}

const dayMS = int64(24 * time.Hour / time.Millisecond)

// end is where the last period of the last cohort ends: returns may lie after
// the range.
func (p *retentionPlan) end() time.Time {
	if p.PeriodsFrom == periods24h {
		return p.frame.to.Add(time.Duration(p.Periods) * 24 * time.Hour)
	}
	return p.wide.bounds[len(p.wide.bounds)-1]
}

// cut tells whether the range covers only a part of a cohort's bucket.
func (p *retentionPlan) cut(cohort int) bool {
	b := p.frame.bounds
	return b[cohort].Before(p.frame.from) || b[cohort+1].After(p.frame.to)
}

// settled is when the figure of a cell can no longer change.
func (p *retentionPlan) settled(cohort, period int) time.Time {
	started := p.frame.bounds[cohort+1]
	if started.After(p.frame.to) {
		started = p.frame.to
	}
	if period == 0 {
		return started
	}
	if p.Count == countOnOrAfter {
		period = p.Periods - 1 // until the last one is over, anyone may return
	}
	if p.PeriodsFrom == periods24h {
		return started.Add(time.Duration(period+1) * 24 * time.Hour)
	}
	return p.wide.bounds[cohort+period+1]
}

// read counts the members of every cell, by slot of the breakdown.
func (p *retentionPlan) read(ctx context.Context, r *run) ([]retentionCells, error) {
	st, err := p.counts()
	if err != nil {
		return nil, err
	}
	tables := make([]retentionCells, p.groups.slots())
	for i := range tables {
		tables[i] = newRetentionCells(p.frame.buckets(), p.Periods)
	}
	err = r.each(ctx, st, func(rows driver.Rows) error {
		var slot, cohort, period int64
		var users uint64
		if err := rows.Scan(&slot, &cohort, &period, &users); err != nil {
			return err
		}
		row := tables[p.groups.slot(slot)][cohort]
		row[period] += users
		for k := int64(1); k < period && p.Count == countOnOrAfter; k++ {
			row[k] += users // the row names the last return only
		}
		return nil
	})
	return tables, err
}

func (p *retentionPlan) counts() (*statement, error) {
	st := newStatement()
	slot, by := "toInt64(0) AS slot", "cohort, period"
	if p.groups.by != nil {
		slot, by = "slot", "slot, cohort, period"
	}
	st.text("SELECT ", slot, ", cohort, period, count() AS users\nFROM\n(\n")
	err := p.members(st)
	st.text("\n)\nGROUP BY ", by)
	return st, err
}

// members renders the rows user_id, cohort, period, and slot where there is a
// breakdown. With on_or_after a row with a period above 0 is the last one in
// which the user returned.
func (p *retentionPlan) members(st *statement) error {
	length, origin := int64(1), "cohort"
	if p.PeriodsFrom == periods24h {
		length, origin = dayMS, "origin"
	}
	kept := "passed"
	if !p.distinct() {
		kept = "arrayFilter((k, nth) -> nth = " + st.bind(int64(p.MinOccurrences)) + ", passed, arrayEnumerateUniq(passed))"
	}
	if p.Count == countOnOrAfter {
		kept = "arrayFilter(k -> k > 0, [arrayMax(" + kept + ")])"
	}
	passed := "x - " + origin
	if length > 1 {
		passed = "intDiv(" + passed + ", " + st.bind(length) + ")"
	}
	st.text("    SELECT *, arrayJoin(arrayPushFront(", kept, ", toInt64(0))) AS period FROM (",
		"\n    SELECT *, arrayFilter(k -> k > 0 AND k < ", st.bind(int64(p.Periods)), ", arrayMap(x -> ", passed, ", returns)) AS passed FROM (\n")
	err := p.users(st)
	st.text("\n    ))")
	return err
}

// distinct tells that only the bucket of a return matters, not where in it the
// return lies, nor how many there are.
func (p *retentionPlan) distinct() bool {
	return p.PeriodsFrom == periodsCalendar && p.MinOccurrences == 1
}

// users renders a row per user and cohort: user_id, cohort (the number of its
// bucket), origin (when the user started, in milliseconds, where that is
// needed), returns (where the returns lie), and slot.
func (p *retentionPlan) users(st *statement) error {
	e, err := p.events(st)
	if err != nil {
		return err
	}
	slot, keys := "", "user_id"
	if p.groups.by != nil {
		slot = p.groups.number(st)
	}
	const ms = "toUnixTimestamp64Milli(timestamp)"
	place := ms
	if p.PeriodsFrom == periodsCalendar {
		place = p.wide.bucket(st, ms)
	}
	collect := "groupArrayIf"
	if p.distinct() {
		collect = "groupUniqArrayIf"
	}
	var outer, starts, having string
	returns := fmt.Sprintf("%s(%s, %s) AS returns", collect, place, e.returns)
	switch {
	case p.Cohort == cohortRecurring && p.PeriodsFrom == periodsCalendar:
		outer, starts = "*, arrayJoin(starts) AS cohort", fmt.Sprintf("groupUniqArrayIf(%s, %s) AS starts", place, e.starts)
	case p.Cohort == cohortRecurring: // the first start of each bucket
		outer = "*, arrayJoin(arrayZip(starts.1, starts.2)) AS start, start.1 AS cohort, start.2 AS origin"
		starts = fmt.Sprintf("minMapIf([%s], [%s], %s) AS starts", p.wide.bucket(st, ms), ms, e.starts)
	default:
		outer = "*, " + p.wide.bucket(st, "origin") + " AS cohort"
		starts = fmt.Sprintf("minIf(%s, %s) AS origin", ms, e.starts)
		having = "\n        HAVING countIf(" + e.starts + ") > 0 AND origin >= " + st.bind(p.frame.from.UnixMilli())
		if slot != "" {
			starts += fmt.Sprintf(", argMinIf(%s, %s, %s) AS slot", slot, p.firstValue(st), e.starts)
			returns = fmt.Sprintf("%s((%s, %s), %s) AS marked", collect, slot, place, e.returns)
			outer += ", arrayMap(x -> x.2, arrayFilter(x -> x.1 = slot, marked)) AS returns"
			slot = ""
		}
	}
	if slot != "" {
		slot, keys = slot+" AS slot, ", "user_id, slot"
	}
	st.text("    SELECT ", outer, " FROM (\n        SELECT user_id, ", slot, starts, ",\n            ", returns,
		"\n        FROM events\n        WHERE ", e.where, "\n        GROUP BY ", keys, having, "\n    )")
	return nil
}

// firstValue renders what orders the starts of a user: by time, and those of one
// instant by their value, absent last.
func (p *retentionPlan) firstValue(st *statement) string {
	property := p.Breakdown.Property.property
	return fmt.Sprintf("(timestamp, NOT (%s), %s)", property.present(st), property.text(st))
}

// retentionEvents is the SQL that tells events apart.
type retentionEvents struct {
	starts  string // a start that a cohort may take
	returns string // a return that a period may take
	where   string // what to read
}

func (p *retentionPlan) events(st *statement) (e retentionEvents, err error) {
	starts, err := selection(st, p.frame.clock, p.Start.Event, p.Start.Where, p.Where)
	if err != nil {
		return e, err
	}
	returns, err := selection(st, p.frame.clock, p.Return.Event, p.Return.Where, p.Where)
	if err != nil {
		return e, err
	}
	from, to := "timestamp >= "+st.bind(p.frame.from), "timestamp < "+st.bind(p.frame.to)
	e.starts, e.returns = allOf(starts, to), returns
	e.where = "timestamp < " + st.bind(p.end())
	if p.Cohort == cohortFirstEver {
		e.returns = allOf(returns, from) // starts are looked for in all of time
	} else {
		e.where = allOf(from, e.where)
	}
	e.where = allOf(e.where, "("+e.starts+" OR "+e.returns+")")
	return e, nil
}

// topValues finds the values with most users in their cohorts.
func (p *retentionPlan) topValues(ctx context.Context, r *run) (groups, error) {
	g := groups{by: p.Breakdown}
	st, err := p.ranking()
	if err != nil {
		return g, err
	}
	err = r.each(ctx, st, func(rows driver.Rows) error {
		var value string
		err := rows.Scan(&value)
		g.values = append(g.values, value)
		return err
	})
	return g, err
}

// ranking renders the values, best first. A user who is in one cohort counts for
// the value of the event that started it.
func (p *retentionPlan) ranking() (*statement, error) {
	st := newStatement()
	e, err := p.events(st)
	if err != nil {
		return nil, err
	}
	property := p.Breakdown.Property.property
	value, present := "toString("+property.text(st)+")", property.present(st)
	limit := st.bind(int64(p.Breakdown.Limit))
	if p.Cohort == cohortRecurring {
		st.text("SELECT ", value, " AS value\nFROM events\nWHERE ", allOf("timestamp >= "+st.bind(p.frame.from), e.starts, present),
			"\nGROUP BY value\nORDER BY uniqExact(user_id) DESC, value\nLIMIT ", limit)
		return st, nil
	}
	where := e.starts
	if p.Cohort == cohortFirstInRange {
		where = allOf("timestamp >= "+st.bind(p.frame.from), where)
	}
	st.text("SELECT substring(marked, 2) AS value\nFROM\n(\n    SELECT user_id, argMin(if(", present, ", '=' || ", value, ", ''), ", p.firstValue(st), ") AS marked",
		"\n    FROM events\n    WHERE ", where, "\n    GROUP BY user_id\n    HAVING min(timestamp) >= ", st.bind(p.frame.from),
		"\n)\nWHERE marked != ''\nGROUP BY value\nORDER BY count() DESC, value\nLIMIT ", limit)
	return st, nil
}

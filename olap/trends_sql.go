package olap

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// line is one series of one group, over one range.
type line struct {
	values []number
	total  number
	seen   bool // any event at all
}

// newLines is the answer of a range in which nothing happened.
func newLines(slots, buckets int, nothing number) []line {
	lines := make([]line, slots)
	for i := range lines {
		lines[i] = line{values: make([]number, buckets), total: nothing}
		for j := range lines[i].values {
			lines[i].values[j] = nothing
		}
	}
	return lines
}

// measure answers series i over one range.
func (t *trends) measure(ctx context.Context, r *run, i int, f frame, g groups) ([]line, error) {
	s := t.Series[i]
	p := plan{trends: t, series: i, frame: f, groups: g, statement: newStatement()}
	nothing := number{}
	if !s.Measure.numeric() || s.Measure == measureSum {
		nothing = countOf(0)
	}
	lines := newLines(g.slots(), f.buckets(), nothing)
	if s.Measure.activeDays() > 0 {
		return lines, p.active(ctx, r, lines)
	}
	if err := p.render(); err != nil {
		return nil, err
	}
	skipped := uint64(0)
	err := r.each(ctx, p.statement, func(rows driver.Rows) error {
		var group, bucket int64
		var whole uint8
		var value string
		var left uint64
		if err := rows.Scan(&group, &bucket, &whole, &value, &left); err != nil {
			return err
		}
		l := &lines[g.slot(group)]
		l.seen = true
		figure := parseNumber(value)
		if figure.text == "" {
			figure = nothing // events, but no figure among them
		}
		if whole == 1 {
			l.total = figure
		} else {
			l.values[bucket] = figure
		}
		if whole == 1 || t.Cumulative {
			skipped += left
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if skipped > 0 {
		r.warn("%d events of series %s have a %s that is not a number; they are left out of its %s", skipped, s.Name, s.Property.property.label, s.Measure)
	}
	for i := range lines {
		switch {
		case t.Cumulative && s.Measure == measureNewUsers: // everyone is new once, so counts add up
			lines[i].accumulate()
		case t.Cumulative:
			lines[i].carry(nothing)
		}
	}
	return lines, nil
}

// carry fills the buckets in which nothing happened with what went before.
func (l *line) carry(nothing number) {
	last := nothing
	for i, v := range l.values {
		if v != nothing {
			last = v
		}
		l.values[i] = last
	}
	l.total = last
}

// accumulate adds up counts.
func (l *line) accumulate() {
	sum := int64(0)
	for i, v := range l.values {
		sum += v.integer()
		l.values[i] = countOf(sum)
	}
}

// plan renders one series. The columns of every form are: group, bucket, whole
// (1 for the row that covers the range as one bucket), value as text, and the
// number of events whose value was not a number.
type plan struct {
	*statement
	trends *trends
	series int
	frame  frame
	groups groups
}

func (p plan) spec() trendSeries { return p.trends.Series[p.series] }

func (p plan) render() error {
	selected, err := p.trends.selection(p.statement, p.series, p.frame)
	if err != nil {
		return err
	}
	switch s := p.spec(); {
	case p.fromWindows():
		p.perWindow(selected)
	case s.Measure == measureNewUsers:
		p.newUsers(selected)
	case s.Per != perEvent:
		p.perUnit(selected)
	case p.trends.Cumulative:
		p.cumulative(selected)
	default:
		p.perEvent(selected)
	}
	return nil
}

// selection renders which events a series takes, the range aside.
func (t *trends) selection(st *statement, i int, f frame) (string, error) {
	s := t.Series[i]
	return selection(st, f.clock, s.Event, s.Where, t.Where)
}

// group renders the group's number, and the key to group by it.
func (p plan) group() (column, key string) {
	if p.groups.by == nil {
		return "toInt64(0)", ""
	}
	return p.groups.number(p.statement), "slot, "
}

// totals ends a grouping with the range as one bucket. ROLLUP merges states, so
// that it costs no second pass over the rows.
func totals(key string) string {
	if key == "" {
		return "\nGROUP BY bucket WITH ROLLUP"
	}
	return "\nGROUP BY " + key + "bucket WITH ROLLUP\nHAVING grouping(slot) = 0"
}

func (p plan) eventBucket() string {
	return p.frame.bucket(p.statement, "toUnixTimestamp64Milli(timestamp)")
}

func (p plan) perEvent(selected string) {
	group, key := p.group()
	a, skipped := p.aggregate()
	p.text("SELECT ", group, " AS slot, ", p.eventBucket(), " AS bucket, toUInt8(grouping(bucket)) AS whole,",
		"\n    ifNull(toString(", a.plain(), "), '') AS value, ", skipped, " AS skipped",
		"\nFROM ", p.source(), "\nWHERE ", allOf(p.frame.during(p.statement), selected), totals(key))
}

// cumulative gives every bucket the measure of all events since the beginning
// of the range, by merging states: so different users stay different.
func (p plan) cumulative(selected string) {
	group, _ := p.group()
	a, skipped := p.aggregate()
	p.text("SELECT slot, bucket, toUInt8(0) AS whole,",
		"\n    ifNull(toString(", a.merge("state"), " OVER (PARTITION BY slot ORDER BY bucket)), '') AS value, skipped",
		"\nFROM\n(\n    SELECT ", group, " AS slot, ", p.eventBucket(), " AS bucket, ", a.state(), " AS state, ", skipped, " AS skipped",
		"\n    FROM ", p.source(), "\n    WHERE ", allOf(p.frame.during(p.statement), selected),
		"\n    GROUP BY slot, bucket\n)")
}

// aggregate gives the measure over events, and the count of values that are no
// numbers.
func (p plan) aggregate() (a aggregate, skipped string) {
	s := p.spec()
	property := s.Property.property
	skipped = "toUInt64(0)"
	switch s.Measure {
	case measureTotal:
		return aggregate{name: "count"}, skipped
	case measureUsers, measureNewUsers:
		return aggregate{name: "uniqExact", arguments: "user_id"}, skipped
	case measureSessions:
		return aggregate{name: "uniqExact", arguments: "user_id, session"}, skipped
	case measureUnique:
		return aggregate{name: "uniqExactIf", arguments: property.text(p.statement) + ", " + property.present(p.statement)}, skipped
	}
	return s.Measure.over(p.figure()), p.skipped()
}

// figure is the property as a number, and whether that is exact.
func (p plan) figure() (sql string, exact bool) {
	property := p.spec().Property.property
	if property.isAmount() {
		return "amount", true
	}
	return property.number(p.statement), false
}

func (p plan) skipped() string {
	property := p.spec().Property.property
	if !p.spec().Property.given || property.kind != textColumn {
		return "toUInt64(0)"
	}
	return fmt.Sprintf("countIf(%s AND %s IS NULL)", property.present(p.statement), property.number(p.statement))
}

// perUnit first counts or sums by user or session, then measures those figures.
func (p plan) perUnit(selected string) {
	s := p.spec()
	group, _ := p.group()
	inner, exact := "count()", true
	if s.Property.given {
		var figure string
		figure, exact = p.figure()
		inner = "ifNull(" + measureSum.over(figure, exact).plain() + ", 0)"
	}
	keys := "user_id"
	if s.Per == perSession {
		keys = "user_id, session"
	}
	p.text("SELECT slot, bucket, whole, ifNull(toString(", s.Measure.over("figure", exact).plain(), "), '') AS value, sum(left_out) AS skipped",
		"\nFROM\n(\n    SELECT ", group, " AS slot, ", keys, ", ", p.eventBucket(), " AS bucket, toUInt8(grouping(bucket)) AS whole,",
		"\n        ", inner, " AS figure, ", p.skipped(), " AS left_out",
		"\n    FROM ", p.source(), "\n    WHERE ", allOf(p.frame.during(p.statement), selected),
		"\n    GROUP BY slot, ", keys, ", bucket WITH ROLLUP\n    HAVING grouping(", lastKey(s.Per), ") = 0\n)",
		"\nGROUP BY slot, bucket, whole")
}

func lastKey(per unit) string {
	if per == perSession {
		return "session"
	}
	return "user_id"
}

// newUsers counts users by the bucket of their first event of the series, of
// all time. A user's group is that of the first event.
func (p plan) newUsers(selected string) {
	group := "toInt64(0)"
	if p.groups.by != nil {
		group = "argMin(" + p.groups.number(p.statement) + ", (timestamp, event_id))"
	}
	p.text("SELECT slot, ", p.frame.bucket(p.statement, "toUnixTimestamp64Milli(first_at)"), " AS bucket, toUInt8(grouping(bucket)) AS whole,",
		"\n    toString(count()) AS value, toUInt64(0) AS skipped",
		"\nFROM\n(\n    SELECT user_id, min(timestamp) AS first_at, ", group, " AS slot",
		"\n    FROM events\n    WHERE ", allOf("timestamp < "+p.bind(p.frame.to), selected),
		"\n    GROUP BY user_id\n    HAVING first_at >= ", p.bind(p.frame.from), "\n)", totals("slot, "))
}

// source is the table, with sessions where the question needs them.
func (p plan) source() string {
	if s := p.spec(); s.Measure != measureSessions && s.Per != perSession {
		return "events"
	}
	return sessions(p.statement, p.frame)
}

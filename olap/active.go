package olap

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Weekly and monthly active users: different users in the days that end with
// each bucket.
//
// An event counts for every bucket whose window holds it, and those are
// neighbours: the buckets lo to hi. Counting the event once per bucket would
// multiply the rows by up to 720 (hours in a month). Instead each user's spans
// are merged into disjoint ones, and only their two ends leave the store: +1
// where one begins, -1 after its end. The running sum is the number of users.

// active fills lines with the answer of a weekly or monthly active series.
func (p plan) active(ctx context.Context, r *run, lines []line) error {
	if err := p.renderActive(); err != nil {
		return err
	}
	changes := make([][]int64, len(lines))
	for i := range changes {
		changes[i] = make([]int64, p.frame.buckets()+1)
	}
	err := r.each(ctx, p.statement, func(rows driver.Rows) error {
		var group, at, change int64
		if err := rows.Scan(&group, &at, &change); err != nil {
			return err
		}
		slot := p.groups.slot(group)
		lines[slot].seen = true
		if at < 0 {
			lines[slot].total = countOf(change)
		} else {
			changes[slot][at] = change
		}
		return nil
	})
	for slot := range lines {
		users := int64(0)
		for i := range lines[slot].values {
			users += changes[slot][i]
			lines[slot].values[i] = countOf(users)
		}
	}
	return err
}

// renderActive gives rows of group, bucket and change in the number of users;
// bucket -1 holds the users of the window that ends with the range.
func (p plan) renderActive() error {
	selected, err := p.trends.selection(p.statement, p.series, p.frame)
	if err != nil {
		return err
	}
	f, days := p.frame, p.spec().Measure.activeDays()
	day := calendar{interval: byDay, zone: f.calendar.zone}
	starts := make([]int64, f.buckets())
	for i := range starts {
		starts[i] = day.shift(f.bounds[i+1], -days).UnixMilli()
	}
	earliest := day.shift(f.bounds[1], -days)
	last := day.shift(f.to, -days).UnixMilli()
	const ms = "toUnixTimestamp64Milli(timestamp)"
	group, key := p.group()
	p.text("SELECT slot, edge.1 AS at, sum(edge.2) AS change\nFROM\n(",
		"\n    SELECT ", group, " AS slot, arraySort(groupUniqArray((",
		indexOf(p.statement, ms, milli(f.bounds[:f.buckets()])), ", ", indexOf(p.statement, ms, starts), "))) AS spans,",
		"\n        arrayMap((span, before) -> (greatest(span.1, before.2 + 1), span.2), spans, arrayPushFront(arrayPopBack(spans), (toInt64(-1), toInt64(-1)))) AS disjoint,",
		"\n        arrayFilter(span -> span.1 <= span.2, disjoint) AS kept,",
		"\n        arrayJoin(arrayConcat(arrayMap(span -> (span.1, toInt64(1)), kept), arrayMap(span -> (span.2 + 1, toInt64(-1)), kept),",
		"\n            [(toInt64(-1), toInt64(max(", ms, ") >= ", p.bind(last), "))])) AS edge",
		"\n    FROM events\n    WHERE ", allOf(during(p.statement, earliest, f.to), selected),
		"\n    GROUP BY ", key, "user_id\n)\nGROUP BY slot, at")
	return nil
}

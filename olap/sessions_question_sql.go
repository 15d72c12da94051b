package olap

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// sessionsPlan renders one question about sessions.
//
// Sessions are cut from the events of a day before the range to a day after it.
// Those that begin in the range count, measured whole; one that is known to have
// begun earlier does not begin again with the range.
type sessionsPlan struct {
	*statement
	*sessionsQuestion
	frame  frame
	groups groups
}

func (q *sessionsQuestion) plan(ctx context.Context, r *run) (*sessionsPlan, error) {
	f, err := q.frame(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(f)
	p := &sessionsPlan{sessionsQuestion: q, frame: f, groups: groups{by: q.Breakdown}}
	if q.Breakdown == nil {
		return p, nil
	}
	p.statement = newStatement()
	if err := p.ranking(); err != nil {
		return nil, err
	}
	err = r.each(ctx, p.statement, func(rows driver.Rows) error {
		var value string
		err := rows.Scan(&value)
		p.groups.values = append(p.groups.values, value)
		return err
	})
	return p, err
}

// ranking lists the values that most sessions have.
func (p *sessionsPlan) ranking() error {
	p.text("SELECT substring(value, 2) AS name\nFROM\n(")
	if err := p.sessions(); err != nil {
		return err
	}
	p.text("\n)\nWHERE value != ''\nGROUP BY name\nORDER BY count() DESC, name\nLIMIT ", p.bind(int64(p.Breakdown.Limit)))
	return nil
}

// figures gives a row per group and bucket, and one per group for the whole
// range; the columns are those of scanSessions.
func (p *sessionsPlan) figures() error {
	horizon := p.bind(p.frame.to.Add(sessionHorizon - p.Gap.Duration).UnixMilli())
	p.text("SELECT ", p.slot(), " AS slot, ", p.frame.bucket(p.statement, "begun"), " AS bucket, toUInt8(grouping(bucket)) AS whole,",
		"\n    count() AS sessions, uniqExact(user_id) AS users,",
		"\n    toString(quantileExactInclusive(0.5)((ended - begun) / 1000)) AS median, toString(avg(ended - begun) / 1000) AS average,",
		"\n    toString(avg(events)) AS events_each, toString(countIf(events = 1) / count()) AS bounced,",
		"\n    max(ended) AS last, countIf(ended >= ", horizon, ") AS cut\nFROM\n(")
	if err := p.sessions(); err != nil {
		return err
	}
	if p.Breakdown == nil {
		p.text("\n)\nGROUP BY bucket WITH ROLLUP\nHAVING sessions > 0")
	} else {
		p.text("\n)\nGROUP BY slot, bucket WITH ROLLUP\nHAVING grouping(slot) = 0")
	}
	return nil
}

// slot renders the group of a session.
func (p *sessionsPlan) slot() string {
	switch {
	case p.Breakdown == nil:
		return "toInt64(0)"
	case len(p.groups.values) == 0:
		return "toInt64(if(value = '', -1, 0))"
	}
	return "if(value = '', toInt64(-1), " + p.groups.rank(p.statement, "substring(value, 2)") + ")"
}

// arrival orders a user's events like (timestamp, kafka_offset). As one number it is
// compared four times as fast.
const arrival = "bitShiftLeft(toInt128(toUnixTimestamp64Milli(timestamp)), 64) + kafka_offset"

// sessions renders one row per session that begins in the range: user_id, begun
// and ended in milliseconds, events, and value: that of the first event which
// carries the breakdown's property, behind a "=", or nothing.
func (p *sessionsPlan) sessions() error {
	selected, err := selection(p.statement, p.frame.clock, eventChoice{}, p.Where)
	if err != nil {
		return err
	}
	around := during(p.statement, p.frame.from.Add(-sessionHorizon), p.frame.to.Add(sessionHorizon))
	columns := "user_id, min(toUnixTimestamp64Milli(timestamp)) AS begun, max(toUnixTimestamp64Milli(timestamp)) AS ended, count() AS events"
	if p.Breakdown != nil {
		value := p.Breakdown.Property.property
		columns += ",\n        argMinIf('=' || toString(" + value.text(p.statement) + "), " + arrival + ", " + value.present(p.statement) + ") AS value"
	}
	begins := "\n    HAVING begun >= " + p.bind(p.frame.from.UnixMilli()) + " AND begun < " + p.bind(p.frame.to.UnixMilli())
	p.text("\n    SELECT ", columns, "\n    FROM events\n    WHERE ", allOf(around, "session_id != ''", selected), "\n    GROUP BY user_id, session_id", begins,
		"\n    UNION ALL\n    SELECT ", columns, "\n    FROM\n    (", visits(p.statement, around, p.Gap.Duration), "\n    )")
	if selected != "1" {
		p.text("\n    WHERE ", selected)
	}
	p.text("\n    GROUP BY user_id, session", begins)
	return nil
}

package olap

import (
	"context"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// sessionsQuestion asks how many sessions there were and what they were like, by
// bucket of their beginning.
type sessionsQuestion struct {
	common
	Kind_     string     `json:"kind"`
	Gap       duration   `json:"gap"`
	Breakdown *breakdown `json:"breakdown"`
}

// sessionHorizon is how far outside the range events are looked at, so that a
// session across an edge is known as what it is. It is also the longest gap.
const sessionHorizon = 24 * time.Hour

func parseSessions(data []byte) (Query, error) {
	q := &sessionsQuestion{common: defaultCommon(), Gap: duration{sessionGap}}
	if err := decodeStrict(data, q); err != nil {
		return nil, err
	}
	if err := checkGap(q.Gap); err != nil {
		return nil, err
	}
	if err := q.Breakdown.check("/breakdown"); err != nil {
		return nil, err
	}
	return q, checkRange(q.common, q.frame)
}

func checkGap(gap duration) error {
	if gap.Duration < time.Second || gap.Duration > sessionHorizon {
		return faultf(CodeInvalidValue, "/gap", `a gap lies between "1s" and "24h"; "30m" is usual`)
	}
	return nil
}

// Kind is "sessions".
func (q *sessionsQuestion) Kind() string { return "sessions" }

// SessionsResult is the answer to a question about sessions.
type SessionsResult struct {
	// Buckets are the beginnings of the buckets, RFC 3339 in the question's zone.
	Buckets []string `json:"buckets"`
	// Series has one line, or one per value of the breakdown, those with most
	// sessions first, then (other) and (none).
	Series []SessionsLine `json:"series"`
	// Incomplete lists the indexes of buckets that the range cuts or that may
	// still change: the watermark has not passed their end, or one of their
	// sessions may go on.
	Incomplete []int `json:"incomplete"`
}

func (*SessionsResult) result() {}

// SessionsLine holds a figure per bucket.
type SessionsLine struct {
	Breakdown *string `json:"breakdown,omitempty"`
	// Count is how many sessions began in the bucket, Users whose they were.
	Count []uint64 `json:"count"`
	Users []uint64 `json:"users"`
	// MedianSeconds and AverageSeconds are from a session's first event to its
	// last. They and the following are null where no session began.
	MedianSeconds  []number `json:"median_seconds"`
	AverageSeconds []number `json:"average_seconds"`
	// EventsPerSession is an average.
	EventsPerSession []number `json:"events_per_session"`
	// BounceRate is the share of sessions with one event only.
	BounceRate []number `json:"bounce_rate"`
	// Total has the same figures over the whole range: each user counts once.
	Total SessionsFigures `json:"total"`
}

// SessionsFigures are the sessions of one bucket, or of the whole range.
type SessionsFigures struct {
	Count            uint64 `json:"count"`
	Users            uint64 `json:"users"`
	MedianSeconds    number `json:"median_seconds"`
	AverageSeconds   number `json:"average_seconds"`
	EventsPerSession number `json:"events_per_session"`
	BounceRate       number `json:"bounce_rate"`
}

func (q *sessionsQuestion) answer(ctx context.Context, r *run) (Result, error) {
	p, err := q.plan(ctx, r)
	if err != nil {
		return nil, err
	}
	p.statement = newStatement()
	if err := p.figures(); err != nil {
		return nil, err
	}
	lines := make([]*SessionsLine, p.groups.slots())
	open := make([]bool, p.frame.buckets())
	err = r.each(ctx, p.statement, func(rows driver.Rows) error {
		row, err := scanSessions(rows)
		if err != nil {
			return err
		}
		slot := p.groups.slot(row.slot)
		if lines[slot] == nil {
			lines[slot] = newSessionsLine(p.groups.label(slot), p.frame.buckets())
		}
		lines[slot].set(row)
		switch {
		case !row.whole:
			open[row.bucket] = open[row.bucket] || p.mayGoOn(r, row.ended)
		case row.cut > 0:
			r.warn("sessions that were still going on a day after the range: %d; they are measured up to there", row.cut)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &SessionsResult{Buckets: p.frame.stamps(), Series: p.shown(lines), Incomplete: incompleteOr(p.frame.incomplete(r.watermark), open)}, nil
}

// shown puts the lines in order: the values, then (other) and (none).
func (p *sessionsPlan) shown(lines []*SessionsLine) []SessionsLine {
	if p.Breakdown == nil && lines[0] == nil {
		return []SessionsLine{*newSessionsLine(nil, p.frame.buckets())}
	}
	out := []SessionsLine{}
	for _, l := range append(lines[1:len(lines)-1:len(lines)-1], lines[0], lines[len(lines)-1]) {
		if l != nil {
			out = append(out, *l)
		}
	}
	return out
}

// mayGoOn tells whether an event could still join a session.
func (p *sessionsPlan) mayGoOn(r *run, ended time.Time) bool {
	return r.watermark == nil || !ended.Add(p.Gap.Duration).Before(*r.watermark)
}

func incompleteOr(incomplete []int, open []bool) []int {
	for i, is := range open {
		if is && !slices.Contains(incomplete, i) {
			incomplete = append(incomplete, i)
		}
	}
	slices.Sort(incomplete)
	return incomplete
}

// sessionsRow is one bucket, or the whole range, of one group.
type sessionsRow struct {
	slot, bucket int64
	whole        bool
	figures      SessionsFigures
	ended        time.Time // of the session that ended last
	cut          uint64    // sessions that were still going on at the horizon
}

func scanSessions(rows driver.Rows) (sessionsRow, error) {
	var row sessionsRow
	var whole uint8
	var ended int64
	var median, average, events, bounces string
	err := rows.Scan(&row.slot, &row.bucket, &whole, &row.figures.Count, &row.figures.Users, &median, &average, &events, &bounces, &ended, &row.cut)
	row.whole, row.ended = whole == 1, time.UnixMilli(ended)
	row.figures.MedianSeconds, row.figures.AverageSeconds = parseNumber(median), parseNumber(average)
	row.figures.EventsPerSession, row.figures.BounceRate = parseNumber(events), parseNumber(bounces)
	return row, err
}

func newSessionsLine(label *string, n int) *SessionsLine {
	return &SessionsLine{
		Breakdown: label, Count: make([]uint64, n), Users: make([]uint64, n), MedianSeconds: make([]number, n),
		AverageSeconds: make([]number, n), EventsPerSession: make([]number, n), BounceRate: make([]number, n),
	}
}

func (l *SessionsLine) set(row sessionsRow) {
	if row.whole {
		l.Total = row.figures
		return
	}
	i, f := row.bucket, row.figures
	l.Count[i], l.Users[i] = f.Count, f.Users
	l.MedianSeconds[i], l.AverageSeconds[i] = f.MedianSeconds, f.AverageSeconds
	l.EventsPerSession[i], l.BounceRate[i] = f.EventsPerSession, f.BounceRate
}

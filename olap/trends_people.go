package olap

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// trendsCell is one number of the answer:
// {"series":"A","bucket":"2026-01-01T00:00:00Z","breakdown":"IN"}. Without a
// bucket it is the total.
type trendsCell struct {
	of        *trends
	Series    string  `json:"series"`
	Bucket    moment  `json:"bucket"`
	Breakdown *string `json:"breakdown"`
	Previous  bool    `json:"previous"`
	series    int
}

func (t *trends) parseCell(raw json.RawMessage) (cell, error) {
	c := &trendsCell{of: t}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	if c.Series == "" && len(t.Series) == 1 {
		c.Series = t.Series[0].Name
	}
	c.series = slices.IndexFunc(t.Series, func(s trendSeries) bool { return s.Name == c.Series })
	if c.series < 0 {
		return nil, t.noSuchSeries(c.Series)
	}
	switch s := t.Series[c.series]; {
	case !s.Measure.countsUsers():
		return nil, faultf(CodeInvalidValue, "/series", "the numbers of series %s are %s, not users; ask for a series that measures users, new_users, weekly_active or monthly_active", s.Name, s.Measure)
	case c.Breakdown == nil && t.Breakdown != nil:
		return nil, faultf(CodeMissingField, "/breakdown", `say which row is meant, as the answer names it: "breakdown":"IN"`)
	case c.Breakdown != nil && t.Breakdown == nil:
		return nil, faultf(CodeInvalidValue, "/breakdown", "the question has no breakdown; leave it out")
	case c.Previous && t.Compare == "":
		return nil, faultf(CodeInvalidValue, "/previous", `the question has nothing to compare with; leave it out, or ask with "compare":"previous"`)
	}
	return c, nil
}

func (t *trends) noSuchSeries(name string) error {
	names := make([]string, len(t.Series))
	for i, s := range t.Series {
		names[i] = s.Name
	}
	if name == "" {
		return faultf(CodeMissingField, "/series", "say which series is meant, one of %s", words(names))
	}
	if slices.ContainsFunc(t.Formulas, func(f trendFormula) bool { return f.Name == name }) {
		return faultf(CodeInvalidValue, "/series", "%s is a formula; there are users behind a series only: %s", name, words(names))
	}
	return oneOf("/series", name, names)
}

// countsUsers tells whether the measure's numbers are users.
func (m measure) countsUsers() bool {
	return slices.Contains([]measure{measureUsers, measureNewUsers, measureWeekly, measureMonthly}, m)
}

func (c *trendsCell) people(ctx context.Context, r *run) (*statement, error) {
	f, err := c.of.frame(r.now)
	if err != nil {
		return nil, err
	}
	f.missing = r.missing
	r.describe(f)
	g, err := c.of.groups(ctx, r, f)
	if err != nil {
		return nil, err
	}
	p := plan{trends: c.of, series: c.series, frame: f, groups: g, statement: newStatement()}
	bucket := -1
	if c.Bucket.given {
		if bucket, err = f.bucketAt(c.Bucket); err != nil {
			return nil, err
		}
	}
	if c.Previous {
		p.frame = f.previous()
		bucket = min(bucket, p.frame.buckets()-1)
	}
	group := ""
	if c.Breakdown != nil {
		number, err := g.find(*c.Breakdown)
		if err != nil {
			return nil, err
		}
		group = p.bind(number)
	}
	from, to := p.span(bucket)
	return p.statement, p.usersBetween(from, to, group)
}

// span is the time whose events a bucket's number is made of; bucket -1 is the
// whole range.
func (p plan) span(bucket int) (from, to time.Time) {
	f, days := p.frame, p.spec().Measure.activeDays()
	from, to = f.from, f.to
	if bucket >= 0 {
		from, to = latest(f.from, f.bounds[bucket]), earliest(f.to, f.bounds[bucket+1])
		if p.trends.Cumulative {
			from = f.from
		}
	}
	if days > 0 {
		end := f.to
		if bucket >= 0 {
			end = f.bounds[bucket+1]
		}
		from = calendar{interval: byDay, zone: f.calendar.zone}.shift(end, -days)
	}
	return from, to
}

// usersBetween lists the users with an event of the series between two instants;
// for new users, those whose first event of all time lies there.
func (p plan) usersBetween(from, to time.Time, group string) error {
	selected, err := p.trends.selection(p.statement, p.series, p.frame)
	if err != nil {
		return err
	}
	if p.spec().Measure != measureNewUsers {
		if group != "" {
			group = fmt.Sprintf("%s = %s", p.groups.number(p.statement), group)
		}
		p.text("SELECT DISTINCT user_id\nFROM events\nWHERE ", allOf(during(p.statement, from, to), selected, group))
		return nil
	}
	if group != "" {
		group = fmt.Sprintf("argMin(%s, (timestamp, event_id)) = %s", p.groups.number(p.statement), group)
	}
	p.text("SELECT user_id\nFROM events\nWHERE ", allOf("timestamp < "+p.bind(to), selected),
		"\nGROUP BY user_id\nHAVING ", allOf("min(timestamp) >= "+p.bind(from), group))
	return nil
}

package olap

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// funnelOutcome says which users of a step or a bucket are meant.
type funnelOutcome string

const (
	outcomeEntered   funnelOutcome = "entered"   // began an attempt; of a bucket
	outcomeConverted funnelOutcome = "converted" // did the step, or all of them
	outcomeDropped   funnelOutcome = "dropped"   // did the required step before and not this one; or entered and did not convert
)

func (o *funnelOutcome) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, o, outcomeEntered, outcomeConverted, outcomeDropped)
}

func (f *funnel) parseCell(raw json.RawMessage) (cell, error) {
	if f.CountBy == countSessions {
		return nil, faultf(CodeInvalidValue, "/count_by", `this funnel counts sessions; users can be listed where it counts them: "count_by":"user"`)
	}
	switch f.View {
	case viewTrend:
		return f.parseBucketCell(raw)
	case viewTimes:
		return f.parseBinCell(raw)
	}
	return f.parseStepCell(raw)
}

// stepCell is a number of the view steps:
// {"step":2,"outcome":"dropped","breakdown":"IN"}.
type stepCell struct {
	of        *funnel
	Step      int           `json:"step"`
	Outcome   funnelOutcome `json:"outcome"`
	Breakdown *string       `json:"breakdown"`
}

func (f *funnel) parseStepCell(raw json.RawMessage) (cell, error) {
	c := &stepCell{of: f, Outcome: outcomeConverted}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	switch {
	case c.Step == 0:
		return nil, faultf(CodeMissingField, "/step", `say which step is meant, such as "step":1`)
	case c.Step < 1 || c.Step > len(f.Steps):
		return nil, faultf(CodeInvalidValue, "/step", "%d is not a step; count from 1 to %d", c.Step, len(f.Steps))
	case c.Outcome == outcomeEntered:
		return nil, faultf(CodeInvalidValue, "/outcome", `entered belongs to a bucket of the view trend; who entered here is {"step":1}`)
	case c.Outcome == outcomeDropped && c.Step == 1:
		return nil, faultf(CodeInvalidValue, "/outcome", "nobody can be lost before the first step; count from step 2")
	case c.Breakdown != nil && f.Breakdown == nil:
		return nil, faultf(CodeInvalidValue, "/breakdown", "the question has no breakdown; leave it out")
	}
	return c, nil
}

func (c *stepCell) people(ctx context.Context, r *run) (*statement, error) {
	p, err := c.of.begin(r)
	if err != nil {
		return nil, err
	}
	which := p.reached(c.Step)
	if c.Outcome == outcomeDropped {
		which = p.reached(p.before(c.Step)) + " AND NOT (" + which + ")"
	}
	if c.Breakdown == nil {
		return p.statement, p.usersWhere("", which)
	}
	err = p.usersOfGroup(ctx, r, *c.Breakdown, which)
	return p.statement, err
}

// usersWhere lists the users whose chain meets a condition.
func (p *funnelPlan) usersWhere(slot, which string) error {
	p.byName = true
	p.text("SELECT user_id\nFROM\n(\n")
	err := p.users(slot, "")
	p.text("\n)\nWHERE ", which)
	return err
}

// usersOfGroup lists the users of one row of the breakdown.
func (p *funnelPlan) usersOfGroup(ctx context.Context, r *run, label, which string) error {
	ranking := p.ranking
	if p.chainHasValue() {
		ranking = p.chainRanking
	}
	var err error
	if p.groups, err = p.topValues(ctx, r, ranking); err != nil {
		return err
	}
	p.statement = newStatement()
	return p.usersOfKnownGroup(label, which)
}

// usersOfKnownGroup does it once the values of the breakdown are known.
func (p *funnelPlan) usersOfKnownGroup(label, which string) error {
	number, err := p.groups.find(label)
	if err != nil {
		return err
	}
	if !p.chainHasValue() {
		return p.usersWhere(p.groups.number(p.statement), which+" AND slot = "+p.bind(number))
	}
	place := fmt.Sprintf("if(value = '', toInt64(-1), toInt64(indexOf(arrayMap(v -> '=' || v, %s), value)))", p.bind(append([]string{}, p.groups.values...)))
	return p.usersWhere("", fmt.Sprintf("%s AND %s = %s", which, place, p.bind(number)))
}

// find gives the number of the group that an answer shows under a label. A value
// that reads like a catch-all is that value.
func (g groups) find(label string) (int64, error) {
	switch i := slices.Index(g.values, label); {
	case i >= 0:
		return int64(i + 1), nil
	case label == labelOther:
		return 0, nil
	case label == labelNone:
		return -1, nil
	}
	return 0, faultf(CodeInvalidValue, "/breakdown", "the answer has no row %q; take a value from it", label)
}

// chainRanking finds the values that most users have in their chain.
func (p *funnelPlan) chainRanking() error {
	p.text("SELECT substring(value, 2) AS label\nFROM\n(\n")
	if err := p.users("", ""); err != nil {
		return err
	}
	p.text("\n)\nWHERE depth >= 1 AND value != ''\nGROUP BY value\nORDER BY count() DESC, value\nLIMIT ", p.bind(int64(p.Breakdown.Limit)))
	return nil
}

// bucketCell is a number of the view trend:
// {"bucket":"2026-01-01T00:00:00Z","outcome":"converted"}.
type bucketCell struct {
	of      *funnel
	Bucket  moment        `json:"bucket"`
	Outcome funnelOutcome `json:"outcome"`
}

func (f *funnel) parseBucketCell(raw json.RawMessage) (cell, error) {
	c := &bucketCell{of: f, Outcome: outcomeEntered}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	if !c.Bucket.given {
		return nil, faultf(CodeMissingField, "/bucket", `say which bucket is meant, as the answer names it: "bucket":"2026-01-01T00:00:00Z"`)
	}
	return c, nil
}

func (c *bucketCell) people(_ context.Context, r *run) (*statement, error) {
	p, err := c.of.begin(r)
	if err != nil {
		return nil, err
	}
	i, err := p.frame.bucketAt(c.Bucket)
	if err != nil {
		return nil, err
	}
	among := func(times string) string {
		return fmt.Sprintf("arrayExists(t -> t >= %s AND t < %s, %s)", p.since(p.frame.bounds[i]), p.since(p.frame.bounds[i+1]), times)
	}
	which := among(string(outcomeEntered))
	switch c.Outcome {
	case outcomeConverted:
		which = among(string(outcomeConverted))
	case outcomeDropped:
		which += " AND NOT " + among(string(outcomeConverted))
	}
	p.byName = true
	p.text("SELECT user_id\nFROM\n(\n")
	err = p.entries()
	p.text("\n)\nWHERE ", which)
	return p.statement, err
}

// binCell is a bin of the view time_to_convert: {"from_seconds":0,"to_seconds":60}.
type binCell struct {
	of          *funnel
	FromSeconds *int `json:"from_seconds"`
	ToSeconds   *int `json:"to_seconds"`
}

func (f *funnel) parseBinCell(raw json.RawMessage) (cell, error) {
	c := &binCell{of: f}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	if c.FromSeconds == nil || c.ToSeconds == nil {
		return nil, faultf(CodeMissingField, "/from_seconds", `say which bin is meant, as the answer names it: "from_seconds":0,"to_seconds":60`)
	}
	return c, nil
}

func (c *binCell) people(_ context.Context, r *run) (*statement, error) {
	p, err := c.of.begin(r)
	if err != nil {
		return nil, err
	}
	return p.statement, p.usersWhere("", p.inBin(int64(*c.FromSeconds), int64(*c.ToSeconds)))
}

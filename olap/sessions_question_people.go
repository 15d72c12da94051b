package olap

import (
	"context"
	"encoding/json"
	"slices"
)

// sessionsCell is the sessions of one bucket, or of the whole range, of one
// line: {"bucket":"2026-01-01T00:00:00Z","breakdown":"IN"}.
type sessionsCell struct {
	of        *sessionsQuestion
	Bucket    moment  `json:"bucket"`
	Breakdown *string `json:"breakdown"`
}

func (q *sessionsQuestion) parseCell(raw json.RawMessage) (cell, error) {
	c := &sessionsCell{of: q}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	return c, checkCellBreakdown(c.Breakdown, q.Breakdown)
}

// checkCellBreakdown tells whether a cell names a line where, and only where, the
// question has several.
func checkCellBreakdown(value *string, b *breakdown) error {
	switch {
	case value == nil && b != nil:
		return faultf(CodeMissingField, "/breakdown", `say which line is meant, as the answer names it: "breakdown":"IN"`)
	case value != nil && b == nil:
		return faultf(CodeInvalidValue, "/breakdown", "the question has no breakdown; leave it out")
	}
	return nil
}

func (c *sessionsCell) people(ctx context.Context, r *run) (*statement, error) {
	p, err := c.of.plan(ctx, r)
	if err != nil {
		return nil, err
	}
	p.statement = newStatement()
	only := []string{"1"}
	if c.Bucket.given {
		i, err := p.frame.bucketAt(c.Bucket)
		if err != nil {
			return nil, err
		}
		only = append(only, p.frame.bucket(p.statement, "begun")+" = "+p.bind(int64(i)))
	}
	if c.Breakdown != nil {
		number, err := p.groups.numberOf(*c.Breakdown)
		if err != nil {
			return nil, err
		}
		only = append(only, p.slot()+" = "+p.bind(number))
	}
	p.text("SELECT DISTINCT user_id\nFROM\n(")
	err = p.sessions()
	p.text("\n)\nWHERE ", allOf(only...))
	return p.statement, err
}

// numberOf finds the number of the group that a cell names. A value that reads
// like a catch-all is that value.
func (g groups) numberOf(value string) (int64, error) {
	switch i := slices.Index(g.values, value); {
	case i >= 0:
		return int64(i + 1), nil
	case value == labelOther:
		return 0, nil
	case value == labelNone:
		return -1, nil
	}
	return 0, faultf(CodeInvalidValue, "/breakdown", "the answer has no row %q; take a value from it", value)
}

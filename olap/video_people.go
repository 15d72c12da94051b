package olap

import (
	"context"
	"encoding/json"
)

// videoCell is the users who came at least so far: {"percent":50,"breakdown":"IN"}.
type videoCell struct {
	of        *video
	Percent   *int    `json:"percent"`
	Breakdown *string `json:"breakdown"`
}

func (v *video) parseCell(raw json.RawMessage) (cell, error) {
	c := &videoCell{of: v}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	switch {
	case c.Percent == nil:
		return nil, faultf(CodeMissingField, "/percent", `say which place is meant: "percent":50, or 0 for everybody`)
	case *c.Percent < 0 || *c.Percent > 100 || *c.Percent%dropOffStep != 0:
		return nil, faultf(CodeInvalidValue, "/percent", "%d is not a place of the answer; take 0, 5, 10 and so on to 100", *c.Percent)
	}
	if c.Breakdown != nil && v.Breakdown == nil {
		return nil, checkCellBreakdown(c.Breakdown, v.Breakdown)
	}
	return c, nil
}

func (c *videoCell) people(ctx context.Context, r *run) (*statement, error) {
	f, err := c.of.span(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(f)
	p := &videoPlan{video: c.of, frame: f}
	slot, only := "", ""
	if c.Breakdown != nil {
		if p.groups, err = p.topValues(ctx, r); err != nil {
			return nil, err
		}
	}
	p.statement = newStatement()
	if c.Breakdown != nil {
		number, err := p.groups.numberOf(*c.Breakdown)
		if err != nil {
			return nil, err
		}
		slot, only = p.groups.number(p.statement), " AND slot = "+p.bind(number)
	}
	p.text("SELECT user_id\nFROM\n(")
	err = p.users(slot)
	p.text("\n)\nWHERE furthest >= ", p.bind(int64(*c.Percent)), only)
	return p.statement, err
}

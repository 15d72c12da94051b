package olap

import (
	"context"
	"encoding/json"
	"slices"
)

// revenueCell is the customers of one bucket, or of the whole range, of one
// line: {"bucket":"2026-01-01T00:00:00Z","currency":"USD","breakdown":"books"}.
type revenueCell struct {
	of        *revenue
	Bucket    moment        `json:"bucket"`
	Currency  *currencyName `json:"currency"`
	Breakdown *string       `json:"breakdown"`
}

func (v *revenue) parseCell(raw json.RawMessage) (cell, error) {
	c := &revenueCell{of: v, Currency: v.Currency}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	switch {
	case c.Currency == nil:
		return nil, faultf(CodeMissingField, "/currency", `say which currency is meant: "currency":"USD", or "" for the events without one`)
	case v.Currency != nil && *c.Currency != *v.Currency:
		return nil, faultf(CodeInvalidValue, "/currency", "the question asks for %q alone; leave currency out", *v.Currency)
	}
	return c, checkCellBreakdown(c.Breakdown, v.Breakdown)
}

func (c *revenueCell) people(ctx context.Context, r *run) (*statement, error) {
	f, err := c.of.frame(r.now)
	if err != nil {
		return nil, err
	}
	f.missing = r.missing
	r.describe(f)
	within := f
	if c.Bucket.given {
		i, err := f.bucketAt(c.Bucket)
		if err != nil {
			return nil, err
		}
		within.from, within.to = latest(f.from, f.bounds[i]), earliest(f.to, f.bounds[i+1])
	}
	p := &revenuePlan{revenue: c.of, frame: f}
	if p.values, err = p.topValues(ctx, r); err != nil {
		return nil, err
	}
	p.statement, p.frame = newStatement(), within
	where, err := p.where(typePurchase)
	if err != nil {
		return nil, err
	}
	where += " AND currency = " + p.bind(string(*c.Currency))
	if c.Breakdown != nil {
		slot, err := c.slot(p.values)
		if err != nil {
			return nil, err
		}
		where += " AND " + p.slot() + " = " + p.bind(slot)
	}
	p.text("SELECT DISTINCT user_id\nFROM events\nWHERE ", where)
	return p.statement, nil
}

// slot finds the group that the cell names. A value that reads like a catch-all
// is that value.
func (c *revenueCell) slot(values []revenueValue) (int64, error) {
	switch i := slices.Index(values, revenueValue{string(*c.Currency), *c.Breakdown}); {
	case i >= 0:
		return int64(i + 1), nil
	case *c.Breakdown == labelOther:
		return 0, nil
	case *c.Breakdown == labelNone:
		return -1, nil
	}
	return 0, faultf(CodeInvalidValue, "/breakdown", "the answer has no line %q in %s; take a value from it", *c.Breakdown, currencyText(string(*c.Currency)))
}

package olap

import (
	"context"
	"encoding/json"
)

// retentionCell is one number of the answer:
// {"cohort":"2026-01-01T00:00:00Z","period":3,"breakdown":"IN"}.
type retentionCell struct {
	of        *retention
	Cohort    moment  `json:"cohort"`
	Period    *int    `json:"period"`
	Breakdown *string `json:"breakdown"`
}

func (q *retention) parseCell(raw json.RawMessage) (cell, error) {
	c := &retentionCell{of: q}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	switch {
	case !c.Cohort.given:
		return nil, faultf(CodeMissingField, "/cohort", `say which cohort is meant, as the answer names it: "cohort":"2026-01-01T00:00:00Z"`)
	case c.Period == nil:
		return nil, faultf(CodeMissingField, "/period", `say which period is meant: "period":1, or 0 for the whole cohort`)
	case *c.Period < 0 || *c.Period >= q.Periods:
		return nil, faultf(CodeInvalidValue, "/period", "%d is not a period of this question; count from 0 to %d", *c.Period, q.Periods-1)
	case c.Breakdown != nil && q.Breakdown == nil:
		return nil, faultf(CodeInvalidValue, "/breakdown", "the question has no breakdown; leave it out")
	}
	return c, nil
}

func (c *retentionCell) people(ctx context.Context, r *run) (*statement, error) {
	p, err := c.of.plan(r)
	if err != nil {
		return nil, err
	}
	cohort, err := p.frame.bucketAt(c.Cohort)
	if err != nil {
		return nil, err
	}
	st := newStatement()
	only := "cohort = " + st.bind(int64(cohort))
	if c.Breakdown != nil {
		if p.groups, err = p.topValues(ctx, r); err != nil {
			return nil, err
		}
		number, err := p.groups.find(*c.Breakdown)
		if err != nil {
			return nil, err
		}
		only += " AND slot = " + st.bind(number)
	}
	period := " AND period = "
	if *c.Period > 0 && p.Count == countOnOrAfter {
		period = " AND period >= "
	}
	st.text("SELECT user_id\nFROM\n(\n")
	err = p.members(st)
	st.text("\n)\nWHERE ", only, period, st.bind(int64(*c.Period)))
	return st, err
}

package olap

import (
	"context"
	"encoding/json"
)

// pathsCell is one edge: {"step":1,"from":"home","to":"cart"}.
type pathsCell struct {
	of   *paths
	Step int      `json:"step"`
	From itemName `json:"from"`
	To   itemName `json:"to"`
}

func (p *paths) parseCell(raw json.RawMessage) (cell, error) {
	c := &pathsCell{of: p}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	switch {
	case c.Step < 1 || c.Step > p.Steps:
		return nil, faultf(CodeInvalidValue, "/step", "%d is not a step of this question; count from 1 to %d", c.Step, p.Steps)
	case c.From == "":
		return nil, faultf(CodeMissingField, "/from", `say where the edge begins, as the answer names it: "from":"home"`)
	case c.To == "":
		return nil, faultf(CodeMissingField, "/to", `say where the edge leads, as the answer names it: "to":"cart"`)
	}
	return c, nil
}

func (c *pathsCell) people(_ context.Context, r *run) (*statement, error) {
	f, err := c.of.span(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(f)
	st := newStatement()
	st.text("SELECT user_id\nFROM\n(\n")
	if err := c.of.users(st, f); err != nil {
		return nil, err
	}
	st.text("\n)\nWHERE arrayExists(x -> x.1 = ", st.bind(int64(c.Step)), " AND x.2 = ", st.bind(string(c.From)), " AND x.3 = ", st.bind(string(c.To)), ", edges)")
	return st, nil
}

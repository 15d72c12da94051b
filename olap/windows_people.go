package olap

import (
	"context"
	"encoding/json"
)

// windowCell is one number of the answer:
// {"window_start":"2026-01-01T00:00:00Z","type":"view"}.
type windowCell struct {
	of    *windows
	Start moment `json:"window_start"`
	Type  string `json:"type"`
}

func (w *windows) parseCell(raw json.RawMessage) (cell, error) {
	c := &windowCell{of: w}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	switch {
	case !c.Start.given:
		return nil, faultf(CodeMissingField, "/window_start", `say which window is meant, as the answer names it: "window_start":"2026-01-01T00:10:00Z"`)
	case c.Type == "":
		return nil, faultf(CodeMissingField, "/type", `say which events are meant: "type":"view"`)
	}
	return c, nil
}

func (c *windowCell) people(_ context.Context, r *run) (*statement, error) {
	f, err := c.of.frame(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(f)
	i, err := f.bucketAt(c.Start)
	if err != nil {
		return nil, err
	}
	st := newStatement()
	selected, err := selection(st, f.clock, eventChoice{[]string{c.Type}}, c.of.Where)
	st.text("SELECT DISTINCT user_id\nFROM events\nWHERE ", allOf(f.during(st), during(st, f.bounds[i], f.bounds[i+1]), selected))
	return st, err
}

package olap

import (
	"context"
	"encoding/json"
)

// Estimate is what a question would read.
type Estimate struct {
	Rows uint64 `json:"rows"`
	// Bytes are uncompressed: rows times the mean size of the columns read.
	Bytes uint64 `json:"bytes"`
	// Marks are the steps of the index (about 8,192 rows each) to be read.
	Marks uint64 `json:"marks"`
}

func (e *Estimate) add(other Estimate) {
	e.Rows, e.Bytes, e.Marks = e.Rows+other.Rows, e.Bytes+other.Bytes, e.Marks+other.Marks
}

// StatementEstimate is one statement of a question, and what it would read.
type StatementEstimate struct {
	SQL string `json:"sql"`
	Estimate
	// Columns are those read, as table.column.
	Columns []string `json:"columns"`
}

// Preview is what asking a question would cost.
type Preview struct {
	Kind string `json:"kind"`
	// Question is the question as JSON; Text as a line of the language, empty
	// where that has no words for a part of it.
	Question json.RawMessage `json:"question"`
	Text     string          `json:"text,omitempty"`
	Estimate Estimate        `json:"estimate"`
	// Budget is the most rows that the question may read; 0 for no limit.
	Budget uint64 `json:"budget_rows"`
	// Fits tells whether the question would be answered, and FittingRange the
	// longest range that would, where this one is too long.
	Fits         bool                `json:"fits"`
	FittingRange *FittingRange       `json:"fitting_range,omitempty"`
	Statements   []StatementEstimate `json:"statements"`
	Meta         Meta                `json:"meta"`
}

// Preview tells what asking the question would read, without reading rows. Where
// a statement needs the result of an earlier one, it is shown as if that were
// empty; what it would read hardly ever depends on it.
func (s *Store) Preview(ctx context.Context, q Query) (*Preview, error) {
	p := &Preview{Kind: q.Kind(), Question: q.JSON(), Fits: true, Statements: []StatementEstimate{}}
	p.Text, _ = q.Text()
	var err error
	p.Meta, err = s.running(ctx, func(ctx context.Context, r *run) error {
		r.collecting = true
		if _, err := q.answer(ctx, r); err != nil {
			return err
		}
		sizes, err := s.columnSizes(ctx)
		if err != nil {
			return err
		}
		for _, st := range r.statements {
			e, err := s.estimate(ctx, st, sizes)
			if err != nil {
				return err
			}
			p.Statements = append(p.Statements, e)
			p.Estimate.add(e.Estimate)
		}
		return nil
	})
	if err != nil {
		return nil, q.source().place(err)
	}
	return p, nil
}

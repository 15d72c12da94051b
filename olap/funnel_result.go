package olap

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// FunnelResult is the answer to a question about a funnel.
type FunnelResult struct {
	Steps []FunnelStep `json:"steps"`
	// Breakdown has a funnel per value, those with most entries first, then
	// (other) and (none).
	Breakdown []FunnelGroup `json:"breakdown,omitempty"`
	// StillOpen tells who may yet get further.
	StillOpen FunnelOpen `json:"still_open"`
	// Explain says which properties go with the loss at a step; present where the
	// question asks for it.
	Explain *FunnelExplanation `json:"explain,omitempty"`
}

func (*FunnelResult) result() {}

// FunnelGroup is the funnel of one value of the breakdown.
type FunnelGroup struct {
	Value string       `json:"value"`
	Steps []FunnelStep `json:"steps"`
}

// FunnelStep is one step: who reached it, and how long it took from the
// required step before.
type FunnelStep struct {
	Step     int         `json:"step"` // from 1
	Name     string      `json:"name,omitempty"`
	Event    eventChoice `json:"event"`
	Optional bool        `json:"optional,omitempty"`
	Count    uint64      `json:"count"`
	// The rates are null where nobody could have got here.
	RateFromFirst    number `json:"rate_from_first"`
	RateFromPrevious number `json:"rate_from_previous"`
	// Seconds between the previous step and this one; null for the first step,
	// and where nobody got here.
	MedianSeconds  number `json:"median_seconds"`
	AverageSeconds number `json:"average_seconds"`
}

// FunnelOpen counts the users (or sessions) that have not finished and whose
// last entry could still convert: its window has not passed the watermark.
type FunnelOpen struct {
	Count uint64 `json:"count"`
	// EnteredFrom is the earliest entry that is still open; null where none
	// could be.
	EnteredFrom *string `json:"entered_from"`
}

func (f *funnel) answer(ctx context.Context, r *run) (Result, error) {
	p, err := f.begin(r)
	if err != nil {
		return nil, err
	}
	p.relies = p.mayRely(r)
	result, err := p.view(ctx, r)
	if err == nil && p.relies.given() && !r.store.unchanged(ctx, p.relies) {
		p.relies = settledMonths{}
		return p.view(ctx, r)
	}
	return result, err
}

// view answers the view that is asked for.
func (p *funnelPlan) view(ctx context.Context, r *run) (Result, error) {
	switch p.View {
	case viewTimes:
		return p.times(ctx, r)
	case viewTrend:
		return p.trend(ctx, r)
	}
	result, err := p.steps(ctx, r)
	if err == nil && p.Explain.asked {
		result.Explain, err = p.explain(ctx, r, result.Steps)
	}
	return result, err
}

// begin resolves the range.
func (f *funnel) begin(r *run) (*funnelPlan, error) {
	span, err := f.span(r.now)
	if f.View == viewTrend {
		span, err = f.frame(r.now)
	}
	if err != nil {
		return nil, err
	}
	r.describe(span)
	return f.plan(span, r), nil
}

// steps answers the view of that name.
func (p *funnelPlan) steps(ctx context.Context, r *run) (*FunnelResult, error) {
	if p.Breakdown == nil {
		rows, err := p.read(ctx, r, p.whole)
		return p.result(rows, rows), err
	}
	if p.Breakdown.Attribution != attributeAll {
		rows, err := p.read(ctx, r, p.byChain)
		return p.result(rows, rows), err
	}
	whole, err := p.read(ctx, r, p.whole)
	if err != nil {
		return nil, err
	}
	if p.groups, err = p.topValues(ctx, r, p.ranking); err != nil {
		return nil, err
	}
	rows, err := p.read(ctx, r, p.byValue)
	return p.result(whole, rows), err
}

// funnelRow is one funnel as the store counted it.
type funnelRow struct {
	label    string // "=value", labelOther or labelNone; "" for the whole
	whole    bool
	counts   []uint64 // by step
	medians  []string // seconds from the required step before, from step 2
	averages []string
	open     uint64
}

// read runs one form of the question. The columns of every form are the fields
// of funnelRow, in order.
func (p *funnelPlan) read(ctx context.Context, r *run, render func() error) ([]funnelRow, error) {
	var rows []funnelRow
	err := p.each(ctx, r, render, func(cursor driver.Rows) error {
		var row funnelRow
		var whole uint8
		err := cursor.Scan(&row.label, &whole, &row.counts, &row.medians, &row.averages, &row.open)
		row.whole = whole == 1
		rows = append(rows, row)
		return err
	})
	return rows, err
}

// each renders a statement of its own and runs it; once more where it met twins,
// and where it met others again, with whole hashes. It fails before its first row.
func (p *funnelPlan) each(ctx context.Context, r *run, render func() error, scan func(driver.Rows) error) error {
	err := p.once(ctx, r, render, scan)
	if !metTwins(err) {
		return err
	}
	if err := p.findTwins(ctx, r); err != nil {
		return err
	}
	if err = p.once(ctx, r, render, scan); !metTwins(err) {
		return err
	}
	p.wholeHash = true
	return p.once(ctx, r, render, scan)
}

func (p *funnelPlan) once(ctx context.Context, r *run, render func() error, scan func(driver.Rows) error) error {
	p.statement = newStatement()
	if err := render(); err != nil {
		return err
	}
	p.evaluateAll()
	return r.each(ctx, p.statement, scan)
}

// result shapes the rows: the whole funnel, and the groups in their order.
func (p *funnelPlan) result(whole, groups []funnelRow) *FunnelResult {
	result := &FunnelResult{Steps: p.shape(funnelRow{})}
	for _, row := range whole {
		if row.whole {
			result.Steps = p.shape(row)
			result.StillOpen.Count = row.open
		}
	}
	if since, ok := p.openSince(); ok {
		result.StillOpen.EnteredFrom = stampOf(&since, p.frame.calendar.zone)
	}
	if p.Breakdown == nil {
		return result
	}
	result.Breakdown = []FunnelGroup{}
	for _, row := range groups {
		if !row.whole {
			result.Breakdown = append(result.Breakdown, FunnelGroup{Value: groupLabel(row.label), Steps: p.shape(row)})
		}
	}
	return result
}

func (p *funnelPlan) shape(row funnelRow) []FunnelStep {
	out := make([]FunnelStep, len(p.Steps))
	for i, s := range p.Steps {
		step := FunnelStep{Step: i + 1, Name: s.Name, Event: s.Event, Optional: s.Optional}
		if row.counts != nil {
			step.Count = row.counts[i]
			step.RateFromFirst = rate(row.counts[i], row.counts[0])
			step.RateFromPrevious = rate(row.counts[i], row.counts[p.before(i+1)-1])
		}
		if i > 0 && row.counts != nil {
			step.MedianSeconds = parseNumber(row.medians[i-1])
			step.AverageSeconds = parseNumber(row.averages[i-1])
		}
		out[i] = step
	}
	return out
}

func rate(n, of uint64) number {
	if of == 0 {
		return number{}
	}
	return numberOf(float64(n) / float64(of))
}

// groupLabel takes the mark off a value: see chainValue.
func groupLabel(label string) string {
	if len(label) > 0 && label[0] == '=' {
		return label[1:]
	}
	return label
}

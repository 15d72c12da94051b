package olap

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// funnel asks how many users got how far along a list of steps.
type funnel struct {
	common
	Kind_            string           `json:"kind"`
	Steps            []funnelStep     `json:"steps"`
	Order            funnelOrder      `json:"order"`
	Window           duration         `json:"window"`
	Exclusions       []exclusion      `json:"exclusions"`
	CountBy          countBy          `json:"count_by"`
	Breakdown        *funnelBreakdown `json:"breakdown"`
	FinishAfterRange bool             `json:"finish_after_range"`
	View             funnelView       `json:"view"`
	Bins             int              `json:"bins"`
}

type funnelStep struct {
	Event eventChoice `json:"event"`
	Where condition   `json:"where"`
	Name  string      `json:"name"`
}

// exclusion is read so that its faults have names; no order supports it yet.
type exclusion struct {
	Event    eventChoice `json:"event"`
	Where    condition   `json:"where"`
	FromStep int         `json:"from_step"`
	ToStep   int         `json:"to_step"`
}

type funnelBreakdown struct {
	breakdown
	Attribution attribution `json:"attribution"`
	Step        int         `json:"step"`
}

type (
	funnelOrder string
	funnelView  string
	countBy     string
	attribution string
)

// The attributions of a breakdown: which event's value a funnel counts for.
const (
	attributeFirst attribution = "first" // the first of its events that has one
	attributeLast  attribution = "last"  // the last of them
	attributeAll   attribution = "all"   // each value is a funnel of its own events
	attributeStep  attribution = "step"  // the event of a named step
)

func (o *funnelOrder) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, o, "ordered", "strict", "unordered")
}

func (v *funnelView) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, v, "steps", "time_to_convert", "trend")
}

func (c *countBy) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, c, "user", "session")
}

func (a *attribution) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, a, attributeFirst, attributeLast, attributeAll, attributeStep)
}

// maxSteps bounds a funnel; maxOverlap the steps that one event could fit, for
// ties among those cost 2 to that power.
const (
	maxSteps   = 20
	maxOverlap = 10
)

func parseFunnel(data []byte) (Query, error) {
	f := &funnel{common: defaultCommon(), Order: "ordered", Window: duration{14 * 24 * time.Hour}, CountBy: "user", View: "steps"}
	if err := decodeStrict(data, f); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, nil
}

// Kind is "funnel".
func (f *funnel) Kind() string { return "funnel" }

func (f *funnel) check() error {
	if err := f.checkSupported(); err != nil {
		return err
	}
	if len(f.Steps) > maxSteps {
		return faultf(CodeInvalidValue, "/steps", "%d steps are too many; a funnel has %d at most", len(f.Steps), maxSteps)
	}
	if len(f.Steps) == 0 {
		return faultf(CodeMissingField, "/steps", `give one to %d steps, such as "steps":[{"event":"view"},{"event":"purchase"}]`, maxSteps)
	}
	if f.Window.Duration < time.Millisecond {
		return faultf(CodeInvalidValue, "/window", `the window must be longer than nothing, such as "14d"`)
	}
	for _, group := range f.overlaps() {
		if len(group) > maxOverlap {
			return faultf(CodeInvalidValue, "/steps", "one event could fit %d of the steps; %d is the most", len(group), maxOverlap)
		}
	}
	if f.Breakdown != nil {
		if err := f.checkBreakdown(); err != nil {
			return err
		}
	}
	return checkRange(f.common, f.span)
}

func (f *funnel) checkSupported() error {
	switch {
	case f.Order != "ordered":
		return notYet("/order", "the order "+string(f.Order))
	case len(f.Exclusions) > 0:
		return notYet("/exclusions", "excluding events")
	case f.View != "steps":
		return notYet("/view", "the view "+string(f.View))
	case f.Bins != 0:
		return notYet("/bins", "bins, a part of the view time_to_convert,")
	}
	return nil
}

func (f *funnel) checkBreakdown() error {
	b := f.Breakdown
	if err := b.check("/breakdown"); err != nil {
		return err
	}
	if b.Attribution == "" {
		b.Attribution = attributeFirst
		if b.Step != 0 {
			b.Attribution = attributeStep
		}
	}
	if b.Attribution == attributeStep && (b.Step < 1 || b.Step > len(f.Steps)) {
		return faultf(CodeInvalidValue, "/breakdown/step", "%d is not a step; count from 1 to %d", b.Step, len(f.Steps))
	}
	if b.Attribution != attributeStep && b.Step != 0 {
		return faultf(CodeInvalidValue, "/breakdown/step", `a step is named only with "attribution":"step"`)
	}
	return nil
}

// FunnelResult is the answer to a question about a funnel.
type FunnelResult struct {
	Steps []FunnelStep `json:"steps"`
	// Breakdown has a funnel per value, those with most entries first, then
	// (other) and (none).
	Breakdown []FunnelGroup `json:"breakdown,omitempty"`
	// StillOpen tells who may yet get further.
	StillOpen FunnelOpen `json:"still_open"`
}

func (*FunnelResult) result() {}

// FunnelGroup is the funnel of one value of the breakdown.
type FunnelGroup struct {
	Value string       `json:"value"`
	Steps []FunnelStep `json:"steps"`
}

// FunnelStep is one step: who reached it, and how long it took from the step
// before.
type FunnelStep struct {
	Step  int         `json:"step"` // from 1
	Name  string      `json:"name,omitempty"`
	Event eventChoice `json:"event"`
	Count uint64      `json:"count"`
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
	span, err := f.span(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(span)
	p := f.plan(span, r)
	if f.Breakdown == nil {
		rows, err := p.read(ctx, r, p.whole)
		return f.result(p, rows, rows), err
	}
	if f.Breakdown.Attribution != attributeAll {
		rows, err := p.read(ctx, r, p.byChain)
		return f.result(p, rows, rows), err
	}
	whole, err := p.read(ctx, r, p.whole)
	if err != nil {
		return nil, err
	}
	if p.groups, err = p.topValues(ctx, r); err != nil {
		return nil, err
	}
	rows, err := p.read(ctx, r, p.byValue)
	return f.result(p, whole, rows), err
}

// funnelRow is one funnel as the store counted it.
type funnelRow struct {
	label    string // "=value", labelOther or labelNone; "" for the whole
	whole    bool
	counts   []uint64 // by step
	medians  []string // seconds from the step before, from step 2
	averages []string
	open     uint64
}

// read runs one form of the question. The columns of every form are the fields
// of funnelRow, in order.
func (p *funnelPlan) read(ctx context.Context, r *run, render func() error) ([]funnelRow, error) {
	p.statement = newStatement()
	if err := render(); err != nil {
		return nil, err
	}
	var rows []funnelRow
	err := r.each(ctx, p.statement, func(cursor driver.Rows) error {
		var row funnelRow
		var whole uint8
		err := cursor.Scan(&row.label, &whole, &row.counts, &row.medians, &row.averages, &row.open)
		row.whole = whole == 1
		rows = append(rows, row)
		return err
	})
	return rows, err
}

// result shapes the rows: the whole funnel, and the groups in their order.
func (f *funnel) result(p *funnelPlan, whole, groups []funnelRow) *FunnelResult {
	result := &FunnelResult{Steps: f.steps(funnelRow{})}
	for _, row := range whole {
		if row.whole {
			result.Steps = f.steps(row)
			result.StillOpen.Count = row.open
		}
	}
	if since, ok := p.openSince(); ok {
		result.StillOpen.EnteredFrom = stampOf(&since, p.frame.calendar.zone)
	}
	if f.Breakdown == nil {
		return result
	}
	result.Breakdown = []FunnelGroup{}
	for _, row := range groups {
		if !row.whole {
			result.Breakdown = append(result.Breakdown, FunnelGroup{Value: groupLabel(row.label), Steps: f.steps(row)})
		}
	}
	return result
}

func (f *funnel) steps(row funnelRow) []FunnelStep {
	out := make([]FunnelStep, len(f.Steps))
	for i, s := range f.Steps {
		step := FunnelStep{Step: i + 1, Name: s.Name, Event: s.Event}
		if row.counts != nil {
			step.Count = row.counts[i]
			step.RateFromFirst = rate(row.counts[i], row.counts[0])
			step.RateFromPrevious = rate(row.counts[i], row.counts[max(i-1, 0)])
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

// overlaps groups the steps that one event could fit, by their event names. A
// step that shares no name with another is a group of its own.
func (f *funnel) overlaps() [][]int {
	group := make([]int, len(f.Steps))
	for i := range group {
		group[i] = i
	}
	for i := range f.Steps {
		for j := range i {
			if f.Steps[i].Event.overlaps(f.Steps[j].Event) {
				joinGroups(group, group[i], group[j])
			}
		}
	}
	members := map[int][]int{}
	for i, g := range group {
		members[g] = append(members[g], i)
	}
	var out [][]int
	for _, g := range sortedKeys(members) {
		out = append(out, members[g])
	}
	return out
}

func joinGroups(group []int, a, b int) {
	for i := range group {
		if group[i] == a {
			group[i] = b
		}
	}
}

// apart tells whether no event can fit two steps.
func (f *funnel) apart() bool { return len(f.overlaps()) == len(f.Steps) }

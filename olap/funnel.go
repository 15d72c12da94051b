package olap

import (
	"encoding/json"
	"slices"
	"time"
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
	FromStep         int              `json:"from_step"`
	ToStep           int              `json:"to_step"`
	Explain          explainChoice    `json:"explain"`
}

type funnelStep struct {
	Event    eventChoice `json:"event"`
	Where    condition   `json:"where"`
	Name     string      `json:"name"`
	Optional bool        `json:"optional"`
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

// The orders of a funnel: what may lie between its steps.
const (
	orderOrdered   funnelOrder = "ordered"   // anything
	orderStrict    funnelOrder = "strict"    // nothing but repeats of the step just done
	orderUnordered funnelOrder = "unordered" // the steps come in any order
)

// The views of a funnel.
const (
	viewSteps funnelView = "steps"           // how many reached each step
	viewTimes funnelView = "time_to_convert" // how long it took them
	viewTrend funnelView = "trend"           // how many converted, by time of entry
)

// The attributions of a breakdown: which event's value a funnel counts for.
const (
	attributeFirst attribution = "first" // the first of its events that has one
	attributeLast  attribution = "last"  // the last of them
	attributeAll   attribution = "all"   // each value is a funnel of its own events
	attributeStep  attribution = "step"  // the event of a named step
)

const (
	countUsers    countBy = "user"
	countSessions countBy = "session"
)

func (o *funnelOrder) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, o, orderOrdered, orderStrict, orderUnordered)
}

func (v *funnelView) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, v, viewSteps, viewTimes, viewTrend)
}

func (c *countBy) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, c, countUsers, countSessions)
}

func (a *attribution) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, a, attributeFirst, attributeLast, attributeAll, attributeStep)
}

// maxSteps bounds a funnel, its exclusions included; maxOverlap the steps that
// one event could fit, for ties among those cost 2 to that power.
const (
	maxSteps   = 20
	maxOverlap = 10
)

func parseFunnel(data []byte) (Query, error) {
	f := &funnel{common: defaultCommon(), Order: orderOrdered, Window: duration{14 * 24 * time.Hour}, CountBy: countUsers, View: viewSteps}
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
	for _, check := range []func() error{f.checkSteps, f.checkOptional, f.checkExclusions, f.checkTimes, f.checkBreakdown, f.checkExplain} {
		if err := check(); err != nil {
			return err
		}
	}
	if f.View == viewTrend {
		return checkRange(f.common, f.frame)
	}
	return checkRange(f.common, f.span)
}

func (f *funnel) checkSteps() error {
	if len(f.Steps) > maxSteps {
		return faultf(CodeInvalidValue, "/steps", "%d steps are too many; a funnel has %d at most", len(f.Steps), maxSteps)
	}
	if len(f.Steps) == 0 {
		return faultf(CodeMissingField, "/steps", `give one to %d steps, such as "steps":[{"event":"view"},{"event":"purchase"}]`, maxSteps)
	}
	if f.Window.Duration < time.Millisecond {
		return faultf(CodeInvalidValue, "/window", `the window must be longer than nothing, such as "14d"`)
	}
	for _, group := range overlaps(f.Steps) {
		if len(group) > maxOverlap {
			return faultf(CodeInvalidValue, "/steps", "one event could fit %d of the steps; %d is the most", len(group), maxOverlap)
		}
	}
	return nil
}

func (f *funnel) checkBreakdown() error {
	b := f.Breakdown
	if b == nil {
		return nil
	}
	if f.View != viewSteps {
		return faultf(CodeInvalidValue, "/breakdown", "the view %s has no breakdown; leave it out, or ask for one value with where", f.View)
	}
	if err := b.check("/breakdown"); err != nil {
		return err
	}
	if b.Attribution == "" {
		b.Attribution = attributeFirst
		if b.Step != 0 {
			b.Attribution = attributeStep
		}
	}
	if b.Attribution == attributeStep {
		return f.checkStep(b.Step, "/breakdown/step")
	}
	if b.Step != 0 {
		return faultf(CodeInvalidValue, "/breakdown/step", `a step is named only with "attribution":"step"`)
	}
	return nil
}

// checkStep finds faults in the number of a step that every chain must have.
func (f *funnel) checkStep(step int, pointer string) error {
	if step < 1 || step > len(f.Steps) {
		return faultf(CodeInvalidValue, pointer, "%d is not a step; count from 1 to %d", step, len(f.Steps))
	}
	if f.Steps[step-1].Optional {
		return faultf(CodeInvalidValue, pointer, "step %d is optional; name one that is not", step)
	}
	return nil
}

// overlaps groups the steps that one event could fit, by their event names. A
// step that shares no name with another is a group of its own.
func overlaps(steps []funnelStep) [][]int {
	group := make([]int, len(steps))
	for i := range group {
		group[i] = i
	}
	for i := range steps {
		for j := range i {
			if steps[i].Event.overlaps(steps[j].Event) {
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

// apart tells whether no event can fit two of the steps.
func apart(steps []funnelStep) bool { return len(overlaps(steps)) == len(steps) }

// required lists the numbers of the steps that are not optional, from 1.
func (f *funnel) required() []int {
	var out []int
	for i, s := range f.Steps {
		if !s.Optional {
			out = append(out, i+1)
		}
	}
	return out
}

// link is the place of a required step in the chain, from 1; 0 for an optional one.
func (f *funnel) link(step int) int { return slices.Index(f.required(), step) + 1 }

package olap

import (
	"fmt"
	"slices"
	"strings"
)

// exclusion spoils attempts with an event of it between two steps.
type exclusion struct {
	Event    eventChoice `json:"event"`
	Where    condition   `json:"where"`
	FromStep int         `json:"from_step"`
	ToStep   int         `json:"to_step"`
}

func (f *funnel) checkExclusions() error {
	if len(f.Exclusions) == 0 {
		return nil
	}
	if f.Order == orderUnordered {
		return faultf(CodeInvalidValue, "/exclusions", "an exclusion lies between two steps, and unordered steps have no between; leave it out, or ask in the order ordered or strict")
	}
	if n := len(f.Steps) + len(f.Exclusions); n > maxSteps {
		return faultf(CodeInvalidValue, "/exclusions", "%d steps and exclusions are too many; a funnel has %d together at most", n, maxSteps)
	}
	for i := range f.Exclusions {
		if err := f.checkExclusion(i); err != nil {
			return err
		}
	}
	return nil
}

func (f *funnel) checkExclusion(i int) error {
	x, pointer := &f.Exclusions[i], fmt.Sprintf("/exclusions/%d", i)
	if x.FromStep == 0 {
		x.FromStep = 1
	}
	if x.ToStep == 0 {
		x.ToStep = slices.Max(f.required())
	}
	if err := f.checkStep(x.FromStep, pointer+"/from_step"); err != nil {
		return err
	}
	if err := f.checkStep(x.ToStep, pointer+"/to_step"); err != nil {
		return err
	}
	if x.FromStep >= x.ToStep {
		return faultf(CodeInvalidValue, pointer+"/to_step", "step %d does not come after step %d; an exclusion lies between two steps", x.ToStep, x.FromStep)
	}
	for k, s := range f.Steps {
		if !s.Where.given() && s.Event.covers(x.Event) {
			return faultf(CodeInvalidValue, pointer+"/event", "every such event is step %d, and an event cannot be a step and an exclusion; name another event, or narrow the step with where", k+1)
		}
	}
	return nil
}

// Attempts with exclusions
//
// An attempt is a chain that went as far as it could: no later event within its
// window would have been its next step. It is spoilt by an event of an exclusion
// strictly after its step i and before its step j; or, where j was not reached,
// before the end of its window. A spoilt attempt counts nowhere.
//
// A chain of all steps knows nothing of its window's end, so the passes find it:
// an instant with an exclusion forbids a chain that stands between its steps to
// stay there (`forbid` is its need). One that stopped short depends on the end,
// which moves with its beginning, and the rule of the passes fails. But entries
// with no exclusion in their window are clean whatever they do, and the passes
// over those alone find the best. Of the entries that are left, none can stop
// clean if all exclusions reach from the first step to the last. Otherwise each
// is followed by itself through its window. The state of an entry is
//
//   - alive, a mask of the steps that a clean chain may stand at;
//   - fin, for each step, when a chain first stopped there that is clean and was
//     not followed by the next step: an attempt, if it stays so to the window's end;
//   - over, the same for chains that strict order has ended: they cannot go on,
//     but can still be spoilt.

// throughout tells whether all exclusions reach from the first step to the last.
func (p *funnelPlan) throughout() bool {
	return !slices.ContainsFunc(p.Exclusions, func(x exclusion) bool {
		return p.link(x.FromStep) != 1 || p.link(x.ToStep) != len(p.links)
	})
}

// clean leaves to `clean_reach` the entries without an exclusion in their window.
func (p *funnelPlan) clean() layer {
	const next = "arrayPushBack(arrayPopFront(arrayReverseFill(v -> v >= 0, arrayMap((t, m) -> if(m != 0, t, -1), at, marks))), toInt64(-1))"
	return layer{fmt.Sprintf("arrayMap((t, r, next) -> if(next < 0 OR next >= t + %s, r, arrayPushFront(arrayPopFront(r), toInt64(0))), at, reach, %s) AS clean_reach", p.window(), next)}
}

// forbidden renders `forbid`: for each i from 0, the step that an exclusion
// forces a chain to, which stood at i before the instant.
func (p *funnelPlan) forbidden() []layer {
	var from, to []int64
	for _, x := range p.Exclusions {
		from, to = append(from, int64(p.link(x.FromStep))), append(to, int64(p.link(x.ToStep)))
	}
	n, m := len(p.links), len(p.Exclusions)
	return []layer{
		{fmt.Sprintf("arrayMap(g -> bitAnd(bitShiftRight(arrayReduce('groupBitOr', g), %d), %d) , instants) AS marks", n, 1<<m-1)},
		{fmt.Sprintf("arrayMap(m -> arrayMap(i -> toInt64(arrayMax((x, a, b) -> if(bitTest(m, x) AND a <= i AND i < b, b, 0), range(%d), %s, %s)), range(%d)), marks) AS forbid",
			m, p.bind(from), p.bind(to), n)},
	}
}

// attempts follows every entry that is not clean, unless the condition holds.
// `starts` are their times, `stops` has, for each and each step, when the first
// clean attempt came to its end there; -1 where none did.
func (p *funnelPlan) attempts(unless string) []layer {
	n := len(p.links)
	const slice = "arraySlice(%s, entry, arrayCount(t -> t <= at[entry] + %s, at) - entry + 1)"
	var slices []string
	for _, array := range []string{"at", "reach", p.needs(), "forbid"} {
		slices = append(slices, fmt.Sprintf(slice, array, p.window()))
	}
	unclean := fmt.Sprintf("arrayFilter((t, r, c) -> r[1] > c[1] AND NOT %s, %%s, reach, clean_reach)", unless)
	return []layer{
		{fmt.Sprintf(unclean, "arrayEnumerate(at)") + " AS entries", fmt.Sprintf(unclean, "at") + " AS starts"},
		{fmt.Sprintf(`arrayFold((all, entry) -> arrayPushBack(all, arrayFold((s, t, r, q, x) -> (
                %s,
                %s,
                %s),
            %s, (toInt64(1), arrayWithConstant(%d, toInt64(-1)), arrayWithConstant(%d, toInt64(-1))))), entries,
            CAST([], 'Array(Tuple(Int64, Array(Int64), Array(Int64)))')) AS states`,
			p.alive(), p.finished(), p.over(), strings.Join(slices, ", "), n, n)},
		{"arrayMap(s -> arrayMap((f, o) -> multiIf(f < 0, o, o < 0, f, least(f, o)), s.2, s.3), states) AS stops"},
	}
}

// alive renders the steps that clean chains may stand at after the instant. Step
// 0 is the entry itself, which lasts for one instant.
func (p *funnelPlan) alive() string {
	alive := "toInt64(0)"
	for i := range p.links {
		alive = fmt.Sprintf("bitOr(%s, if(bitTest(s.1, %d), %s, 0))", alive, i, span(fmt.Sprintf("greatest(%d, q[%d])", i, i+1), fmt.Sprintf("r[%d]", i+1)))
	}
	return "bitAnd(" + alive + ", -2)"
}

// arrived renders whether a clean chain stops at step d at this instant: with
// on, one that can go on after it.
func (p *funnelPlan) arrived(on bool) string {
	more := ""
	if on {
		more = " AND q[i + 1] <= d"
	}
	return fmt.Sprintf("arrayExists(i -> bitTest(s.1, i) AND r[i + 1] = d AND (x[i + 1] <= d OR t = at[entry] + %s)%s, range(d))", p.window(), more)
}

// spoilt renders whether an exclusion ends what stopped at step d before. At
// the very end of the window it comes too late.
func (p *funnelPlan) spoilt() string {
	return fmt.Sprintf("x[d + 1] > d AND t < at[entry] + %s", p.window())
}

func (p *funnelPlan) finished() string {
	return fmt.Sprintf("arrayMap((d, f) -> multiIf(f >= 0 AND r[d + 1] <= d AND q[d + 1] <= d AND NOT (%s), f, %s, t, toInt64(-1)), range(1, %d), s.2)",
		p.spoilt(), p.arrived(true), len(p.links)+1)
}

func (p *funnelPlan) over() string {
	return fmt.Sprintf("arrayMap((d, f, o) -> multiIf(o >= 0 AND NOT (%[1]s), o, f >= 0 AND r[d + 1] <= d AND q[d + 1] > d AND NOT (%[1]s), f, %[2]s AND NOT %[3]s, t, toInt64(-1)), range(1, %[4]d), s.2, s.3)",
		p.spoilt(), p.arrived(false), p.arrived(true), len(p.links)+1)
}

// judged finds how deep the user got, and when that began and ended: with a
// chain of all steps, or else the best of the clean attempts that stopped.
//
// The choices are elements of arrays, for the server works out the branches of
// an if anew for each place that asks.
func (p *funnelPlan) judged() []layer {
	n := len(p.links)
	var layers []layer
	for k := 1; k <= n; k++ {
		layers = append(layers, p.pass(k, "reach", "x", true))
	}
	layers = append(layers, layer{
		fmt.Sprintf("arrayExists(v -> v >= 0, v%dx) AS all_done", n),
		fmt.Sprintf("(toInt64(%[1]d), -at[arrayFirstIndex(v -> v >= 0, v%[1]dx)], arrayFirst(v -> v >= 0, v%[1]dx)) AS done_best", n),
	}, p.clean())
	layers = append(layers, p.found("clean_reach", "clean_")...)
	best := "(toInt64(clean_depth), -clean_ends, clean_begins)"
	if !p.throughout() {
		layers = append(layers, p.attempts("all_done")...)
		best = "arraySort(arrayPushBack(arrayMap((t, stop) -> (toInt64(arrayLastIndex(v -> v >= 0, stop)), -stop[arrayLastIndex(v -> v >= 0, stop)], t), starts, stops), " + best + "))[-1]"
	}
	return append(layers,
		layer{"[" + best + ", done_best][all_done + 1] AS best"},
		layer{"best.1 AS depth", "best.3 AS begins", "-best.2 AS ends"})
}

package olap

import (
	"fmt"
	"strings"
)

// Ties between events that fit several steps
//
// A chain needs different events, and events of one instant may serve in any
// order. So at an instant the question is which runs of steps i+1 … j its events
// can fill, each event once: a matching. By Hall's theorem a run can be filled
// unless some set of its steps has fewer events that fit any of them than it has
// steps. It is enough to look at sets of steps that share events (overlaps). A
// set that fails, from its lowest step to its highest, stops every run across
// it: so reach(i), the furthest step that can be filled from i, is the lowest
// such highest step.
//
// reach can only grow with i, so that the rule of funnel_sql.go holds: the
// latest beginning is the best, and taking steps as early as possible is never
// a mistake.

// chainTies finds the chain where events may fit several steps. It works on
// instants instead of events: `reach` has, for each instant and each i from 0,
// the step reached.
func (p *funnelPlan) chainTies() []layer {
	n, window := len(p.Steps), p.bind(p.Window.Milliseconds())
	layers := []layer{
		{fmt.Sprintf("arrayMap(x -> toInt64(bitShiftRight(x, %d)), e) AS times", maskBits)},
		{"arraySplit((x, first) -> first, e, arrayMap((t, before) -> t != before, times, arrayPushFront(arrayPopBack(times), toInt64(-1)))) AS instants"},
		{fmt.Sprintf("arrayMap(g -> toInt64(bitShiftRight(g[1], %d)), instants) AS at", maskBits), p.reach() + " AS reach"},
	}
	for k := 1; k <= n; k++ {
		layers = append(layers, layer{p.pass(k, window), fmt.Sprintf("arrayFill(v -> v >= 0, v%d) AS f%d", k, k),
			fmt.Sprintf("arrayPushFront(arrayPopBack(f%d), toInt64(-1)) AS b%d", k, k)})
	}
	layers = append(layers,
		layer{p.depth() + " AS depth", "arrayLast((t, r) -> r[1] >= 1, at, reach) AS last_entry"},
		layer{"indexOf(at, " + p.entered("arrayFirst") + ") AS begun", p.entered("arrayFirstIndex") + " AS done"},
		layer{`arrayFold((taken, t, r) -> arrayConcat(taken, arrayWithConstant(greatest(least(toInt64(depth), r[length(taken) + 1]) - toInt64(length(taken)), 0), t)),
            arraySlice(at, begun, done - begun + 1), arraySlice(reach, begun, done - begun + 1), emptyArrayInt64()) AS taken`})
	var times layer
	for k := 1; k <= n; k++ {
		times = append(times, fmt.Sprintf("taken[%d] AS c%d", k, k))
	}
	return append(layers, times)
}

// reach renders the steps reached from each i at each instant. One event alone
// needs no matching.
func (p *funnelPlan) reach() string {
	n := len(p.Steps)
	subsets, lowest, highest := p.subsets()
	return fmt.Sprintf(`arrayMap(g -> if(length(g) = 1, arrayMap(i -> toInt64(i + bitTest(g[1], i)), range(%[1]d)),
            arrayMap(i -> arrayMin((s, lowest, highest) -> if(lowest >= i AND arrayCount(x -> bitAnd(x, s) != 0, g) < bitCount(s), highest, toInt64(%[1]d)), %[2]s, %[3]s, %[4]s), range(%[1]d))), instants)`,
		n, p.bind(subsets), p.bind(lowest), p.bind(highest))
}

// pass renders v_k: from every earlier step i, as it stood before the instant
// (b_i), the first that reaches k. Fewer steps before mean a later beginning, so
// the first is the best.
func (p *funnelPlan) pass(k int, window string) string {
	choices := []string{fmt.Sprintf("r[1] >= %d, t", k)}
	var names, arrays strings.Builder
	for i := 1; i < k; i++ {
		choices = append(choices, fmt.Sprintf("r[%d] >= %d AND p%d >= 0 AND t - p%d <= %s, p%d", i+1, k, i, i, window, i))
		fmt.Fprintf(&names, ", p%d", i)
		fmt.Fprintf(&arrays, ", b%d", i)
	}
	return fmt.Sprintf("arrayMap((t, r%s) -> multiIf(%s, toInt64(-1)), at, reach%s) AS v%d",
		names.String(), strings.Join(choices, ", "), arrays.String(), k)
}

// subsets lists every set of steps, as a mask, that shares events, with its
// lowest and highest step counted from 0.
func (p *funnelPlan) subsets() (masks, lowest, highest []int64) {
	for _, group := range p.overlaps() {
		for chosen := 1; chosen < 1<<len(group); chosen++ {
			mask, low, high := int64(0), -1, 0
			for i, step := range group {
				if chosen&(1<<i) == 0 {
					continue
				}
				mask |= 1 << step
				if low < 0 {
					low = step
				}
				high = step
			}
			masks, lowest, highest = append(masks, mask), append(lowest, int64(low)), append(highest, int64(high))
		}
	}
	return masks, lowest, highest
}

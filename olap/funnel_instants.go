package olap

import (
	"fmt"
	"strings"
)

// Funnels over instants
//
// Where an event may fit several steps, where the order is strict, or where
// events are excluded, the passes of funnel_ordered.go run over instants instead
// of events. A chain that stands at step i before an instant may stand at a step
// from need(i) to reach(i) after it.
//
// reach: a chain needs different events, and events of one instant may serve in
// any order. So the question is which runs of steps i+1 … j the instant's events
// can fill, each event once: a matching. By Hall's theorem a run can be filled
// unless some set of its steps has fewer events that fit any of them than it has
// steps. It is enough to look at sets of steps that share events (overlaps). A
// set that fails, from its lowest step to its highest, stops every run across
// it: so reach(i), the furthest step that can be filled from i, is the lowest
// such highest step.
//
// need: in strict order the events that are left over must repeat a step; an
// exclusion must not lie between its steps. It is 0 where nothing forces the
// chain on, and beyond the last step where it cannot live.
//
// Both only grow with i. So of two chains the one that is behind, if it ever
// gets ahead, meets the other on its way and can be joined with it: the rule
// that the latest beginning is best, one number per step, holds here too.

// chainInstants finds the chain.
func (p *funnelPlan) chainInstants() []layer {
	layers := p.instants()
	if len(p.Exclusions) > 0 {
		layers = append(layers, p.judged()...)
	} else {
		layers = append(layers, p.found("reach", "")...)
	}
	layers = append(layers, layer{"indexOf(at, begins) AS begun", "indexOf(at, ends) AS done", "arrayLast((t, r) -> r[1] >= 1, at, reach) AS last_entry"})
	if p.Order == orderStrict || len(p.Exclusions) > 0 {
		layers = append(layers, p.walk()...)
	} else {
		layers = append(layers, layer{`arrayFold((taken, t, r) -> arrayConcat(taken, arrayWithConstant(greatest(least(toInt64(depth), r[length(taken) + 1]) - toInt64(length(taken)), 0), t)),
            arraySlice(at, begun, done - begun + 1), arraySlice(reach, begun, done - begun + 1), emptyArrayInt64()) AS taken`})
	}
	var times layer
	for k := 1; k <= len(p.links); k++ {
		times = append(times, fmt.Sprintf("taken[%d] AS c%d", k, k))
	}
	return append(layers, times)
}

// found runs the passes: how deep the user got, and when that began and ended.
func (p *funnelPlan) found(reach, prefix string) []layer {
	var layers []layer
	for k := 1; k <= len(p.links); k++ {
		layers = append(layers, p.pass(k, reach, "", p.Order == orderStrict))
	}
	return append(layers,
		layer{p.depth("arrayExists(v -> v >= 0, v%d)") + " AS " + prefix + "depth"},
		layer{p.deepest(prefix+"depth", "arrayFirst(v -> v >= 0, v%d)") + " AS " + prefix + "begins",
			p.deepest(prefix+"depth", "at[arrayFirstIndex(v -> v >= 0, v%d)]") + " AS " + prefix + "ends"})
}

// instants cuts the user's events: `at` has the time of each instant, `reach`
// and `need`, for each i from 0, the steps that can be reached.
func (p *funnelPlan) instants() []layer {
	reach := "reach"
	if p.FinishAfterRange {
		reach = "furthest"
	}
	layers := []layer{
		{"arrayMap(x -> " + p.timeOf("x") + ", e) AS times"},
		{"arraySplit((x, first) -> first, e, arrayMap((t, before) -> t != before, times, arrayPushFront(arrayPopBack(times), toInt64(-1)))) AS instants"},
		{"arrayMap(g -> " + p.timeOf("g[1]") + ", instants) AS at", p.reach() + " AS " + reach},
	}
	if p.FinishAfterRange { // nothing enters after the range
		layers = append(layers, layer{fmt.Sprintf("arrayMap((t, r) -> if(t < %s, r, arrayPushFront(arrayPopFront(r), toInt64(0))), at, furthest) AS reach", p.since(p.frame.to))})
	}
	if len(p.Exclusions) > 0 {
		layers = append(layers, p.forbidden()...)
	}
	if p.Order == orderStrict {
		layers = append(layers, layer{p.strictNeed() + " AS need"})
	}
	return layers
}

// reach renders the steps reached from each i at each instant. One event alone
// needs no matching.
func (p *funnelPlan) reach() string {
	n := len(p.links)
	subsets, lowest, highest := subsets(p.links)
	return fmt.Sprintf(`arrayMap(g -> if(length(g) = 1, arrayMap(i -> toInt64(i + bitTest(g[1], i)), range(%[1]d)),
            arrayMap(i -> arrayMin((s, lowest, highest) -> if(lowest >= i AND arrayCount(x -> bitAnd(x, s) != 0, g) < bitCount(s), highest, toInt64(%[1]d)), %[2]s, %[3]s, %[4]s), range(%[1]d))), instants)`,
		n, p.bind(subsets), p.bind(lowest), p.bind(highest))
}

// pass renders v_k, f_k as in funnel_ordered.go, and b_k: f_k as it stood before
// the instant. From every earlier step i (b_i), it takes the first that reaches
// k: fewer steps before mean a later beginning, so the first is the best.
//
// Where an instant has needs, a chain that ends at it (v_k) is not always one
// that can go on after it (w_k); -1 in w_k means that those before it can, -2
// that none does. suffix tells apart what several passes leave behind.
func (p *funnelPlan) pass(k int, reach, suffix string, needs bool) layer {
	choices := []string{fmt.Sprintf("r[1] >= %d, t", k)}
	living := choices
	var names, arrays strings.Builder
	for i := 1; i < k; i++ {
		from := fmt.Sprintf("p%[1]d >= 0 AND t - p%[1]d <= %[2]s, p%[1]d", i, p.window())
		choices = append(choices, fmt.Sprintf("r[%d] >= %d AND %s", i+1, k, from))
		living = append(living, fmt.Sprintf("r[%d] >= %d AND q[%d] <= %d AND %s", i+1, k, i+1, k, from))
		fmt.Fprintf(&names, ", p%d", i)
		fmt.Fprintf(&arrays, ", b%d%s", i, suffix)
	}
	ends := fmt.Sprintf("arrayMap((t, r%s) -> multiIf(%s, toInt64(-1)), at, %s%s) AS v%d%s", names.String(), strings.Join(choices, ", "), reach, arrays.String(), k, suffix)
	if k == len(p.links) && needs {
		return layer{ends}
	}
	before := fmt.Sprintf("arrayPushFront(arrayPopBack(f%[1]d%[2]s), toInt64(-1)) AS b%[1]d%[2]s", k, suffix)
	if !needs {
		return layer{ends, fmt.Sprintf("arrayFill(v -> v >= 0, v%[1]d%[2]s) AS f%[1]d%[2]s", k, suffix), before}
	}
	return layer{ends,
		fmt.Sprintf("arrayMap((t, r, q%s) -> multiIf(%s, q[%d] <= %d, toInt64(-1), toInt64(-2)), at, %s, %s%s) AS w%d%s",
			names.String(), strings.Join(living, ", "), k+1, k, reach, p.needs(), arrays.String(), k, suffix),
		fmt.Sprintf("arrayFill(v -> v != -1, w%[1]d%[2]s) AS f%[1]d%[2]s", k, suffix), before}
}

// subsets lists every set of steps, as a mask, that shares events, with its
// lowest and highest step counted from 0.
func subsets(steps []funnelStep) (masks, lowest, highest []int64) {
	for _, group := range overlaps(steps) {
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

// entriesInstants finds all entries, and those that a chain of every step begins
// with. It runs backwards: u_k holds, for a chain that stands at step k before
// an instant, the earliest end, and l_k the same after it. To be further is
// better wherever the chain can live.
func (p *funnelPlan) entriesInstants() []layer {
	n := len(p.links)
	layers := p.instants()
	for k := n - 1; k >= 1; k-- {
		layers = append(layers, layer{p.backward(k), fmt.Sprintf("arrayReverseFill(v -> v != -1, u%d) AS w%d", k, k), fmt.Sprintf("arrayPushBack(arrayPopFront(w%d), toInt64(-2)) AS l%d", k, k)})
	}
	layers = append(layers, layer{p.backward(0)},
		layer{fmt.Sprintf("arrayFilter((t, v) -> v >= 0 AND v - t <= %s, at, u0) AS converted", p.window()), "arrayFilter((t, r) -> r[1] >= 1, at, reach) AS all_entries"})
	if len(p.Exclusions) == 0 {
		return append(layers, layer{"all_entries AS entered"})
	}
	layers = append(layers, p.clean(), layer{"arrayFilter((t, r) -> r[1] >= 1, at, clean_reach) AS clean_entries"})
	if p.throughout() {
		return append(layers, layer{"arrayConcat(clean_entries, converted) AS entered"})
	}
	layers = append(layers, p.attempts("0")...)
	return append(layers, layer{"arrayConcat(clean_entries, arrayFilter((t, stop) -> arrayExists(v -> v >= 0, stop), starts, stops)) AS entered"})
}

// backward renders u_k; -1 where the chain stays and lives, -2 where it dies.
func (p *funnelPlan) backward(k int) string {
	n := len(p.links)
	need, names, arrays := "0", "", ""
	if p.Order == orderStrict || len(p.Exclusions) > 0 {
		need, names, arrays = fmt.Sprintf("q[%d]", k+1), ", q", ", "+p.needs()
	}
	choices := []string{fmt.Sprintf("r[%d] >= %d, t", k+1, n)}
	for j := n - 1; j > k; j-- {
		choices = append(choices, fmt.Sprintf("r[%d] >= %d AND %s <= %d AND a%d >= 0, a%d", k+1, j, need, j, j, j))
		names, arrays = names+fmt.Sprintf(", a%d", j), arrays+fmt.Sprintf(", l%d", j)
	}
	choices = append(choices, fmt.Sprintf("%s <= %d, toInt64(-1)", need, k))
	return fmt.Sprintf("arrayMap((t, r%s) -> multiIf(%s, toInt64(-2)), at, reach%s) AS u%d", names, strings.Join(choices, ", "), arrays, k)
}

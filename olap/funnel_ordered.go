package olap

import (
	"fmt"
	"strings"
)

// Ordered funnels where no event fits two steps
//
// Sorted by time and then by step, ties are settled: a step at the instant of
// the one before lies behind it. Over the sorted events runs one pass per step:
// v_k holds, at each event that can end a chain of k steps, the latest possible
// beginning of such a chain, and f_k carries it forward. A later beginning is
// never worse: it leaves more of the window, so one number per step is all
// there is to remember. The deepest k with a v_k is the user's depth; its first
// occurrence is the chain that completes first, and its value the one that
// entered last. From there each step is taken as early as it can be.

func (p *funnelPlan) chainApart() []layer {
	n := len(p.links)
	passes := layer{"arrayMap((t, s) -> if(s = 1, t, -1), at, step) AS v1", "arrayFill(v -> v >= 0, v1) AS f1"}
	for k := 2; k <= n; k++ {
		passes = append(passes,
			fmt.Sprintf("arrayMap((t, s, f) -> if(s = %d AND f >= 0 AND t - f <= %s, f, -1), at, step, f%d) AS v%d", k, p.window(), k-1, k),
			fmt.Sprintf("arrayFill(v -> v >= 0, v%d) AS f%d", k, k))
	}
	var times layer
	for k := 2; k <= n; k++ {
		times = append(times, fmt.Sprintf("if(depth >= %d, arrayFirst((t, s) -> s = %d AND t >= c%d, at, step), -1) AS c%d", k, k, k-1, k))
	}
	layers := []layer{p.unpacked(), passes, {p.depth("f%d[-1] >= 0") + " AS depth", "f1[-1] AS last_entry"}, {p.deepest("depth", "arrayFirst(v -> v >= 0, v%d)") + " AS c1"}}
	if n == 1 {
		return layers
	}
	return append(layers, times)
}

// unpacked takes the events' numbers apart.
func (p *funnelPlan) unpacked() layer {
	return layer{"arrayMap(x -> " + p.timeOf("x") + ", e) AS at", fmt.Sprintf("arrayMap(x -> bitAnd(x, %d), e) AS step", 1<<p.bits()-1)}
}

// entriesApart finds all entries, and those that a chain of every step begins
// with. It runs backwards: g_k holds, at each event of step k, the earliest end
// of a chain that goes on from there.
func (p *funnelPlan) entriesApart() []layer {
	n := len(p.links)
	passes := layer{fmt.Sprintf("arrayMap((t, s) -> if(s = %d, t, -1), at, step) AS g%d", n, n)}
	for k := n - 1; k >= 1; k-- {
		passes = append(passes, fmt.Sprintf("arrayMap((s, g) -> if(s = %d AND g >= 0, g, -1), step, arrayReverseFill(g -> g >= 0, g%d)) AS g%d", k, k+1, k))
	}
	return []layer{p.unpacked(), passes, {
		"arrayFilter((t, s) -> s = 1, at, step) AS entered",
		fmt.Sprintf("arrayFilter((t, g) -> g >= 0 AND g - t <= %s, at, g1) AS converted", p.window()),
	}}
}

// depth is the deepest step for which the condition holds.
func (p *funnelPlan) depth(condition string) string {
	return p.choose(func(k int) string { return fmt.Sprintf(condition, k) }, func(k int) string { return fmt.Sprint(k) }, "0")
}

// deepest gives the figure of the deepest step; -1 where there is none.
func (p *funnelPlan) deepest(depth, figure string) string {
	return p.choose(func(k int) string { return fmt.Sprintf("%s = %d", depth, k) }, func(k int) string { return fmt.Sprintf(figure, k) }, "-1")
}

// choose renders the first case that holds, from the last step to the first.
func (p *funnelPlan) choose(condition, figure func(k int) string, otherwise string) string {
	var b strings.Builder
	b.WriteString("multiIf(")
	for k := len(p.links); k >= 1; k-- {
		b.WriteString(condition(k) + ", " + figure(k) + ", ")
	}
	return b.String() + otherwise + ")"
}

package olap

import (
	"fmt"
	"strings"
)

// Ordered funnels where no event fits two steps
//
// Sorted by time and then by step, ties are settled: a step at the instant of
// the one before lies behind it. Over the sorted events runs one pass per step:
// f_k holds, at each event, the latest possible beginning of a chain of k steps
// that has ended by then. A later beginning is never worse: it leaves more of
// the window, so one number per step is all there is to remember, and an entry
// followed by another one is left out before the passes (`turns`). The deepest k
// with an f_k is the user's depth; its first value is the beginning of the chain
// that completes first, and of those the one that entered last. That chain takes
// each step as early as it can: where f_k first has its beginning.
//
// The arrays begin with an event that fits nothing and lies more than a window
// before all others: there, nothing has ended yet.

func (p *funnelPlan) chainApart() []layer {
	n := len(p.links)
	passes := layer{"arrayFill((t, s) -> s = 1, at, step) AS f1"}
	for k := 2; k <= n; k++ {
		passes = append(passes, fmt.Sprintf("arrayFill((f, t, s) -> s = %d AND t - f <= %s, f%d, at, step) AS f%d", k, p.window(), k-1, k))
	}
	var times layer
	for k := 2; k <= n; k++ {
		times = append(times, fmt.Sprintf("if(depth >= %d, at[indexOf(f%d, c1)], -1) AS c%d", k, k, k))
	}
	layers := []layer{
		{p.stepsOf("e") + " AS steps"},
		{"arrayFilter((x, s, next) -> s != 1 OR next != 1, e, steps, arrayPushBack(arrayPopFront(steps), 0)) AS turns"},
		{fmt.Sprintf("arrayPushFront(%s, -1 - %s) AS at", p.timesOf("turns"), p.window()), fmt.Sprintf("arrayPushFront(%s, 0) AS step", p.stepsOf("turns"))},
		passes,
		{p.depth("f%d[-1] >= 0") + " AS depth", "f1[-1] AS last_entry"},
		{p.choose(func(k int) string { return fmt.Sprintf("depth = %d", k) }, p.beginning, "-1") + " AS c1"},
	}
	if n == 1 {
		return layers
	}
	return append(layers, times)
}

// beginning renders when the chain of a user of depth k begins. Of entries that
// lead nowhere it is the first, which may not be among the turns.
func (p *funnelPlan) beginning(k int) string {
	if k == 1 {
		return p.timeOf(fmt.Sprintf("arrayFirst(x -> %s, e)", p.fits("x", 1)))
	}
	return fmt.Sprintf("arrayFirst(f -> f >= 0, f%d)", k)
}

// timesOf and stepsOf take the events' numbers apart.
func (p *funnelPlan) timesOf(events string) string {
	return fmt.Sprintf("arrayMap(x -> %s, %s)", p.timeOf("x"), events)
}

func (p *funnelPlan) stepsOf(events string) string {
	return fmt.Sprintf("arrayMap(x -> toUInt8(bitAnd(x, %d)), %s)", 1<<stepBits-1, events)
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
	return []layer{{p.timesOf("e") + " AS at", p.stepsOf("e") + " AS step"}, passes, {
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

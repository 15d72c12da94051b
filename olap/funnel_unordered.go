package olap

import (
	"fmt"
	"math/bits"
	"slices"
)

// Unordered funnels
//
// How many different steps, each with an event of its own, can be done in the
// window that ends with an event? Going through the events, a basis is kept: a
// set of events that can serve a step each. Taking up an event may make it one
// too many; then some set of steps has more events that fit nothing else than
// it has steps (Hall's theorem again), and the oldest of those leaves. So the
// basis is always the latest possible, and as many steps can be done since t as
// it has events since t. (Sets of events that can serve different steps form a
// matroid; this is its greedy algorithm.)
//
// The first event at which the most steps lie within its window completes the
// attempt, and the oldest event of the basis in that window is the latest entry
// to it. The chain's times are those at which, from the entry on, one more step
// could be done.

// chainUnordered finds the chain.
func (p *funnelPlan) chainUnordered() []layer {
	x, y, window := p.timeOf("x"), p.timeOf("y"), p.window()
	recent := fmt.Sprintf("y -> %s >= %s - %s", y, x, window)
	found := fmt.Sprintf("(toInt64(arrayCount(%s, b)), -%s, least(%s, latest))", recent, x, p.timeOf("arrayFirst("+recent+", b)"))
	if p.FinishAfterRange {
		found = fmt.Sprintf("if(%[1]s < %[2]s OR %[1]s - latest <= %[3]s, %[4]s, s.2)", x, p.since(p.frame.to), window, found)
	}
	times := layer{}
	for k := 1; k <= len(p.links); k++ {
		times = append(times, fmt.Sprintf("if(depth >= %d, %s, -1) AS c%d", k, p.timeOf(fmt.Sprintf("kept[%d]", k)), k))
	}
	return []layer{
		{p.latest() + " AS latest"},
		{fmt.Sprintf("arrayFold((s, x) -> arrayMap(b -> (b, if(%[1]s > s.2, %[1]s, s.2)), [%[2]s])[1], e, (emptyArrayUInt64(), (toInt64(0), toInt64(0), toInt64(0)))).2 AS best", found, p.taking("s.1", "x"))},
		{"best.1 AS depth", "-best.2 AS ends", "best.3 AS begins", "latest AS last_entry"},
		{fmt.Sprintf("arrayFold((kept, x) -> if(%s = 0, arrayPushBack(kept, x), kept), arrayFilter(x -> %s, e), emptyArrayUInt64()) AS kept", p.crowded("arrayPushBack(kept, x)"), p.inAttempt())},
		times,
	}
}

// latest is the last event that may be an entry; before every window where
// there is none.
func (p *funnelPlan) latest() string {
	return fmt.Sprintf("ifNull(arrayLastOrNull(t -> t < %s, arrayMap(x -> %s, e)), -1 - %s)", p.since(p.frame.to), p.timeOf("x"), p.window())
}

func (p *funnelPlan) inAttempt() string {
	return fmt.Sprintf("%[1]s >= begins AND %[1]s <= ends", p.timeOf("x"))
}

// taking renders a basis after an event was taken up. Arrays of one element keep
// each part from being worked out more than once.
func (p *funnelPlan) taking(basis, event string) string {
	return fmt.Sprintf("arrayMap(b -> arrayMap(u -> arrayFilter((y, place) -> place != if(u = 0, 0, arrayFirstIndex(z -> bitAnd(z, %d - u) = 0, b)), b, arrayEnumerate(b)), [%s])[1], [arrayPushBack(%s, %s)])[1]",
		p.allSteps(), p.crowded("b"), basis, event)
}

// crowded renders the smallest set of steps that has more events which fit
// nothing else than it has steps; 0 where there is none.
func (p *funnelPlan) crowded(events string) string {
	masks, _, _ := subsets(p.links)
	slices.SortStableFunc(masks, func(a, b int64) int { return bits.OnesCount64(uint64(a)) - bits.OnesCount64(uint64(b)) })
	return fmt.Sprintf("arrayFirst(u -> arrayCount(y -> bitAnd(y, %d - u) = 0, %s) > bitCount(u), %s)", p.allSteps(), events, p.bind(masks))
}

func (p *funnelPlan) allSteps() int { return 1<<len(p.links) - 1 }

// entriesUnordered finds all entries, and those from which every step can be
// done. Going backwards, the basis is the earliest possible.
func (p *funnelPlan) entriesUnordered() []layer {
	x, to := p.timeOf("x"), p.since(p.frame.to)
	return []layer{{
		fmt.Sprintf("arrayFilter(t -> t < %s, arrayMap(x -> %s, e)) AS entered", to, x),
		fmt.Sprintf("arrayFold((s, x) -> arrayMap(b -> (b, if(length(b) = %d AND %s - %s <= %s AND %s < %s, arrayPushBack(s.2, %s), s.2)), [%s])[1], arrayReverse(e), (emptyArrayUInt64(), emptyArrayInt64())).2 AS converted",
			len(p.links), p.timeOf("b[1]"), x, p.window(), x, to, x, p.taking("s.1", "x")),
	}}
}

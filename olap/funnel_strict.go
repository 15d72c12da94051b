package olap

import (
	"fmt"
	"strings"
)

// Strict funnels
//
// No other event of the user lies between two steps, except repeats of the step
// just done. Events of one instant may stand in any order, so at an instant that
// a chain passes from step i to step j, those that serve as no step must repeat
// one of i … j: the first step from i on that an event fits must not lie beyond
// j. need(i) is the furthest of those steps. A chain that begins here may have
// anything before it, and one that ends here anything behind it.

// never is a step beyond every funnel.
const never = maxSteps + 1

// strictNeed renders need for each i from 0 at each instant.
func (p *funnelPlan) strictNeed() string {
	n := len(p.links)
	fits := fmt.Sprintf("bitShiftRight(bitAnd(x, %d), i - 1)", 1<<n-1) // steps from i on
	first := fmt.Sprintf("if(%[1]s = 0, %[2]d, i - 1 + bitCount(bitXor(%[1]s, %[1]s - 1)))", fits, never)
	return fmt.Sprintf("arrayMap(g -> arrayPushFront(arrayMap(i -> toInt64(arrayMax(x -> %s, g)), range(1, %d)), toInt64(0)), instants)", first, n)
}

// walk renders `taken`, the times of a chain of `depth` steps that begins at the
// instant `begun` and is complete at `done`, each step as early as it can be.
// Taking steps greedily could end where need forbids to go on. So first, from
// the end back, `can` collects the steps that the chain may stand at.
func (p *funnelPlan) walk() []layer {
	const slice = "arraySlice(%s, begun, lasts)"
	const last = "if(lasts = 0, [], arrayPushBack(arrayPopBack(" + slice + "), %s))"
	// At the last instant the chain arrives at its depth, and is not taken further;
	// anything may follow.
	reach := fmt.Sprintf(last, "reach", fmt.Sprintf("arrayMap((r, i) -> if(r > depth OR i >= depth, toInt64(0), r), reach[done], range(%d))", len(p.links)))
	need := "emptyArrayInt64()"
	if len(p.Exclusions) > 0 {
		need = fmt.Sprintf("if(ends < begins + %s, forbid[done], emptyArrayInt64())", p.window())
	}
	var from []string
	for i := range p.links {
		from = append(from, fmt.Sprintf("if(bitAnd(can[1], %s) != 0, %d, 0)", span(fmt.Sprintf("greatest(%d, q[%d])", i, i+1), fmt.Sprintf("r[%d]", i+1)), 1<<i))
	}
	const step = "toInt64(length(taken))"
	next := fmt.Sprintf("toInt64(floor(log2(greatest(bitAnd(later, %s), 1))))", span("greatest("+step+", q[length(taken) + 1])", "r[length(taken) + 1]"))
	return []layer{
		{"if(depth = 0, 0, done - begun + 1) AS lasts"}, // in instants
		{fmt.Sprintf(slice, "at") + " AS chain_at", reach + " AS chain_reach", fmt.Sprintf(last, p.needs(), need) + " AS chain_need"},
		{fmt.Sprintf("arrayFold((can, r, q) -> arrayPushFront(can, toInt64(%s)), arrayReverse(chain_reach), arrayReverse(chain_need), [bitShiftLeft(toInt64(1), depth)]) AS can", strings.Join(from, " + "))},
		{fmt.Sprintf("arrayFold((taken, t, r, q, later) -> arrayConcat(taken, arrayWithConstant(greatest(%s - %s, 0), t)), chain_at, chain_reach, chain_need, arrayPopFront(can), emptyArrayInt64()) AS taken", next, step)},
	}
}

// needs names the array that says what an instant demands of a chain.
func (p *funnelPlan) needs() string {
	if p.Order == orderStrict {
		return "need"
	}
	return "forbid"
}

// span renders the mask of the steps from a to b.
func span(a, b string) string {
	return fmt.Sprintf("greatest(bitShiftLeft(toInt64(2), %s) - bitShiftLeft(toInt64(1), %s), 0)", b, a)
}

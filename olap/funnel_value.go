package olap

import (
	"fmt"
	"strings"
)

// chainHasValue tells whether users are counted under the value of an event of
// their chain.
func (p *funnelPlan) chainHasValue() bool {
	return p.Breakdown != nil && p.Breakdown.Attribution != attributeAll
}

// chainValue renders the value that a user counts under: "=" and the value, or
// nothing. Of several events of one instant that could serve a step, the value
// that sorts first is taken.
func (p *funnelPlan) chainValue() []layer {
	switch {
	case !p.chainHasValue():
		return nil
	case p.Order == orderUnordered:
		return p.unorderedValue()
	case p.Breakdown.Attribution == attributeStep:
		return []layer{{p.stepValue(p.link(p.Breakdown.Step)) + " AS value"}}
	}
	var values []string
	for k := 1; k <= len(p.links); k++ {
		values = append(values, p.stepValue(k))
	}
	find := "arrayFirst"
	if p.Breakdown.Attribution == attributeLast {
		find = "arrayLast"
	}
	return []layer{{find + "(v -> v != '', [" + strings.Join(values, ", ") + "]) AS value"}}
}

func (p *funnelPlan) stepValue(k int) string {
	return fmt.Sprintf("if(depth >= %d, arraySort(arrayFilter((v, x) -> v != '' AND %s = c%d AND %s, val, e))[1], '')", k, p.timeOf("x"), k, p.fits("x", k))
}

// unorderedValue: an event serves the attempt if one more step can be done with
// it than with those before it. With a named step, the first event of the
// attempt that fits the step is meant.
func (p *funnelPlan) unorderedValue() []layer {
	x := p.timeOf("x")
	if p.Breakdown.Attribution == attributeStep {
		fits := p.fits("x", p.link(p.Breakdown.Step))
		return []layer{
			{fmt.Sprintf("arrayFirst(x -> depth >= 1 AND %s AND %s, e) AS served", fits, p.inAttempt())},
			{fmt.Sprintf("arraySort(arrayFilter((v, x) -> v != '' AND served > 0 AND %s AND %s = %s, val, e))[1] AS value", fits, x, p.timeOf("served"))},
		}
	}
	first := "arraySort(served)"
	if p.Breakdown.Attribution == attributeLast {
		first = "arraySort(z -> (-z.1, z.2), served)"
	}
	crowded := p.crowded(fmt.Sprintf("arrayPushBack(arrayFilter(z -> %s < %s, kept), x)", p.timeOf("z"), x))
	return []layer{
		{fmt.Sprintf("arrayFilter((z, x) -> z.2 != '' AND depth >= 1 AND %s AND %s = 0, arrayMap((v, x) -> (%s, v), val, e), e) AS served", p.inAttempt(), crowded, x)},
		{first + "[1].2 AS value"},
	}
}

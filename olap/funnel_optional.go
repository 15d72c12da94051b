package olap

import "fmt"

// Optional steps
//
// An optional step changes no other figure: the chain is that of the required
// steps. Done is what happened in it between the required steps around it, both
// ends included: from the instant of the step before to that of the step after,
// or, where that was not reached, to the end of the chain's window. Its events
// fit no other step, so they are never one of the chain's.

func (f *funnel) checkOptional() error {
	for i, s := range f.Steps {
		if !s.Optional {
			continue
		}
		pointer := fmt.Sprintf("/steps/%d", i)
		switch {
		case f.Order != orderOrdered:
			return faultf(CodeInvalidValue, pointer+"/optional", "steps can be optional in the order ordered only; leave optional out")
		case i == 0:
			return faultf(CodeInvalidValue, pointer+"/optional", "the first step is where users enter, so it cannot be optional")
		}
		for j, other := range f.Steps {
			if j != i && s.Event.overlaps(other.Event) {
				return faultf(CodeInvalidValue, pointer+"/event", "an optional step needs events of its own; an event could be step %d, too", j+1)
			}
		}
	}
	return nil
}

// optionalSteps renders the times o2, o3, … of optional steps, -1 where one was
// not done.
func (p *funnelPlan) optionalSteps() []layer {
	var times layer
	place := len(p.links) + len(p.Exclusions)
	for i, s := range p.Steps {
		if !s.Optional {
			continue
		}
		place++
		before := p.link(p.before(i + 1))
		until := fmt.Sprintf("c1 + %s", p.window())
		if before < len(p.links) {
			until = fmt.Sprintf("if(depth >= %d, c%d, c1 + %s)", before+1, before+1, p.window())
		}
		times = append(times, fmt.Sprintf("if(depth >= %[1]d, ifNull(arrayFirstOrNull(t -> t >= c%[1]d AND t <= %[2]s, arrayMap(x -> %[3]s, arrayFilter(x -> %[4]s, e))), -1), -1) AS o%[5]d",
			before, until, p.timeOf("x"), p.fits("x", place), i+1))
	}
	if times == nil {
		return nil
	}
	return []layer{times}
}

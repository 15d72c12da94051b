package olap

import (
	"fmt"
	"strings"
	"time"
)

// The array `e` holds time and steps of each event in one number. The lower
// bits are the number of the step where no event fits two, else a mask: first
// the steps of the chain, then the exclusions, then the optional steps.
const (
	stepBits = 5
	maskBits = maxSteps
)

// plain funnels are those of funnel_ordered.go.
func (p *funnelPlan) plain() bool {
	return p.Order == orderOrdered && len(p.Exclusions) == 0 && apart(p.links)
}

func (p *funnelPlan) bits() int {
	if p.plain() {
		return stepBits
	}
	return maskBits
}

// fits renders whether an event x of the array fits a place: a link of the
// chain, or what comes after the links.
func (p *funnelPlan) fits(x string, place int) string {
	if p.plain() {
		return fmt.Sprintf("bitAnd(%s, %d) = %d", x, 1<<stepBits-1, place)
	}
	return fmt.Sprintf("bitTest(%s, %d)", x, place-1)
}

// timeOf renders the time of an event of the array.
func (p *funnelPlan) timeOf(x string) string {
	return fmt.Sprintf("toInt64(bitShiftRight(%s, %d))", x, p.bits())
}

// last is the end of what is read, exclusive.
func (p *funnelPlan) last() time.Time {
	if p.FinishAfterRange {
		return p.frame.to.Add(p.Window.Duration)
	}
	return p.frame.to
}

func (p *funnelPlan) source() string {
	if p.CountBy != countSessions {
		return "events"
	}
	wide := p.frame
	wide.to = p.last()
	return sessions(p.statement, wide)
}

// events renders the number or mask of an event, 0 where it fits nothing, and
// which events to read.
func (p *funnelPlan) events() (steps, where string, err error) {
	where = during(p.statement, p.frame.from, p.last())
	if types, ok := p.types(); ok {
		where += " AND type IN " + p.bind(types)
	}
	if p.Where.given() {
		sql, err := p.Where.render(p.statement, p.frame.clock)
		if err != nil {
			return "", "", err
		}
		where += " AND " + sql
	}
	steps, always, err := p.places()
	if !always && p.Order != orderStrict { // in strict order every event matters
		where += " AND " + steps + " > 0"
	}
	return steps, where, err
}

// types lists the event names that are read; false where any is.
func (p *funnelPlan) types() ([]string, bool) {
	seen := map[string]bool{}
	any := p.Order == orderStrict
	add := func(e eventChoice) {
		any = any || len(e.types) == 0
		for _, name := range e.types {
			seen[name] = true
		}
	}
	for _, s := range p.Steps {
		add(s.Event)
	}
	for _, x := range p.Exclusions {
		add(x.Event)
	}
	return sortedKeys(seen), !any
}

// places renders the number or mask of an event. always says that every event
// of the right name has one.
func (p *funnelPlan) places() (sql string, always bool, err error) {
	always = true
	var parts, outside []string
	for place, s := range p.inPlaces() {
		condition, plain, err := p.fitsStep(place, s)
		if err != nil {
			return "", false, err
		}
		always = always && plain
		switch {
		case p.plain():
			parts = append(parts, fmt.Sprintf("%s, %d", condition, place+1))
		case place >= len(p.links) && place < len(p.links)+len(p.Exclusions):
			outside = append(outside, fmt.Sprintf("if(%s, %d, 0)", condition, 1<<place))
		default:
			parts = append(parts, fmt.Sprintf("if(%s, %d, 0)", condition, 1<<place))
		}
	}
	if p.plain() {
		return "multiIf(" + strings.Join(parts, ", ") + ", 0)", always, nil
	}
	sql = "(" + strings.Join(parts, " + ") + ")"
	if len(outside) > 0 { // an event that fits a step is no exclusion
		sql = fmt.Sprintf("if(%[1]s > 0, %[1]s, %[2]s)", sql, strings.Join(outside, " + "))
	}
	return sql, always, nil
}

// inPlaces lists what an event may fit, in the order of the mask's bits.
func (p *funnelPlan) inPlaces() []funnelStep {
	out := append([]funnelStep{}, p.links...)
	for _, x := range p.Exclusions {
		out = append(out, funnelStep{Event: x.Event, Where: x.Where})
	}
	for _, s := range p.Steps {
		if s.Optional {
			out = append(out, s)
		}
	}
	return out
}

func (p *funnelPlan) fitsStep(place int, s funnelStep) (sql string, plain bool, err error) {
	parts := []string{s.Event.condition(p.statement)}
	if place == 0 && p.FinishAfterRange && p.plain() {
		parts = append(parts, "timestamp < "+p.bind(p.frame.to))
	}
	if s.Where.given() {
		where, err := s.Where.render(p.statement, p.frame.clock)
		if err != nil {
			return "", false, err
		}
		parts = append(parts, where)
	}
	return allOf(parts...), len(parts) == 1, nil
}

// packed renders the number of an event.
func (p *funnelPlan) packed(steps string) string {
	return fmt.Sprintf("bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - %s), %d) + toUInt64(%s)", p.bind(p.frame.from.UnixMilli()), p.bits(), steps)
}

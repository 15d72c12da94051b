package olap

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// The reference for funnels: it writes down every attempt of a user and takes
// the best. Slow, and obvious.

type refStep struct {
	fits func(row) bool
}

type refExclusion struct {
	fits     func(row) bool
	from, to int // steps, from 1
}

type refFunnel struct {
	order      funnelOrder
	steps      []refStep // the required ones, which make the chain
	exclusions []refExclusion
	numbers    []int           // of the required steps among all, from 1
	optional   map[int]refStep // by number
	where      func(row) bool
	from, to   time.Time
	window     time.Duration
	finish     bool // finish_after_range
}

// attempt is the times of its steps.
type attempt []time.Time

// attempts lists what a user tried. events are one user's, in order of time.
func (f refFunnel) attempts(events []row) []attempt {
	events = f.within(events)
	if f.order == orderUnordered {
		return f.unordered(events)
	}
	all := f.chains(events)
	var out []attempt
	for _, a := range all {
		goesOn := slices.ContainsFunc(all, func(b attempt) bool { return len(b) > len(a) && slices.Equal(b[:len(a)], a) })
		if !goesOn && !f.spoilt(a, events) {
			out = append(out, a)
		}
	}
	return out
}

// within keeps the events that the question can see.
func (f refFunnel) within(events []row) []row {
	end := f.to
	if f.finish {
		end = f.to.Add(f.window)
	}
	var out []row
	for _, e := range events {
		if !e.at.Before(f.from) && e.at.Before(end) && f.where(e) {
			out = append(out, e)
		}
	}
	return out
}

// chains lists the times of every choice of events that makes a chain.
func (f refFunnel) chains(events []row) []attempt {
	seen := map[string]attempt{}
	var chosen []int
	var extend func()
	extend = func() {
		if len(chosen) > 0 && f.undisturbed(chosen, events) {
			a := timesOf(chosen, events)
			seen[fmt.Sprint(a)] = a
		}
		if len(chosen) == len(f.steps) {
			return
		}
		for i, e := range events {
			if !slices.Contains(chosen, i) && f.follows(e, timesOf(chosen, events)) {
				chosen = append(chosen, i)
				extend()
				chosen = chosen[:len(chosen)-1]
			}
		}
	}
	extend()
	var out []attempt
	for _, key := range sortedKeys(seen) {
		out = append(out, seen[key])
	}
	return out
}

func timesOf(chosen []int, events []row) attempt {
	var times attempt
	for _, i := range chosen {
		times = append(times, events[i].at)
	}
	return times
}

// follows tells whether e may be the next step.
func (f refFunnel) follows(e row, before attempt) bool {
	if !f.steps[len(before)].fits(e) {
		return false
	}
	if len(before) == 0 {
		return e.at.Before(f.to)
	}
	return !e.at.Before(before[len(before)-1]) && e.at.Sub(before[0]) <= f.window
}

// undisturbed is what strict order asks: every other event can be put somewhere,
// without changing the order of time, where it does not disturb: before the
// chain, behind it, or after a step that it repeats.
func (f refFunnel) undisturbed(chosen []int, events []row) bool {
	if f.order != orderStrict {
		return true
	}
	first, last := events[chosen[0]].at, events[chosen[len(chosen)-1]].at
	for i, e := range events {
		fine := slices.Contains(chosen, i) || !e.at.After(first) || !e.at.Before(last)
		for k := 0; k+1 < len(chosen); k++ {
			between := !e.at.Before(events[chosen[k]].at) && !e.at.After(events[chosen[k+1]].at)
			fine = fine || between && f.steps[k].fits(e)
		}
		if !fine {
			return false
		}
	}
	return true
}

// spoilt tells whether an exclusion hits the attempt.
func (f refFunnel) spoilt(a attempt, events []row) bool {
	for _, x := range f.exclusions {
		if len(a) < x.from {
			continue
		}
		end := a[0].Add(f.window)
		if len(a) >= x.to {
			end = a[x.to-1]
		}
		for _, e := range events {
			if e.at.After(a[x.from-1]) && e.at.Before(end) && x.fits(e) && !f.isStep(e) {
				return true
			}
		}
	}
	return false
}

func (f refFunnel) isStep(e row) bool {
	fits := func(s refStep) bool { return s.fits(e) }
	for _, s := range f.optional {
		if s.fits(e) {
			return true
		}
	}
	return slices.ContainsFunc(f.steps, fits)
}

// unordered lists, for every entry, when one more step could be done.
func (f refFunnel) unordered(events []row) []attempt {
	var out []attempt
	for _, entry := range events {
		if !f.isStep(entry) || !entry.at.Before(f.to) {
			continue
		}
		var a attempt
		for i, e := range events {
			if e.at.Before(entry.at) || e.at.Sub(entry.at) > f.window {
				continue
			}
			for len(a) < f.doable(events[:i+1], entry.at) {
				a = append(a, e.at)
			}
		}
		out = append(out, a)
	}
	return out
}

// doable is the largest number of steps that can have an event of their own
// since an instant: it tries every way to hand them out.
func (f refFunnel) doable(events []row, since time.Time) int {
	used := make([]bool, len(events))
	var most func(step int) int
	most = func(step int) int {
		if step == len(f.steps) {
			return 0
		}
		best := most(step + 1)
		for i, e := range events {
			if !used[i] && !e.at.Before(since) && f.steps[step].fits(e) {
				used[i] = true
				best = max(best, 1+most(step+1))
				used[i] = false
			}
		}
		return best
	}
	return most(0)
}

// chain is the best attempt: deepest; then completed first; then entered last;
// then each step as early as possible.
func (f refFunnel) chain(events []row) attempt {
	var best attempt
	for _, a := range f.attempts(events) {
		if best == nil || better(a, best) {
			best = a
		}
	}
	return best
}

func better(a, b attempt) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	last := len(a) - 1
	if c := a[last].Compare(b[last]); c != 0 {
		return c < 0
	}
	if c := a[0].Compare(b[0]); c != 0 {
		return c > 0
	}
	return slices.CompareFunc(a, b, time.Time.Compare) < 0
}

// journey has, for every step, optional ones too, when it was done; the zero
// time where it was not.
func (f refFunnel) journey(events []row, chain attempt) []time.Time {
	out := make([]time.Time, len(f.numbers)+len(f.optional))
	for k, t := range chain {
		out[f.numbers[k]-1] = t
	}
	for number, step := range f.optional {
		before := len(f.numbers)
		for f.numbers[before-1] > number {
			before--
		}
		if len(chain) < before {
			continue
		}
		end := chain[0].Add(f.window)
		if len(chain) > before {
			end = chain[before]
		}
		for _, e := range f.within(events) {
			if out[number-1].IsZero() && !e.at.Before(chain[before-1]) && !e.at.After(end) && step.fits(e) {
				out[number-1] = e.at
			}
		}
	}
	return out
}

// value is what the user counts under, by the value of each event.
func (f refFunnel) value(events []row, chain attempt, a attribution, step int, of func(row) string) string {
	events = f.within(events)
	if f.order == orderUnordered && a == attributeStep {
		return f.valueOfStep(events, chain, step, of)
	}
	var values []string
	for k, t := range chain {
		values = append(values, least(events, of, func(e row) bool {
			if f.order == orderUnordered {
				before := slices.DeleteFunc(slices.Clone(events), func(o row) bool { return !o.at.Before(t) })
				return e.at.Equal(t) && f.doable(append(before, e), chain[0]) > f.doable(before, chain[0])
			}
			return e.at.Equal(t) && f.steps[k].fits(e)
		}))
	}
	if a == attributeStep {
		return append(values, make([]string, step)...)[step-1]
	}
	if a == attributeLast {
		slices.Reverse(values)
	}
	return strings.SplitN(strings.TrimLeft(strings.Join(values, "\n"), "\n"), "\n", 2)[0]
}

// valueOfStep is that of the first event of an unordered attempt that fits.
func (f refFunnel) valueOfStep(events []row, chain attempt, step int, of func(row) string) string {
	for _, e := range events {
		if len(chain) > 0 && !e.at.Before(chain[0]) && !e.at.After(chain[len(chain)-1]) && f.steps[step-1].fits(e) {
			return least(events, of, func(o row) bool { return o.at.Equal(e.at) && f.steps[step-1].fits(o) })
		}
	}
	return ""
}

// least is the value that sorts first among some events, "" where none has one.
func least(events []row, of func(row) string, among func(row) bool) string {
	var values []string
	for _, e := range events {
		if among(e) && of(e) != "" {
			values = append(values, of(e))
		}
	}
	sort.Strings(values)
	return append(values, "")[0]
}

// refSteps are the figures over many journeys.
type refSteps struct {
	counts   []uint64
	medians  []string
	averages []float64
}

func (f refFunnel) figures(journeys [][]time.Time) refSteps {
	n := len(f.numbers) + len(f.optional)
	out := refSteps{counts: make([]uint64, n)}
	before := 0 // the required step before
	for k := range n {
		var seconds []float64
		for _, j := range journeys {
			if !j[k].IsZero() {
				out.counts[k]++
				seconds = append(seconds, float64(j[k].Sub(j[before]).Milliseconds()))
			}
		}
		if k > 0 {
			out.medians = append(out.medians, numberOf(percentile(seconds, 0.5)/1000).String())
			out.averages = append(out.averages, mean(seconds)/1000)
		}
		if _, skipped := f.optional[k+1]; !skipped {
			before = k
		}
	}
	return out
}

// percentile interpolates linearly between the neighbours; NaN of nothing.
func percentile(values []float64, level float64) float64 {
	if len(values) == 0 {
		return nan()
	}
	sorted := slices.Sorted(slices.Values(values))
	place := level * float64(len(sorted)-1)
	low := int(place)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (place-float64(low))*(sorted[low+1]-sorted[low])
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	if len(values) == 0 {
		return nan()
	}
	return sum / float64(len(values))
}

// byUser cuts events into histories, in order of time.
func byUser(rows []row) map[string][]row { return splitBy(rows, func(r row) string { return r.user }) }

func splitBy(rows []row, key func(row) string) map[string][]row {
	out := map[string][]row{}
	for _, r := range rows {
		out[key(r)] = append(out[key(r)], r)
	}
	for _, h := range out {
		slices.SortStableFunc(h, func(a, b row) int { return cmp.Compare(a.at.UnixMilli(), b.at.UnixMilli()) })
	}
	return out
}

package olap

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// The reference for ordered funnels: it tries every chain. Slow, and obvious.

type refStep struct {
	fits func(row) bool
}

type refFunnel struct {
	steps    []refStep
	from, to time.Time
	window   time.Duration
	finish   bool // finish_after_range
}

// chain finds the user's chain: the times of its steps. events are one user's.
func (f refFunnel) chain(events []row) []time.Time {
	var best []time.Time
	used := make([]bool, len(events))
	var extend func(times []time.Time)
	extend = func(times []time.Time) {
		if len(times) > 0 && (best == nil || f.better(times, best)) {
			best = slices.Clone(times)
		}
		if len(times) == len(f.steps) {
			return
		}
		for i, e := range events {
			if !used[i] && f.allowed(e, times) {
				used[i] = true
				extend(append(times, e.at))
				used[i] = false
			}
		}
	}
	extend(nil)
	return best
}

// allowed tells whether e may be the next step.
func (f refFunnel) allowed(e row, times []time.Time) bool {
	if e.at.Before(f.from) || !f.steps[len(times)].fits(e) {
		return false
	}
	if len(times) == 0 {
		return e.at.Before(f.to)
	}
	if !f.finish && !e.at.Before(f.to) {
		return false
	}
	return !e.at.Before(times[len(times)-1]) && e.at.Sub(times[0]) <= f.window
}

// better: deeper; then completed first; then entered last; then each step as
// early as possible.
func (f refFunnel) better(a, b []time.Time) bool {
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

// value is what the user counts under, by the value of each event.
func (f refFunnel) value(events []row, chain []time.Time, a attribution, step int, of func(row) string) string {
	var values []string
	for k, t := range chain {
		var candidates []string
		for _, e := range events {
			if e.at.Equal(t) && f.steps[k].fits(e) && of(e) != "" && (k > 0 || e.at.Before(f.to)) {
				candidates = append(candidates, of(e))
			}
		}
		sort.Strings(candidates)
		values = append(values, append(candidates, "")[0])
	}
	if a == attributeStep {
		if step > len(values) {
			return ""
		}
		return values[step-1]
	}
	if a == attributeLast {
		slices.Reverse(values)
	}
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// refSteps are the figures over many chains.
type refSteps struct {
	counts   []uint64
	medians  []string
	averages []float64
}

func figures(n int, chains [][]time.Time) refSteps {
	out := refSteps{counts: make([]uint64, n)}
	for k := range n {
		var seconds []float64
		for _, c := range chains {
			if len(c) > k {
				out.counts[k]++
				if k > 0 {
					seconds = append(seconds, float64(c[k].Sub(c[k-1]).Milliseconds()))
				}
			}
		}
		if k > 0 {
			out.medians = append(out.medians, numberOf(percentile(seconds, 0.5)/1000).String())
			out.averages = append(out.averages, mean(seconds)/1000)
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

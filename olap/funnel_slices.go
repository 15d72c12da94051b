package olap

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Plain funnels by slices of users
//
// The funnel that is asked most, an ordered one of its steps alone, needs no
// array per user. A slice of the users (funnel_gathered.go) is one sorted array of
// numbers of 64 bits here: some bits of the user's hash, the time, the step. They
// are half as long as numbers with the whole hash, which halves what gathering
// and sorting them costs. The passes run over a slice as it is: as the user is the
// upper part, times of different users lie more than a window apart, and no
// chain goes from one to the other. Only what a user's figures are made of is cut
// into users at the end: the events that complete a step, and the last one.
//
// So 30 to 60 of a hash's 64 bits tell users apart, and two may look the same.
// Each statement also counts the users of a slice by their whole hash, and fails
// where that is another number; funnel_twins.go says what is done then. An
// answer is that of whole hashes, always.

const (
	// leastUserBits is how many bits of the hash are to be left beside those of the
	// slice. Funnels with fewer, of many years, gather whole hashes.
	leastUserBits = 22
	// noTime lies before all times, so far that no window reaches it, and no
	// difference to it overflows.
	noTime = -1 << 62
)

// sliced tells whether slices answer the question.
func (p *funnelPlan) sliced() bool {
	return p.plain() && p.CountBy == countUsers && !p.byName && !p.wholeHash && !p.chainHasValue() &&
		len(p.links) == len(p.Steps) && p.userBits() >= leastUserBits
}

// placeBits is how many bits of a number the step takes: at least two, so that a
// time with its user has at most 62, as noTime needs.
func (p *funnelPlan) placeBits() int { return max(2, bits.Len(uint(len(p.links)))) }

// timeBits is how many bits the time takes: enough for what is read and a window,
// so that a user's last event is more than a window before the next user's first.
func (p *funnelPlan) timeBits() int {
	return bits.Len64(uint64(p.last().Sub(p.frame.from).Milliseconds() + p.Window.Milliseconds()))
}

// userBits is how many bits are left for the user.
func (p *funnelPlan) userBits() int { return 64 - p.timeBits() - p.placeBits() }

// slices renders rows like users: depth, last_entry, and the times c1, c2, … of
// chains of at least two steps, which count from an instant of their own for each
// user. A user who never entered has no row.
func (p *funnelPlan) slices(slot, steps, where string) {
	keys := "slice"
	if slot != "" {
		slot, keys = ", "+slot+" AS slot", "slice, slot"
	}
	number := fmt.Sprintf("bitShiftLeft(person, %d) + bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - %s), %d) + toUInt64(%s)",
		p.timeBits()+p.placeBits(), p.bind(p.frame.from.UnixMilli()), p.placeBits(), steps)
	people, check := ", uniqExact(person) AS people", "\n    WHERE throwIf(people != arrayCount(ends) - 1, '"+twinsMessage+"') = 0"
	if p.relies.given() {
		people, check = "", ""
	}
	sql := fmt.Sprint("    SELECT ", p.slice(), " AS slice", slot, people, ", arraySort(groupArray(", number, ")) AS events",
		"\n    FROM events\n    WHERE ", where, "\n    GROUP BY ", keys, "\n    SETTINGS group_by_two_level_threshold_bytes = ", manyBytes)
	p.text(over(over(sql, p.flatPasses())+check, p.cutPasses()))
}

// evaluateAll ends a statement over slices. Where nothing but names tells events
// apart, every branch of a condition is as cheap as finding out who needs it, so
// all are worked out for all: a funnel takes a tenth less. Where properties are
// asked for, they are read of those alone that need them.
func (p *funnelPlan) evaluateAll() {
	asks := func(s funnelStep) bool { return s.Where.given() }
	if p.sliced() && p.View != viewTrend && p.Breakdown == nil && !p.Where.given() && !slices.ContainsFunc(p.Steps, asks) {
		p.text("\nSETTINGS short_circuit_function_evaluation = 'disable'")
	}
}

// over renders layers over rows.
func over(rows string, layers []layer) string {
	for _, l := range layers {
		rows = "    SELECT *, " + strings.Join(l, ", ") + " FROM (\n" + rows + ")"
	}
	return rows
}

// flatPasses find what is kept of a slice's events: of the events that complete a
// step, and of each user's last one, when it was, which step it completes
// (1 for a last one that completes none), and f1, f2, …, the latest beginnings of
// chains of so many steps.
//
// See funnel_ordered.go for f_k, and for the entries that are left out first.
func (p *funnelPlan) flatPasses() []layer {
	n, step := len(p.links), 1<<p.placeBits()-1
	alike := ^((uint64(1)<<p.timeBits() - 1) << p.placeBits()) // all bits but the time's
	turns := fmt.Sprintf("arrayFilter((x, next) -> bitAnd(x, %d) != 1 OR bitAnd(bitXor(x, next), %d) != 0, events, arrayShiftLeft(events, 1)) AS turns", step, alike)
	fills := layer{"arrayFill((t, s) -> s = 1, at, step) AS f1"}
	level, names := "", "f1"
	for k := 2; k <= n; k++ {
		completes := fmt.Sprintf("s = %d AND t - f%d <= %s", k, k-1, p.window())
		level += fmt.Sprintf("%s, %d, ", completes, k)
		if k < n {
			fills = append(fills, fmt.Sprintf("arrayFill((f%d, t, s) -> %s, f%d, at, step) AS f%d", k-1, completes, k-1, k))
			names += fmt.Sprintf(", f%d", k)
		}
	}
	return []layer{
		{turns},
		{fmt.Sprintf("arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, %d)), turns), %d) AS at", p.placeBits(), noTime),
			fmt.Sprintf("arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, %d)), turns), 0) AS step", step)},
		append(fills, fmt.Sprintf("arrayMap((t, next) -> %s != %s, at, arrayShiftLeft(at, 1, %d)) AS ends", p.userOf("t"), p.userOf("next"), noTime)),
		{fmt.Sprintf("arrayMap((t, s, last, %s) -> multiIf(%slast AND s > 0 AND %s = %s, 1, 0), at, step, ends, %s) AS level", names, level, p.userOf("t"), p.userOf("f1"), names)},
		{fmt.Sprintf("arrayFilter(z -> z.2 > 0, arrayZip(at, level, %s)) AS kept", names)},
	}
}

// cutPasses cut what is kept into users, and find each one's chain.
func (p *funnelPlan) cutPasses() []layer {
	n := len(p.links)
	var begun layer
	for k := 1; k <= max(n-1, 1); k++ {
		begun = append(begun, fmt.Sprintf("e.%d AS b%d", k+2, k))
	}
	layers := []layer{
		{fmt.Sprintf("arrayJoin(arraySplit((z, first) -> first, kept, arrayMap((t, before) -> %s != %s, kept.1, arrayShiftRight(kept.1, 1, %d)))) AS e", p.userOf("t"), p.userOf("before"), noTime)},
		append(begun, "e.1 AS times", "e.2 AS levels", "arrayMax(levels) AS depth", "indexOf(levels, depth) AS i",
			fmt.Sprintf("bitAnd(e.3[-1], %d) AS last_entry", uint64(1)<<p.timeBits()-1)),
	}
	if n == 1 {
		return append(layers, layer{"-1 AS c1"})
	}
	var times layer
	for k := 2; k <= n; k++ {
		when := fmt.Sprintf("depth = %d, times[i], ", k)
		if k < n {
			when += fmt.Sprintf("depth > %[1]d, times[indexOf(arrayMap((l, b) -> if(l = %[1]d, b, -1), levels, b%[2]d), c1)], ", k, k-1)
		}
		times = append(times, fmt.Sprintf("multiIf(%s-1) AS c%d", when, k))
	}
	beginning := p.choose(func(k int) string { return fmt.Sprintf("depth = %d", k) }, func(k int) string {
		if k == 1 {
			return "-1"
		}
		return fmt.Sprintf("b%d[i]", k-1)
	}, "-1")
	return append(layers, layer{beginning + " AS c1"}, times)
}

// userOf renders the user of a time.
func (p *funnelPlan) userOf(t string) string {
	return fmt.Sprintf("bitShiftRight(%s, %d)", t, p.timeBits())
}

package olap

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// How an ordered funnel becomes SQL
//
// Each user's step events become one sorted array of numbers that hold time and
// step. Over it runs one pass per step: v_k holds, at each event that can end a
// chain of k steps, the latest possible beginning of such a chain, and f_k
// carries it forward. A later beginning is never worse: it leaves more of the
// window, so one number per step is all there is to remember. The deepest k
// with a v_k is the user's depth; its first occurrence is the chain that
// completes first, and its value the one that entered last. From there each
// step is taken as early as it can be.
//
// The passes are array functions, which run over a whole block of users at
// once. windowFunnel was rejected: it gives no times, and lets one event serve
// several steps. arrayFold alone was rejected: it runs event by event.
//
// Where no event fits two steps (the steps name different events), sorting by
// time and then step settles ties. Otherwise see funnel_ties.go.

// funnelPlan renders one funnel.
type funnelPlan struct {
	*statement
	*funnel
	frame  frame
	cutoff time.Time // the watermark: events before it are complete
	groups groups    // values of a breakdown by all
}

func (f *funnel) plan(span frame, r *run) *funnelPlan {
	p := &funnelPlan{funnel: f, frame: span}
	if r.watermark != nil {
		p.cutoff = *r.watermark
	}
	return p
}

// openSince is the earliest entry that could still convert; false where every
// entry is settled.
func (p *funnelPlan) openSince() (time.Time, bool) {
	if !p.FinishAfterRange && !p.frame.to.After(p.cutoff) {
		return time.Time{}, false
	}
	since := p.cutoff.Add(-p.Window.Duration)
	if since.Before(p.frame.from) {
		since = p.frame.from
	}
	return since, since.Before(p.frame.to)
}

// whole is the funnel without a breakdown.
func (p *funnelPlan) whole() error {
	p.text("SELECT '' AS label, toUInt8(1) AS whole,\n    ", p.figures(), "\nFROM\n(\n")
	if err := p.users("", ""); err != nil {
		return err
	}
	p.text("\n)")
	return nil
}

// byValue gives each group a funnel of its own events.
func (p *funnelPlan) byValue() error {
	p.text("SELECT ", p.slotLabel(), " AS label, toUInt8(0) AS whole,\n    ", p.figures(), "\nFROM\n(\n")
	if err := p.users(p.groups.number(p.statement), ""); err != nil {
		return err
	}
	p.text("\n)\nGROUP BY slot\nHAVING counts[1] > 0\nORDER BY slot < 1, slot < 0, counts[1] DESC, label")
	return nil
}

// slotLabel renders the label of a group's number.
func (p *funnelPlan) slotLabel() string {
	return fmt.Sprintf("multiIf(slot = -1, '%s', slot = 0, '%s', '=' || %s[greatest(slot, 1)])", labelNone, labelOther, p.bind(append([]string{}, p.groups.values...)))
}

// topValues finds the values that most users enter a funnel of their own with.
func (p *funnelPlan) topValues(ctx context.Context, r *run) (groups, error) {
	g := groups{by: &p.Breakdown.breakdown}
	p.statement = newStatement()
	if err := p.ranking(); err != nil {
		return g, err
	}
	err := r.each(ctx, p.statement, func(rows driver.Rows) error {
		var value string
		err := rows.Scan(&value)
		g.values = append(g.values, value)
		return err
	})
	return g, err
}

func (p *funnelPlan) ranking() error {
	value := p.Breakdown.Property.property
	p.text("SELECT slot AS value\nFROM\n(\n")
	if err := p.users("toString("+value.text(p.statement)+")", value.present(p.statement)); err != nil {
		return err
	}
	p.text("\n)\nWHERE depth >= 1\nGROUP BY value\nORDER BY count() DESC, value\nLIMIT ", p.bind(int64(p.Breakdown.Limit)))
	return nil
}

// byChain counts each user under one value, that of an event of the chain, so
// the groups sum to the whole. Groups are ranked, cut and merged as states, in
// the same pass.
func (p *funnelPlan) byChain() error {
	n := len(p.Steps)
	p.text("SELECT multiIf(value = '', '", labelNone, "', place <= ", p.bind(int64(p.Breakdown.Limit)), ", value, '", labelOther, "') AS label,",
		" toUInt8(grouping(label)) AS whole,\n    ", list(1, n, "sum(n[%d])"), " AS counts,\n    ",
		list(2, n, "toString(quantileExactInclusiveIfMerge(0.5)(m%d) / 1000)"), " AS medians,\n    ",
		list(2, n, "toString(avgIfMerge(a%d) / 1000)"), " AS averages,\n    sum(opened) AS open",
		"\nFROM\n(\n    SELECT *, row_number() OVER (ORDER BY value = '', n[1] DESC, value) AS place\n    FROM\n    (\n    SELECT value, ",
		list(1, n, "countIf(depth >= %d)"), " AS n, ")
	for k := 2; k <= n; k++ {
		p.text(fmt.Sprintf("quantileExactInclusiveIfState(0.5)(c%d - c%d, depth >= %d) AS m%d, avgIfState(c%d - c%d, depth >= %d) AS a%d, ", k, k-1, k, k, k, k-1, k, k))
	}
	p.text(p.open(), " AS opened\n    FROM\n    (\n")
	if err := p.users("", ""); err != nil {
		return err
	}
	p.text("\n    )\n    WHERE depth >= 1\n    GROUP BY value\n    )\n)\nGROUP BY label WITH ROLLUP",
		"\nORDER BY whole DESC, label = '", labelNone, "', label = '", labelOther, "', counts[1] DESC, label")
	return nil
}

// figures renders what is counted over users.
func (p *funnelPlan) figures() string {
	n := len(p.Steps)
	var medians, averages []string
	for k := 2; k <= n; k++ {
		medians = append(medians, fmt.Sprintf("toString(quantileExactInclusiveIf(0.5)(c%d - c%d, depth >= %d) / 1000)", k, k-1, k))
		averages = append(averages, fmt.Sprintf("toString(avgIf(c%d - c%d, depth >= %d) / 1000)", k, k-1, k))
	}
	return list(1, n, "countIf(depth >= %d)") + " AS counts,\n    " +
		stringArray(medians) + " AS medians,\n    " + stringArray(averages) + " AS averages,\n    " + p.open() + " AS open"
}

// list renders [f(from), …, f(to)].
func list(from, to int, format string) string {
	var parts []string
	for k := from; k <= to; k++ {
		parts = append(parts, fmt.Sprintf(format, k))
	}
	return stringArray(parts)
}

// stringArray keeps the type of an array without elements.
func stringArray(parts []string) string {
	if len(parts) == 0 {
		return "emptyArrayString()"
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// open counts who may still get further.
func (p *funnelPlan) open() string {
	since, ok := p.openSince()
	if !ok {
		return "toUInt64(0)"
	}
	return fmt.Sprintf("countIf(depth >= 1 AND depth < %d AND last_entry >= %s)", len(p.Steps), p.bind(since.UnixMilli()))
}

// users renders one row per user (or session, or user and group): depth, the
// times c1, c2, … of the chain in milliseconds, last_entry, and value where the
// breakdown is by an event of the chain.
//
// slot, if given, is a further key; only restricts the events.
func (p *funnelPlan) users(slot, only string) error {
	keys := "user_id"
	if p.CountBy == "session" {
		keys = "user_id, session"
	}
	if slot != "" {
		slot, keys = slot+" AS slot, ", keys+", slot"
	}
	steps, where, err := p.events()
	if err != nil {
		return err
	}
	chain := p.chainApart()
	if !p.apart() {
		chain = p.chainTies()
	}
	if p.chainHasValue() {
		chain = append(chain, layer{p.chainValue() + " AS value"})
	}
	for _, l := range slices.Backward(chain) {
		p.text("    SELECT *, ", strings.Join(l, ", "), " FROM (\n")
	}
	p.text("        SELECT ", slot, "user_id, ", p.collect(steps),
		"\n        FROM ", p.source(), "\n        WHERE ", allOf(where, only), "\n        GROUP BY ", keys, "\n    ", strings.Repeat(")", len(chain)))
	return nil
}

// layer is a list of expressions with names. Each layer is a subquery of its
// own over the one before: the server replaces a name by its expression, and
// names that build on each other in one SELECT would grow without bound.
type layer []string

// last is the end of what is read, exclusive.
func (p *funnelPlan) last() time.Time {
	if p.FinishAfterRange {
		return p.frame.to.Add(p.Window.Duration)
	}
	return p.frame.to
}

func (p *funnelPlan) source() string {
	if p.CountBy != "session" {
		return "events"
	}
	wide := p.frame
	wide.to = p.last()
	return sessions(p.statement, wide)
}

// events renders the number that says which steps an event fits (the step, or a
// mask of steps where it can fit several), and which events to read.
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
	steps, always, err := p.stepNumber()
	if !always {
		where += " AND " + steps + " > 0"
	}
	return steps, where, err
}

// types lists the event names of all steps; false where a step takes any event.
func (p *funnelPlan) types() ([]string, bool) {
	seen := map[string]bool{}
	for _, s := range p.Steps {
		if len(s.Event.types) == 0 {
			return nil, false
		}
		for _, name := range s.Event.types {
			seen[name] = true
		}
	}
	return sortedKeys(seen), true
}

// stepNumber renders the step (1 and up) or the mask; 0 means none. always says
// that every event of the right name fits a step.
func (p *funnelPlan) stepNumber() (sql string, always bool, err error) {
	always = true
	var parts []string
	for i, s := range p.Steps {
		condition, plain, err := p.stepCondition(i, s)
		if err != nil {
			return "", false, err
		}
		always = always && plain
		if p.apart() {
			parts = append(parts, fmt.Sprintf("%s, %d", condition, i+1))
		} else {
			parts = append(parts, fmt.Sprintf("if(%s, %d, 0)", condition, 1<<i))
		}
	}
	if p.apart() {
		return "multiIf(" + strings.Join(parts, ", ") + ", 0)", always, nil
	}
	return "(" + strings.Join(parts, " + ") + ")", always, nil
}

func (p *funnelPlan) stepCondition(i int, s funnelStep) (sql string, plain bool, err error) {
	parts := []string{s.Event.condition(p.statement)}
	if i == 0 && p.FinishAfterRange {
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

// The array `e` holds time and steps of each event in one number: the lower bits
// are the step or the mask.
const (
	stepBits = 5
	maskBits = maxSteps
)

func (p *funnelPlan) bits() int {
	if p.apart() {
		return stepBits
	}
	return maskBits
}

// collect renders the user's events, sorted.
func (p *funnelPlan) collect(steps string) string {
	packed := fmt.Sprintf("bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp)), %d) + toUInt64(%s)", p.bits(), steps)
	if !p.chainHasValue() {
		return "arraySort(groupArray(" + packed + ")) AS e"
	}
	property := p.Breakdown.Property.property
	value := fmt.Sprintf("if(%s, '=' || toString(%s), '')", property.present(p.statement), property.text(p.statement))
	return fmt.Sprintf("arraySort(groupArray((%s, %s))) AS pairs, pairs.1 AS e, pairs.2 AS val", packed, value)
}

// chainHasValue tells whether users are counted under the value of an event of
// their chain.
func (p *funnelPlan) chainHasValue() bool {
	return p.Breakdown != nil && p.Breakdown.Attribution != attributeAll
}

// chainApart finds the chain where an event fits one step at most.
func (p *funnelPlan) chainApart() []layer {
	n, window := len(p.Steps), p.bind(p.Window.Milliseconds())
	passes := layer{"arrayMap((t, s) -> if(s = 1, t, -1), at, step) AS v1", "arrayFill(v -> v >= 0, v1) AS f1"}
	for k := 2; k <= n; k++ {
		passes = append(passes,
			fmt.Sprintf("arrayMap((t, s, f) -> if(s = %d AND f >= 0 AND t - f <= %s, f, -1), at, step, f%d) AS v%d", k, window, k-1, k),
			fmt.Sprintf("arrayFill(v -> v >= 0, v%d) AS f%d", k, k))
	}
	var times layer
	for k := 2; k <= n; k++ {
		times = append(times, fmt.Sprintf("if(depth >= %d, arrayFirst((t, s) -> s = %d AND t >= c%d, at, step), -1) AS c%d", k, k, k-1, k))
	}
	layers := []layer{
		{fmt.Sprintf("arrayMap(x -> toInt64(bitShiftRight(x, %d)), e) AS at", stepBits), fmt.Sprintf("arrayMap(x -> bitAnd(x, %d), e) AS step", 1<<stepBits-1)},
		passes,
		{p.depth() + " AS depth", "f1[-1] AS last_entry"},
		{p.entered("arrayFirst") + " AS c1"},
	}
	if n == 1 {
		return layers
	}
	return append(layers, times)
}

// depth is the deepest step with a chain.
func (p *funnelPlan) depth() string {
	var b strings.Builder
	b.WriteString("multiIf(")
	for k := len(p.Steps); k >= 1; k-- {
		fmt.Fprintf(&b, "f%d[-1] >= 0, %d, ", k, k)
	}
	return b.String() + "0)"
}

// entered picks, out of the deepest pass, what the given array function finds
// where it first succeeds.
func (p *funnelPlan) entered(find string) string {
	var b strings.Builder
	b.WriteString("multiIf(")
	for k := len(p.Steps); k >= 1; k-- {
		fmt.Fprintf(&b, "depth = %d, %s(v -> v >= 0, v%d), ", k, find, k)
	}
	return b.String() + "-1)"
}

// chainValue renders the value that a user counts under: "=" and the value, or
// nothing. Of several events of one instant that could serve a step, the value
// that sorts first is taken.
func (p *funnelPlan) chainValue() string {
	if p.Breakdown.Attribution == attributeStep {
		return p.stepValue(p.Breakdown.Step)
	}
	var values []string
	for k := 1; k <= len(p.Steps); k++ {
		values = append(values, p.stepValue(k))
	}
	find := "arrayFirst"
	if p.Breakdown.Attribution == attributeLast {
		find = "arrayLast"
	}
	return find + "(v -> v != '', [" + strings.Join(values, ", ") + "])"
}

func (p *funnelPlan) stepValue(k int) string {
	fits := fmt.Sprintf("bitTest(x, %d)", k-1)
	if p.apart() {
		fits = fmt.Sprintf("bitAnd(x, %d) = %d", 1<<stepBits-1, k)
	}
	return fmt.Sprintf("if(depth >= %d, arraySort(arrayFilter((v, x) -> v != '' AND toInt64(bitShiftRight(x, %d)) = c%d AND %s, val, e))[1], '')", k, p.bits(), k, fits)
}

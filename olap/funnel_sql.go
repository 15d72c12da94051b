package olap

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// How a funnel becomes SQL
//
// Each user's events of interest become one sorted array of numbers that hold
// time and steps (funnel_events.go). Layers of array functions over it find the
// user's chain: its depth and the times c1, c2, … of its steps. They run over a
// whole block of users at once. There is one file per way to find it:
//
//   - funnel_slices.go, where no event fits two steps and only users are counted;
//   - funnel_ordered.go, where no event fits two steps;
//   - funnel_instants.go, where one may, with its rules for strict order
//     (funnel_strict.go) and exclusions (funnel_exclusion.go);
//   - funnel_unordered.go.
//
// What is counted over users stands here.
//
// windowFunnel was rejected: it gives no times, and lets one event serve
// several steps. arrayFold over the events was rejected for ordered funnels: it
// runs event by event.

// funnelPlan renders one funnel. Times in SQL are milliseconds since the
// range's beginning, so none is negative and -1 can mean never.
type funnelPlan struct {
	*statement
	*funnel
	frame  frame
	cutoff time.Time     // the watermark: events before it are complete
	groups groups        // values of a breakdown by all
	links  []funnelStep  // the steps that make the chain: those that are not optional
	byName bool          // each row names its user
	twins  []uint64      // users that need a slice to themselves
	relies settledMonths // where they are all that there are

	wholeHash bool // users are told apart by whole hashes from the beginning
}

func (f *funnel) plan(span frame, r *run) *funnelPlan {
	p := &funnelPlan{statement: newStatement(), funnel: f, frame: span, twins: r.store.twins.known()}
	p.wholeHash = len(p.twins) > mostTwins
	if r.watermark != nil {
		p.cutoff = *r.watermark
	}
	for _, step := range f.required() {
		p.links = append(p.links, f.Steps[step-1])
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

// since renders an instant as the milliseconds from the range's beginning.
func (p *funnelPlan) since(t time.Time) string { return p.bind(t.Sub(p.frame.from).Milliseconds()) }

func (p *funnelPlan) window() string { return p.bind(p.Window.Milliseconds()) }

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

// topValues reads the values that a ranking puts first.
func (p *funnelPlan) topValues(ctx context.Context, r *run, ranking func() error) (groups, error) {
	g := groups{by: &p.Breakdown.breakdown}
	err := p.each(ctx, r, ranking, func(rows driver.Rows) error {
		var value string
		err := rows.Scan(&value)
		g.values = append(g.values, value)
		return err
	})
	return g, err
}

// ranking finds the values that most users enter a funnel of their own with.
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
	var medians, averages, states []string
	for k := 2; k <= n; k++ {
		took, reached := p.took(k), p.reached(k)
		states = append(states, fmt.Sprintf("quantileExactInclusiveIfState(0.5)(%s, %s) AS m%d, avgIfState(%s, %s) AS a%d, ", took, reached, k, took, reached, k))
		medians = append(medians, fmt.Sprintf("toString(quantileExactInclusiveIfMerge(0.5)(m%d) / 1000)", k))
		averages = append(averages, fmt.Sprintf("toString(avgIfMerge(a%d) / 1000)", k))
	}
	p.text("SELECT multiIf(value = '', '", labelNone, "', place <= ", p.bind(int64(p.Breakdown.Limit)), ", value, '", labelOther, "') AS label,",
		" toUInt8(grouping(label)) AS whole,\n    ", list(1, n, "sum(n[%d])"), " AS counts,\n    ",
		stringArray(medians), " AS medians,\n    ", stringArray(averages), " AS averages,\n    sum(opened) AS open",
		"\nFROM\n(\n    SELECT *, row_number() OVER (ORDER BY value = '', n[1] DESC, value) AS place\n    FROM\n    (\n    SELECT value, ",
		p.counts(), " AS n, ", strings.Join(states, ""), p.open(), " AS opened\n    FROM\n    (\n")
	if err := p.users("", ""); err != nil {
		return err
	}
	p.text("\n    )\n    WHERE depth >= 1\n    GROUP BY value\n    )\n)\nGROUP BY label WITH ROLLUP",
		"\nORDER BY whole DESC, label = '", labelNone, "', label = '", labelOther, "', counts[1] DESC, label")
	return nil
}

// figures renders what is counted over users.
func (p *funnelPlan) figures() string {
	var medians, averages []string
	for k := 2; k <= len(p.Steps); k++ {
		medians = append(medians, fmt.Sprintf("toString(quantileExactInclusiveIf(0.5)(%s, %s) / 1000)", p.took(k), p.reached(k)))
		averages = append(averages, fmt.Sprintf("toString(avgIf(%s, %s) / 1000)", p.took(k), p.reached(k)))
	}
	return p.counts() + " AS counts,\n    " +
		stringArray(medians) + " AS medians,\n    " + stringArray(averages) + " AS averages,\n    " + p.open() + " AS open"
}

func (p *funnelPlan) counts() string {
	var parts []string
	for k := range p.Steps {
		parts = append(parts, "countIf("+p.reached(k+1)+")")
	}
	return stringArray(parts)
}

// reached renders whether a user has done a step, at renders when, and took how
// long it took from the required step before.
func (p *funnelPlan) reached(step int) string {
	if p.Steps[step-1].Optional {
		return p.at(step) + " >= 0"
	}
	return fmt.Sprintf("depth >= %d", p.link(step))
}

func (p *funnelPlan) at(step int) string {
	if p.Steps[step-1].Optional {
		return fmt.Sprintf("o%d", step)
	}
	return fmt.Sprintf("c%d", p.link(step))
}

func (p *funnelPlan) took(step int) string { return p.at(step) + " - " + p.at(p.before(step)) }

// before is the required step before a step; the first has itself.
func (f *funnel) before(step int) int {
	for k := step - 1; k >= 1; k-- {
		if !f.Steps[k-1].Optional {
			return k
		}
	}
	return 1
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
	return fmt.Sprintf("countIf(depth >= 1 AND depth < %d AND last_entry >= %s)", len(p.links), p.since(since))
}

// users renders one row per user (or session, or user and group): depth, the
// times c1, c2, … of the chain, those of optional steps, last_entry, and value
// where the breakdown is by an event of the chain.
//
// slot, if given, is a further key; only restricts the events.
func (p *funnelPlan) users(slot, only string) error {
	if p.sliced() {
		steps, where, err := p.events()
		if err == nil {
			p.slices(slot, steps, allOf(where, only))
		}
		return err
	}
	return p.rows(slot, only, slices.Concat(p.chain(), p.optionalSteps(), p.chainValue()))
}

// chain finds the user's chain.
func (p *funnelPlan) chain() []layer {
	switch {
	case p.Order == orderUnordered:
		return p.chainUnordered()
	case p.plain():
		return p.chainApart()
	}
	return p.chainInstants()
}

// layer is a list of expressions with names. Each layer is a subquery of its
// own over the one before: the server replaces a name by its expression, and
// names that build on each other in one SELECT would grow without bound.
type layer []string

// rows renders layers over the events of each user (funnel_gathered.go).
func (p *funnelPlan) rows(slot, only string, layers []layer) error {
	steps, where, err := p.events()
	if err != nil {
		return err
	}
	for _, l := range slices.Backward(layers) {
		p.text("    SELECT *, ", strings.Join(l, ", "), " FROM (\n")
	}
	p.gathered(slot, steps, allOf(where, only))
	p.text("\n    ", strings.Repeat(")", len(layers)))
	return nil
}

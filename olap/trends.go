package olap

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"millrace/internal/query"
)

// trends counts and measures events by bucket of time.
type trends struct {
	common
	Kind_      string         `json:"kind"`
	Series     []trendSeries  `json:"series"`
	Formulas   []trendFormula `json:"formulas"`
	Breakdown  *breakdown     `json:"breakdown"`
	Compare    compare        `json:"compare"`
	Cumulative bool           `json:"cumulative"`
}

// trendSeries is one line of the chart.
type trendSeries struct {
	Name     string       `json:"name"`
	Event    eventChoice  `json:"event"`
	Where    condition    `json:"where"`
	Measure  measure      `json:"measure"`
	Per      unit         `json:"per"`
	Property propertyName `json:"property"`
}

type trendFormula struct {
	Name    string `json:"name"`
	Expr    string `json:"expr"`
	formula query.Formula
}

// breakdown splits a series by the values of a property.
type breakdown struct {
	Property propertyName `json:"property"`
	Limit    int          `json:"limit"`
}

// maxBreakdown is the most values that a breakdown shows by name.
const maxBreakdown = 250

func (b *breakdown) check(pointer string) error {
	if b == nil {
		return nil
	}
	if !b.Property.given {
		return faultf(CodeMissingField, pointer+"/property", `name the property to break down by, such as "country"`)
	}
	if b.Limit == 0 {
		b.Limit = 10
	}
	if b.Limit < 1 || b.Limit > maxBreakdown {
		return faultf(CodeInvalidValue, pointer+"/limit", "%d is not between 1 and %d", b.Limit, maxBreakdown)
	}
	return nil
}

// maxSeries bounds series and formulas of one question, each.
const maxSeries = 20

func parseTrends(data []byte) (Query, error) {
	t := &trends{common: defaultCommon()}
	if err := decodeStrict(data, t); err != nil {
		return nil, err
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	return t, nil
}

// Kind is "trends".
func (t *trends) Kind() string { return "trends" }

func (t *trends) check() error {
	if len(t.Series) > maxSeries {
		return faultf(CodeInvalidValue, "/series", "%d series are too many; %d are answered at most", len(t.Series), maxSeries)
	}
	if len(t.Series) == 0 {
		return faultf(CodeMissingField, "/series", `give one to %d series, such as "series":[{"event":"purchase"}]`, maxSeries)
	}
	for i := range t.Series {
		if err := t.checkSeries(i); err != nil {
			return err
		}
	}
	if err := t.checkFormulas(); err != nil {
		return err
	}
	if err := t.Breakdown.check("/breakdown"); err != nil {
		return err
	}
	return checkRange(t.common, t.frame)
}

func (t *trends) checkSeries(i int) error {
	s, pointer := &t.Series[i], fmt.Sprintf("/series/%d", i)
	if s.Name == "" {
		s.Name = string(rune('A' + i))
	}
	if slices.ContainsFunc(t.Series[:i], func(o trendSeries) bool { return o.Name == s.Name }) {
		return faultf(CodeInvalidValue, pointer+"/name", "two series are called %q; give each a name of its own", s.Name)
	}
	if s.Measure == "" {
		s.Measure = measureTotal
	}
	if s.Per == "" {
		s.Per = perEvent
	}
	if err := s.Measure.check(s.Per, s.Property.given, pointer); err != nil {
		return err
	}
	if t.Cumulative && (s.Per != perEvent || s.Measure.activeDays() > 0) {
		return faultf(CodeInvalidValue, "/cumulative", "a %s per %s has no running total; set cumulative to false or choose total, users or sum per event", s.Measure, s.Per)
	}
	return nil
}

func (t *trends) checkFormulas() error {
	if len(t.Formulas) > maxSeries {
		return faultf(CodeInvalidValue, "/formulas", "%d formulas are too many; %d are computed at most", len(t.Formulas), maxSeries)
	}
	names := make([]string, len(t.Series))
	for i, s := range t.Series {
		names[i] = s.Name
	}
	for i := range t.Formulas {
		f, pointer := &t.Formulas[i], fmt.Sprintf("/formulas/%d", i)
		if strings.TrimSpace(f.Expr) == "" {
			return faultf(CodeMissingField, pointer+"/expr", `give the formula, such as "B / A"`)
		}
		if f.Name == "" {
			f.Name = f.Expr
		}
		var err error
		if f.formula, err = query.ParseFormula(f.Expr, names); err != nil {
			return expressionFault(CodeInvalidFormula, pointer+"/expr", err)
		}
	}
	return nil
}

// TrendsResult is the answer to a question about trends.
type TrendsResult struct {
	// Buckets are the beginnings of the buckets, RFC 3339 in the question's zone.
	Buckets []string `json:"buckets"`
	// Series holds one line per series and value of the breakdown, then one per
	// formula and value.
	Series []TrendLine `json:"series"`
	// Incomplete lists the indexes of buckets that the range cuts or that may
	// still change because the watermark has not passed their end.
	Incomplete []int `json:"incomplete"`
}

func (*TrendsResult) result() {}

// TrendLine is one line of the chart.
type TrendLine struct {
	Name string `json:"name"`
	// Breakdown is the property's value, "(none)" or "(other)"; absent where the
	// question has no breakdown.
	Breakdown *string `json:"breakdown,omitempty"`
	// Values has one figure per bucket: a JSON number, or null.
	Values []number `json:"values"`
	// Total is the measure taken over the whole range as one bucket.
	Total number `json:"total"`
	// Previous and PreviousTotal are those of the range before; present where
	// the question compares.
	Previous      []number `json:"previous,omitempty"`
	PreviousTotal *number  `json:"previous_total,omitempty"`
}

func (t *trends) answer(ctx context.Context, r *run) (Result, error) {
	f, err := t.frame(r.now)
	if err != nil {
		return nil, err
	}
	f.missing = r.missing
	r.describe(f)
	groups, err := t.groups(ctx, r, f)
	if err != nil {
		return nil, err
	}
	now, err := t.measureAll(ctx, r, f, groups)
	if err != nil {
		return nil, err
	}
	var before [][]line
	if t.Compare != "" {
		if before, err = t.measureAll(ctx, r, f.previous(), groups); err != nil {
			return nil, err
		}
	}
	result := &TrendsResult{Buckets: f.stamps(), Incomplete: f.incomplete(r.watermark)}
	result.Series = t.lines(groups.shown(now, before), groups, now, before, f.buckets())
	return result, nil
}

// measureAll answers every series over one range, then the formulas.
func (t *trends) measureAll(ctx context.Context, r *run, f frame, g groups) ([][]line, error) {
	var all [][]line
	for i := range t.Series {
		lines, err := t.measure(ctx, r, i, f, g)
		if err != nil {
			return nil, err
		}
		all = append(all, lines)
	}
	return append(all, t.evaluate(all, g)...), nil
}

// lines puts the result together: series by series, value by value.
func (t *trends) lines(shown []int, g groups, now, before [][]line, buckets int) []TrendLine {
	out := []TrendLine{}
	for i := range now {
		for _, slot := range shown {
			l := TrendLine{Name: t.lineName(i), Breakdown: g.label(slot), Values: now[i][slot].values, Total: now[i][slot].total}
			if before != nil {
				l.Previous = fit(before[i][slot].values, buckets)
				l.PreviousTotal = &before[i][slot].total
			}
			out = append(out, l)
		}
	}
	return out
}

func (t *trends) lineName(i int) string {
	if i < len(t.Series) {
		return t.Series[i].Name
	}
	return t.Formulas[i-len(t.Series)].Name
}

// fit aligns the previous range, which may have a bucket more or less where a
// clock change or a short month lies between.
func fit(values []number, n int) []number {
	if len(values) >= n {
		return values[:n]
	}
	return append(slices.Clone(values), make([]number, n-len(values))...)
}

package query

import "slices"

// shape is what a kind of question is about: the items behind its name, and the
// clauses that it takes.
type shape struct {
	kind      string
	separator string // what parts its items; "" for at most one
	least     int    // items that it needs
	most      int
	example   string
	clauses   []string
}

// shapes are the kinds of question that can be written as text.
func shapes() []shape {
	ranged := []string{"where", "last", "from", "to", "timezone"}
	bucketed := append(slices.Clone(ranged), "by", "hourly", "daily", "weekly", "monthly", "week_start")
	with := func(base []string, more ...string) []string { return append(slices.Clone(base), more...) }
	return []shape{
		{"trends", ",", 1, 20, "trends view, purchase by users last 30d by day", with(bucketed, "breakdown", "compare", "cumulative", "formula")},
		{"funnel", ">", 1, 20, "funnel view > add_to_cart > purchase within 1d last 30d",
			with(bucketed, "within", "breakdown", "ordered", "strict", "unordered", "excluding", "per", "finish_after_range", "show", "bins", "explain")},
		{"retention", "->", 2, 2, "retention signup -> purchase weekly 8 periods last 12w",
			with(bucketed, "breakdown", "periods", "cohort", "on_or_after", "min_occurrences", "periods_from")},
		{"lifecycle", "", 0, 1, "lifecycle view last 30d by week", bucketed},
		{"stickiness", "", 0, 1, "stickiness view last 14d", bucketed},
		{"paths", "", 0, 0, "paths from home steps 4 last 7d", with(ranged, "steps", "limit", "per", "gap", "items", "exclude", "group")},
		{"sessions", "", 0, 0, "sessions last 30d by day", with(bucketed, "gap", "breakdown")},
		{"revenue", "", 0, 0, "revenue last 90d by week breakdown category", with(bucketed, "breakdown", "currency", "customers")},
		{"video", "", 0, 1, `video "intro" last 30d`, with(bucketed, "breakdown")},
		{"windows", "", 0, 0, "windows last 1d", ranged},
	}
}

func shapeOf(kind string) (shape, bool) {
	all := shapes()
	i := slices.IndexFunc(all, func(s shape) bool { return s.kind == kind })
	if i < 0 {
		return shape{}, false
	}
	return all[i], true
}

func kindNames() []string {
	var names []string
	for _, s := range shapes() {
		names = append(names, s.kind)
	}
	return names
}

// valueType is what a setting takes.
type valueType string

const (
	wantsLength valueType = "a length of time such as 30m"
	wantsNumber valueType = "a whole number"
	wantsWord   valueType = "a word"
	wantsCode   valueType = "a code such as INR" // kept as it is written
)

// setting is a clause of one word and one value: the value goes into a field as
// it stands.
type setting struct {
	word  string
	field string
	takes valueType
}

func settings() []setting {
	return []setting{
		{"within", "window", wantsLength},
		{"gap", "gap", wantsLength},
		{"steps", "steps", wantsNumber},
		{"limit", "limit", wantsNumber},
		{"items", "items", wantsWord},
		{"cohort", "cohort", wantsWord},
		{"compare", "compare", wantsWord},
		{"per", "count_by", wantsWord}, // of paths: by
		{"bins", "bins", wantsNumber},
		{"min_occurrences", "min_occurrences", wantsNumber},
		{"periods_from", "periods_from", ""}, // 24h or calendar
		{"currency", "currency", wantsCode},
		{"customers", "top", wantsNumber},
		{"week_start", "week_start", wantsWord},
	}
}

// fieldOf is the field that a setting fills in a kind of question.
func (s setting) fieldOf(kind string) string {
	if s.word == "per" && kind == "paths" {
		return "by"
	}
	return s.field
}

// switchWord is a clause of one word.
type switchWord struct {
	word  string
	field string
	value any
}

func flags() []switchWord {
	return []switchWord{
		{"ordered", "order", "ordered"}, {"strict", "order", "strict"}, {"unordered", "order", "unordered"},
		{"cumulative", "cumulative", true}, {"on_or_after", "count", "on_or_after"}, {"finish_after_range", "finish_after_range", true},
		{"hourly", "interval", "hour"}, {"daily", "interval", "day"}, {"weekly", "interval", "week"}, {"monthly", "interval", "month"},
	}
}

// intervals and measures are what may follow `by`.
func intervals() []string { return []string{"minute", "10m", "hour", "day", "week", "month"} }

// views are what a funnel may show.
func views() []string { return []string{"steps", "time_to_convert", "trend"} }

func measures() []string {
	return []string{"total", "users", "new_users", "weekly_active", "monthly_active", "sessions", "unique",
		"sum", "avg", "min", "max", "median", "p90", "p95", "p99"}
}

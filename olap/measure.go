package olap

import (
	"encoding/json"
	"slices"
	"strings"
)

// measure is what a series takes of its events.
type measure string

const (
	measureTotal    measure = "total"
	measureUsers    measure = "users"
	measureNewUsers measure = "new_users"
	measureWeekly   measure = "weekly_active"
	measureMonthly  measure = "monthly_active"
	measureSessions measure = "sessions"
	measureUnique   measure = "unique"
	measureSum      measure = "sum"
	measureAvg      measure = "avg"
	measureMin      measure = "min"
	measureMax      measure = "max"
	measureMedian   measure = "median"
	measureP90      measure = "p90"
	measureP95      measure = "p95"
	measureP99      measure = "p99"
)

func (m *measure) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, m, slices.Concat(countingMeasures(), []measure{measureUnique}, numericMeasures())...)
}

func countingMeasures() []measure {
	return []measure{measureTotal, measureUsers, measureNewUsers, measureWeekly, measureMonthly, measureSessions}
}

func numericMeasures() []measure {
	return []measure{measureSum, measureAvg, measureMin, measureMax, measureMedian, measureP90, measureP95, measureP99}
}

// numeric measures read the property as a number.
func (m measure) numeric() bool { return slices.Contains(numericMeasures(), m) }

// activeDays is the length of the window that ends with each bucket, in days; 0
// for measures that look at the bucket alone.
func (m measure) activeDays() int {
	switch m {
	case measureWeekly:
		return 7
	case measureMonthly:
		return 30
	}
	return 0
}

// unit is what a measure is taken over.
type unit string

const (
	perEvent   unit = "event"
	perUser    unit = "user"
	perSession unit = "session"
)

func (u *unit) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, u, perEvent, perUser, perSession)
}

// compare says which range to set beside the one asked for.
type compare string

func (c *compare) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, c, "previous")
}

// check holds the combinations that mean something.
func (m measure) check(per unit, property bool, pointer string) error {
	switch {
	case per != perEvent && !m.numeric():
		return faultf(CodeInvalidValue, pointer+"/measure", "per %s takes a measure of figures, not %s; write one of %s", per, m, words(numericMeasures()))
	case per == perEvent && !property && (m.numeric() || m == measureUnique):
		return faultf(CodeMissingField, pointer+"/property", `%s needs a property, such as "amount"`, m)
	case property && !m.numeric() && m != measureUnique:
		return faultf(CodeInvalidValue, pointer+"/property", "%s takes no property; leave it out, or measure its sum, avg or unique values", m)
	}
	return nil
}

func words[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

// aggregate is an aggregate function in parts, so that it renders as a plain
// call, as a state, or as a merge of states.
type aggregate struct {
	name       string
	parameters string // in brackets, or empty
	arguments  string
	zero       bool // nothing measures 0, else null
}

func (a aggregate) plain() string { return a.name + a.parameters + "(" + a.arguments + ")" }
func (a aggregate) state() string { return a.name + "State" + a.parameters + "(" + a.arguments + ")" }
func (a aggregate) merge(state string) string {
	return a.name + "Merge" + a.parameters + "(" + state + ")"
}

// over gives the aggregate of a numeric measure over an SQL figure. exact says
// that the figure is a decimal, whose sum loses nothing.
func (m measure) over(figure string, exact bool) aggregate {
	switch m {
	case measureSum:
		if exact {
			return aggregate{name: "sum", arguments: figure, zero: true}
		}
		// Not over Nullable: read in the order of the key, the server (26.7) loses values then.
		return aggregate{name: "sumKahan", arguments: "ifNull(" + figure + ", 0)", zero: true}
	case measureAvg:
		return aggregate{name: "avg", arguments: figure}
	case measureMin, measureMax:
		return aggregate{name: string(m), arguments: figure}
	}
	return aggregate{name: "quantileExactInclusive", parameters: "(" + m.level() + ")", arguments: "toFloat64(" + figure + ")"}
}

func (m measure) level() string {
	switch m {
	case measureP90:
		return "0.9"
	case measureP95:
		return "0.95"
	case measureP99:
		return "0.99"
	}
	return "0.5"
}

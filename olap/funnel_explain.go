package olap

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// explainChoice asks which properties go with the loss at a step: true, or
// {"step":2,"properties":["country"]}.
type explainChoice struct {
	asked bool
	what  explainFields
}

type explainFields struct {
	Step       int            `json:"step"`
	Properties []propertyName `json:"properties"`
}

func (e *explainChoice) decodeJSON(raw json.RawMessage, pointer string) error {
	if json.Unmarshal(raw, &e.asked) == nil {
		return nil
	}
	if !strings.HasPrefix(string(raw), "{") {
		return faultf(CodeWrongType, pointer, `%s is not what explain takes; write true, or {"step":2,"properties":["country"]}`, shorten(raw))
	}
	e.asked = true
	return decodeValue(raw, pointer, reflect.ValueOf(&e.what).Elem())
}

// Bounds of an explanation.
const (
	maxExplainProperties = 50 // named in the question
	maxExplainKeys       = 30 // keys of properties, those that most users carry
	maxExplainValues     = 50 // of one property, those that most users carry
	maxExplainRows       = 20 // of the answer
	// significance is the share of false rows that is accepted among those called
	// significant.
	significance = 0.05
)

func (f *funnel) checkExplain() error {
	e := f.Explain
	switch {
	case !e.asked:
		return nil
	case f.View != viewSteps:
		return faultf(CodeInvalidValue, "/explain", `explain belongs to "view":"steps"; leave one of them out`)
	case f.CountBy == countSessions:
		return faultf(CodeInvalidValue, "/explain", `explain counts users; leave it out, or ask with "count_by":"user"`)
	case len(f.required()) < 2:
		return faultf(CodeInvalidValue, "/explain", "nobody can be lost in a funnel of one step; add another that everybody must take")
	case len(e.what.Properties) > maxExplainProperties:
		return faultf(CodeInvalidValue, "/explain/properties", "%d properties are too many; %d are looked at at most", len(e.what.Properties), maxExplainProperties)
	case e.what.Step == 0:
		return nil
	case e.what.Step == 1:
		return faultf(CodeInvalidValue, "/explain/step", "nobody can be lost before the first step; count from step 2")
	}
	return f.checkStep(e.what.Step, "/explain/step")
}

// FunnelExplanation sets the users lost at a step beside those who did it, by
// the properties of the event of the step before.
type FunnelExplanation struct {
	// Step is the one that is explained; Users got to the one before it, Lost of
	// them no further.
	Step  int    `json:"step"`
	Users uint64 `json:"users"`
	Lost  uint64 `json:"lost"`
	// Tested is how many values were compared.
	Tested int `json:"tested"`
	// Values lose more than the others do, significant ones first, then those that
	// explain most.
	Values []FunnelReason `json:"values"`
}

// FunnelReason is one value of a property, beside all other users.
type FunnelReason struct {
	Property string `json:"property"`
	Value    string `json:"value"` // "(none)": the event does not carry the property
	Users    uint64 `json:"users"`
	Lost     uint64 `json:"lost"`
	// LossRate is Lost of Users, LossRateOfOthers that of everyone else.
	LossRate         number `json:"loss_rate"`
	LossRateOfOthers number `json:"loss_rate_of_others"`
	// ShareOfLoss is the part of all lost users that has the value. Explains is the
	// part that would not be lost if these users were lost as often as the others.
	ShareOfLoss number `json:"share_of_loss"`
	Explains    number `json:"explains"`
	// PValue is that of a two-proportion z test; PAdjusted after Benjamini and
	// Hochberg, over all values tested.
	PValue      number `json:"p_value"`
	PAdjusted   number `json:"p_adjusted"`
	Significant bool   `json:"significant"`
	explains, p float64
}

// valueCount is one value as the store counted it: users who got to the step
// before, and those who went on. carried is both over all values of the property.
type valueCount struct {
	property, value           string
	users, converted          uint64
	carried, carriedAndWentOn uint64
}

// explain reads the values of the users who reached the step before the one
// with the largest loss, or the one asked about.
func (p *funnelPlan) explain(ctx context.Context, r *run, steps []FunnelStep) (*FunnelExplanation, error) {
	alone := *p.funnel
	alone.Breakdown = nil
	q := alone.plan(p.frame, r)
	step := p.Explain.what.Step
	if step == 0 {
		step = p.largestLoss(steps)
	}
	out := &FunnelExplanation{Step: step, Users: steps[p.before(step)-1].Count}
	out.Lost = out.Users - steps[step-1].Count
	var counts []valueCount
	err := q.each(ctx, r, func() error { return q.valuesBefore(step) }, func(rows driver.Rows) error {
		var c valueCount
		err := rows.Scan(&c.property, &c.value, &c.users, &c.converted, &c.carried, &c.carriedAndWentOn)
		counts = append(counts, c)
		return err
	})
	out.judge(counts)
	return out, err
}

// largestLoss is the required step that most users were lost before.
func (f *funnel) largestLoss(steps []FunnelStep) int {
	best, most := 0, uint64(0)
	for _, k := range f.required()[1:] {
		if lost := steps[f.before(k)-1].Count - steps[k-1].Count; best == 0 || lost > most {
			best, most = k, lost
		}
	}
	return best
}

// valuesBefore renders, for each property and value of the event that did the
// step before, how many users there are and how many went on. Of several events
// at that instant, the value that sorts first counts.
func (p *funnelPlan) valuesBefore(step int) error {
	p.byName = true
	before := p.link(p.before(step))
	p.text("SELECT property, value, users, converted, carried, carried_converted\nFROM\n(\n",
		"SELECT *, sum(users) OVER (PARTITION BY property) AS carried, sum(converted) OVER (PARTITION BY property) AS carried_converted\nFROM\n(\n",
		"SELECT property, value, count() AS users, countIf(went_on) AS converted\nFROM\n(\n",
		"SELECT reached_user, pair.1 AS property, min(pair.2) AS value, any(went_on) AS went_on\nFROM\n(\n",
		"SELECT reached_user, went_on, arrayJoin(", p.pairs(), ") AS pair\nFROM events\nINNER JOIN\n(\n",
		fmt.Sprintf("SELECT user_id AS reached_user, c%d + %s AS reached_at, depth >= %d AS went_on\nFROM\n(\n", before, p.bind(p.frame.from.UnixMilli()), before+1))
	if err := p.users("", ""); err != nil {
		return err
	}
	fits, err := p.didStep(before)
	p.text(fmt.Sprintf("\n)\nWHERE depth >= %d\n) AS reached ON events.user_id = reached_user AND toUnixTimestamp64Milli(events.timestamp) = reached_at\nWHERE ", before),
		allOf(during(p.statement, p.frame.from, p.last()), fits),
		"\n)\nGROUP BY reached_user, property\n)\nGROUP BY property, value\n)\n)",
		fmt.Sprintf("\nORDER BY users DESC, property, value\nLIMIT %d BY property\nLIMIT 5000", maxExplainValues))
	return err
}

// didStep renders which events may have done a step of the chain; unordered, any
// of them.
func (p *funnelPlan) didStep(link int) (string, error) {
	var parts []string
	for i, s := range p.links {
		if i+1 != link && p.Order != orderUnordered {
			continue
		}
		condition, _, err := p.fitsStep(i, s)
		if err != nil {
			return "", err
		}
		parts = append(parts, "("+condition+")")
	}
	fits := "(" + strings.Join(parts, " OR ") + ")"
	if !p.Where.given() {
		return fits, nil
	}
	where, err := p.Where.render(p.statement, p.frame.clock)
	return allOf(fits, where), err
}

// pairs renders the properties of an event as an array of (name, value), those
// it carries.
func (p *funnelPlan) pairs() string {
	chosen := p.Explain.what.Properties
	if len(chosen) > 0 {
		return "arrayFilter(pair -> pair.2 != '', " + p.named(chosen) + ")"
	}
	for _, name := range explainedColumns() {
		chosen = append(chosen, propertyName{property: property{label: name, column: name}})
	}
	const raw = "pair.2"
	return fmt.Sprintf(`arrayConcat(arrayFilter(pair -> pair.2 != '', %s), arrayMap(pair -> ('properties.' || pair.1, if(startsWith(%[2]s, '"'), JSONExtractString(%[2]s), %[2]s)),
    arrayFilter(pair -> %[2]s NOT IN ('null', '""') AND substring(%[2]s, 1, 1) NOT IN ('{', '[') AND NOT has(%[3]s, pair.1), JSONExtractKeysAndValuesRaw(properties))))`,
		p.named(chosen), raw, p.bind(append(hotNames(), "amount")))
}

func (p *funnelPlan) named(properties []propertyName) string {
	var parts []string
	for _, chosen := range properties {
		value := chosen.property
		parts = append(parts, fmt.Sprintf("(%s, if(%s, toString(%s), ''))", p.bind(value.label), value.present(p.statement), value.text(p.statement)))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// explainedColumns are the columns looked at where no property is named: those
// with values that many users share.
func explainedColumns() []string {
	rare := []string{"ip", "user_agent"}
	return slices.DeleteFunc(slices.Concat(contextNames(), hotNames()), func(name string) bool { return slices.Contains(rare, name) })
}

// judge tests the values and keeps those that explain a part of the loss.
func (e *FunnelExplanation) judge(counts []valueCount) {
	e.Values = []FunnelReason{}
	var all []FunnelReason
	for _, c := range e.withNone(e.frequent(counts)) {
		if reason, ok := e.compare(c); ok {
			all = append(all, reason)
		}
	}
	e.Tested = len(all)
	adjust(all)
	for _, reason := range all {
		if reason.explains > 0 {
			e.Values = append(e.Values, reason)
		}
	}
	slices.SortStableFunc(e.Values, func(a, b FunnelReason) int {
		if a.Significant != b.Significant {
			if a.Significant {
				return -1
			}
			return 1
		}
		return cmp.Or(-cmp.Compare(a.explains, b.explains), cmp.Compare(a.p, b.p), cmp.Compare(a.Property, b.Property), cmp.Compare(a.Value, b.Value))
	})
	e.Values = e.Values[:min(maxExplainRows, len(e.Values))]
}

// frequent leaves out keys of properties beyond those that most users carry.
func (e *FunnelExplanation) frequent(counts []valueCount) []valueCount {
	carried := map[string]uint64{}
	for _, c := range counts {
		if strings.HasPrefix(c.property, "properties.") {
			carried[c.property] = c.carried
		}
	}
	keys := slices.SortedFunc(slices.Values(sortedKeys(carried)), func(a, b string) int {
		return cmp.Or(-cmp.Compare(carried[a], carried[b]), cmp.Compare(a, b))
	})
	if len(keys) <= maxExplainKeys {
		return counts
	}
	rare := keys[maxExplainKeys:]
	return slices.DeleteFunc(counts, func(c valueCount) bool { return slices.Contains(rare, c.property) })
}

// withNone adds, for each property, the users whose event does not carry it.
func (e *FunnelExplanation) withNone(counts []valueCount) []valueCount {
	seen := map[string]bool{}
	out := counts
	for _, c := range counts {
		if !seen[c.property] {
			seen[c.property] = true
			out = append(out, valueCount{property: c.property, value: labelNone, users: e.Users - c.carried, converted: e.Users - e.Lost - c.carriedAndWentOn})
		}
	}
	return out
}

// compare sets the users with a value beside the others: a two-proportion z
// test with a pooled rate. Values are left out where fewer than 5 lost or
// converted users are expected on either side (Cochran's rule), for which the
// test is not made.
func (e *FunnelExplanation) compare(c valueCount) (FunnelReason, bool) {
	all, lost := float64(e.Users), float64(e.Lost)
	users, others := float64(c.users), all-float64(c.users)
	pooled := lost / all
	if math.Min(users, others)*math.Min(pooled, 1-pooled) < 5 || math.IsNaN(pooled) {
		return FunnelReason{}, false
	}
	lostHere := users - float64(c.converted)
	rate, rateOfOthers := lostHere/users, (lost-lostHere)/others
	z := (rate - rateOfOthers) / math.Sqrt(pooled*(1-pooled)*(1/users+1/others))
	reason := FunnelReason{
		Property: c.property, Value: c.value, Users: c.users, Lost: c.users - c.converted,
		LossRate: numberOf(rate), LossRateOfOthers: numberOf(rateOfOthers), ShareOfLoss: numberOf(lostHere / lost),
		explains: (lostHere - users*rateOfOthers) / lost, p: math.Erfc(math.Abs(z) / math.Sqrt2),
	}
	reason.Explains, reason.PValue = numberOf(reason.explains), numberOf(reason.p)
	return reason, true
}

// adjust corrects for having made many tests: Benjamini and Hochberg (1995),
// Controlling the False Discovery Rate, Journal of the Royal Statistical Society
// B 57. Of the values called significant, a share of 0.05 is expected to be so
// by chance.
func adjust(reasons []FunnelReason) {
	order := make([]int, len(reasons))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(reasons[a].p, reasons[b].p) })
	least := 1.0
	for place := len(order); place >= 1; place-- {
		reason := &reasons[order[place-1]]
		least = math.Min(least, reason.p*float64(len(order))/float64(place))
		reason.PAdjusted, reason.Significant = numberOf(least), least < significance
	}
}

package fraud

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// forestReason names the forest among the reasons.
const forestReason = "unusual_combination"

// byEffect puts the greatest effect first.
func byEffect(reasons []Reason) {
	slices.SortStableFunc(reasons, func(a, b Reason) int { return cmp.Compare(b.Effect, a.Effect) })
}

// tell says in a sentence why the rule holds.
func tell(r Rule, e *Event, p *Profile, all *Population, f *Features) string {
	switch r {
	case RuleFarAboveUsual:
		return tellAmount(e, p, all)
	case RuleHugeTooSoon:
		return tellAmount(e, p, all) + ", " + tellSince(e, p)
	case RuleSecondsApart:
		return upper(tellSince(e, p))
	case RuleNewDeviceHigh:
		return "A device not seen with this user before; " + lower(tellAmount(e, p, all))
	case RuleNewCountryHigh:
		return fmt.Sprintf("%s is new for this user; %s", e.Country, lower(tellAmount(e, p, all)))
	case RuleTakeover:
		return fmt.Sprintf("Both the country, %s, and the device are new for this user", e.Country)
	case RuleTravel:
		return tellTravel(e, p)
	case RuleCardTesting:
		return fmt.Sprintf("%s payments tried within 10 minutes, %s of the last hour's declined, for small amounts",
			counted(f[AttemptsTen]), counted(f[DeclinedHour]))
	case RulePurchaseBurst:
		return fmt.Sprintf("%s payments within the 10 minutes before", counted(f[AttemptsTen]))
	case RuleHugeForAnybody:
		center, _ := all.describe()
		amount, _ := e.logAmount()
		return fmt.Sprintf("%s times what purchases usually are, of any user", factor(math.Exp(amount-center)))
	}
	return ""
}

// counted is the count of which a feature is the logarithm.
func counted(feature float64) string { return fmt.Sprint(int(math.Round(math.Expm1(feature)))) }

// factor is a ratio as people say it.
func factor(ratio float64) string {
	if ratio < 10 {
		return fmt.Sprintf("%.1f", ratio)
	}
	return fmt.Sprintf("%.0f", ratio)
}

func tellAmount(e *Event, p *Profile, all *Population) string {
	amount, _ := e.logAmount()
	center, spread := all.describe()
	own := usualAmount(p, center, spread)
	money := fmt.Sprintf("%.2f %s", e.Amount, e.Currency)
	if p.purchases == 0 {
		return fmt.Sprintf("%s is %s times what a first purchase usually is", money, factor(math.Exp(amount-own.center)))
	}
	return fmt.Sprintf("%s is %s times what is usual for this user", money, factor(math.Exp(amount-own.center)))
}

// tellSince says how long ago the purchase before was.
func tellSince(e *Event, p *Profile) string {
	last := int64(math.MinInt64)
	for _, a := range p.tries() {
		if !a.declined && a.at <= e.At {
			last = max(last, a.at)
		}
	}
	if e.At-last < second {
		return "within one second of the last purchase"
	}
	return span(e.At-last) + " after the last purchase"
}

// tellTravel names the other country that was seen last.
func tellTravel(e *Event, p *Profile) string {
	key := countryKey(e.Country)
	var before habit
	for _, h := range p.countries {
		if h.key != 0 && h.key != key && h.last <= e.At && h.last >= before.last {
			before = h
		}
	}
	return fmt.Sprintf("In %s, and in %s at most %s before", e.Country, countryCode(before.key), span(e.At-before.last))
}

// span is a time in words short enough for a sentence.
func span(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", max(1, int(d.Seconds())))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	}
	return fmt.Sprintf("%d hours", int(d.Hours()))
}

// lower begins a clause.
func lower(sentence string) string {
	if sentence[0] >= 'A' && sentence[0] <= 'Z' {
		return string(sentence[0]+'a'-'A') + sentence[1:]
	}
	return sentence
}

// upper begins a sentence.
func upper(clause string) string {
	if clause[0] >= 'a' && clause[0] <= 'z' {
		return string(clause[0]-'a'+'A') + clause[1:]
	}
	return clause
}

// tellForest names the two features without which the forest would find the
// purchase least unusual: each is set to 0 in turn, which stands for nothing
// out of the ordinary.
func (m *Model) tellForest(v *Verdict) string {
	type part struct {
		feature Feature
		gain    float64
	}
	var parts []part
	for f := range featureCount {
		if v.Features[f] == 0 {
			continue
		}
		without := v.Features
		without[f] = 0
		if gain := v.Unusual - m.forest.Score(&without); gain > 0 {
			parts = append(parts, part{f, gain})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.gain, a.gain) })
	switch {
	case len(parts) == 0:
		return "Few purchases look like this one"
	case len(parts) == 1:
		return "Few purchases look like this one, mostly for its " + parts[0].feature.Name()
	}
	return fmt.Sprintf("Few purchases look like this one, mostly for its %s and %s", parts[0].feature.Name(), parts[1].feature.Name())
}

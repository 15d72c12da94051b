package fraud

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

var (
	//go:embed model.json
	modelJSON []byte
	//go:embed forest.bin
	forestBinary []byte
	//go:embed seen.json
	seenJSON []byte
)

// Params are the numbers of a model beside its forest. Effects are in log-odds,
// the unit in which they add up.
type Params struct {
	// Version is counted up with each change of numbers or forest.
	Version int `json:"version"`
	// Base is the sum's start, before any effect.
	Base float64 `json:"base"`
	// Rules are the effects of the rules where they hold in full, by name.
	Rules map[string]float64 `json:"rules"`
	// ForestEffect is the effect of a purchase that the forest finds as unusual
	// as ForestTo or more; it is none at ForestFrom.
	ForestEffect float64 `json:"forest_effect"`
	ForestFrom   float64 `json:"forest_from"`
	ForestTo     float64 `json:"forest_to"`
	// Review and Block are the scores from which the decisions are made.
	Review float64 `json:"review"`
	Block  float64 `json:"block"`
	// ReviewRate and BlockRate are the shares of honest purchases that reached
	// the thresholds when they were chosen.
	ReviewRate float64 `json:"review_false_positive_rate"`
	BlockRate  float64 `json:"block_false_positive_rate"`
	// Seeds of the traffic that everything above was chosen on.
	Seeds []uint64 `json:"tuning_seeds"`
}

// Validate reports every fault of the parameters at once.
func (p Params) Validate() error {
	var faults []error
	for r := range ruleCount {
		if effect, ok := p.Rules[r.Name()]; !ok || !(effect >= 0 && effect < 50) {
			faults = append(faults, fmt.Errorf("rule %s: effect %v; give one from 0 to 50", r.Name(), effect))
		}
	}
	if len(p.Rules) != RuleCount {
		faults = append(faults, fmt.Errorf("rules: %d effects for %d rules", len(p.Rules), RuleCount))
	}
	if !(p.ForestEffect >= 0) || !(p.ForestFrom < p.ForestTo) {
		faults = append(faults, fmt.Errorf("forest: effect %v between %v and %v; give one of at least 0, and a range", p.ForestEffect, p.ForestFrom, p.ForestTo))
	}
	if !(0 < p.Review && p.Review < p.Block && p.Block <= 1) {
		faults = append(faults, fmt.Errorf("thresholds: review %v and block %v; both must be in 0 to 1, review first", p.Review, p.Block))
	}
	return errors.Join(faults...)
}

// Model makes one score of the rules and the forest. It never changes and is
// safe for concurrent use.
type Model struct {
	params  Params
	effects [RuleCount]float64
	forest  *Forest
	seen    Seen
}

// NewModel joins parameters and forest.
func NewModel(params Params, forest *Forest) (*Model, error) {
	if err := params.Validate(); err != nil {
		return nil, fmt.Errorf("fraud model: %w", err)
	}
	m := &Model{params: params, forest: forest}
	for r := range ruleCount {
		m.effects[r] = params.Rules[r.Name()]
	}
	return m, nil
}

// DefaultModel is the one that comes with this binary; docs/fraud.md says how it
// was made.
func DefaultModel() (*Model, error) {
	var params Params
	if err := json.Unmarshal(modelJSON, &params); err != nil {
		return nil, fmt.Errorf("fraud model: %w", err)
	}
	forest := new(Forest)
	if err := forest.UnmarshalBinary(forestBinary); err != nil {
		return nil, fmt.Errorf("fraud model: %w", err)
	}
	m, err := NewModel(params, forest)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(seenJSON, &m.seen); err != nil {
		return nil, fmt.Errorf("fraud model: %w", err)
	}
	return m, nil
}

// Params are the model's numbers.
func (m *Model) Params() Params { return m.params }

// Decision is what to do with a purchase.
type Decision string

// The decisions.
const (
	Allow  Decision = "allow"  // nothing speaks against it
	Review Decision = "review" // a person should look at it
	Block  Decision = "block"  // it should not go through
)

// Verdict is the judgement of one purchase.
type Verdict struct {
	// Score is from 0, usual, to 1: the logistic function of Base and the sum of
	// all effects. Decisions are made by it.
	Score    float64
	Decision Decision
	// Base is where the sum starts.
	Base float64
	// Reasons are the rules that hold to any degree, and the forest, where they
	// have an effect; the greatest first.
	Reasons []Reason
	// Features are what the reasons were made of.
	Features Features
	// Unusual is the forest's own score, before it is scaled.
	Unusual float64
}

// Reason is one thing that speaks against a purchase.
type Reason struct {
	// Name is that of a [Rule], or "unusual_combination" for the forest.
	Name string `json:"reason"`
	// Effect is what it adds to the log-odds of the score.
	Effect float64 `json:"effect"`
	// Detail is a sentence for people.
	Detail string `json:"detail"`
}

// Take judges the event if it is a purchase, lets profile and population learn,
// and says whether the profile has changed. judged is false for what is no
// purchase, and for a repeat.
func (m *Model) Take(e *Event, p *Profile, all *Population) (v Verdict, judged, changed bool) {
	if e.Kind != KindPresence && p.isRepeat(e) {
		return v, false, false
	}
	if e.Kind == KindPurchase {
		v, judged = m.Judge(e, p, all), true
	}
	blocked := v.Decision == Block
	if amount, ok := e.logAmount(); ok && judged && !blocked {
		all.learn(amount)
	}
	return v, judged, p.learn(e, blocked)
}

// Judge says what to think of a purchase that was not made yet. Nothing is
// learnt.
func (m *Model) Judge(e *Event, p *Profile, all *Population) Verdict {
	v := Verdict{Base: m.params.Base, Features: look(e, p, all)}
	v.Unusual = m.forest.Score(&v.Features)
	degrees := Degrees(&v.Features)
	for r := range ruleCount {
		if effect := m.effects[r] * degrees[r]; effect > 0 {
			v.Reasons = append(v.Reasons, Reason{Name: r.Name(), Effect: effect, Detail: tell(r, e, p, all, &v.Features)})
		}
	}
	if effect := m.forestEffect(v.Unusual); effect > 0 {
		v.Reasons = append(v.Reasons, Reason{Name: forestReason, Effect: effect, Detail: m.tellForest(&v)})
	}
	byEffect(v.Reasons)
	v.Score = logistic(m.sum(&v.Features, v.Unusual))
	v.Decision = m.decide(v.Score)
	return v
}

// Score is that of a purchase with these features, as [Model.Judge] gives it.
func (m *Model) Score(f *Features) float64 { return logistic(m.sum(f, m.forest.Score(f))) }

// sum is the log-odds of the score, in the order in which Judge adds them up.
func (m *Model) sum(f *Features, unusual float64) float64 {
	sum := m.params.Base
	for r, degree := range Degrees(f) {
		if effect := m.effects[r] * degree; effect > 0 {
			sum += effect
		}
	}
	if effect := m.forestEffect(unusual); effect > 0 {
		sum += effect
	}
	return sum
}

// forestEffect scales the forest's score.
func (m *Model) forestEffect(unusual float64) float64 {
	return m.params.ForestEffect * ramp(unusual, m.params.ForestFrom, m.params.ForestTo)
}

func (m *Model) decide(score float64) Decision {
	switch {
	case score >= m.params.Block:
		return Block
	case score >= m.params.Review:
		return Review
	}
	return Allow
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

package fraud

import (
	"errors"
	"fmt"
	"math"
)

// ErrTooFewPurchases means that there is too little to learn from.
var ErrTooFewPurchases = errors.New("too few purchases were judged")

const (
	// leastPurchases to retrain on: block is chosen for one in 2,000.
	leastPurchases = 5000
	// mostPresumed is the share of purchases that may be presumed fraud. Where there
	// are more, the rules do not fit the shop, and nothing is presumed of anybody.
	mostPresumed = 0.03
	// newest is the part of the purchases that is held back to measure on.
	newest = 0.2
)

// Retraining is what was measured of a model made from a shop's own purchases.
type Retraining struct {
	Learnt int `json:"learnt"` // purchases that forest and thresholds are made from
	// PresumedFraud is the share of those that was left out of the choice of
	// thresholds: what the rules alone, as the binary brings them, would block.
	PresumedFraud float64 `json:"presumed_fraud"`
	Rates         Rates   `json:"rates"` // that the thresholds were chosen for
	// Before and After are the model in use and the new one on the newest purchases,
	// which the new one has not learnt from.
	Before Measured `json:"before"`
	After  Measured `json:"after"`
	Better bool     `json:"better"` // the new one should take over
	Reason string   `json:"reason"` // why, for people
}

// Measured is a model on purchases without labels.
type Measured struct {
	Purchases int `json:"purchases"`
	// Review and Block are the shares of the purchases not presumed fraud that reach
	// the thresholds: false positives, but for fraud that the rules do not know.
	Review float64 `json:"review_false_positive_rate"`
	Block  float64 `json:"block_false_positive_rate"`
	// Caught is the share of those presumed fraud that is reviewed or blocked; 1
	// where there are none.
	Caught float64 `json:"caught_presumed_fraud"`
}

// Retrain makes a model of a shop's own purchases, in the order of time and without
// labels. The forest is grown anew and the thresholds are chosen anew; the effects
// of rules stay those of current, for to know them takes labels. yardstick is the
// model whose rules tell what is presumed fraud: the same at each retraining, or
// each would presume more than the one before.
func Retrain(current, yardstick *Model, purchases []Features, rates Rates) (*Model, *Retraining, error) {
	if len(purchases) < leastPurchases {
		return nil, nil, fmt.Errorf("%w: %d of the %d that a training needs", ErrTooFewPurchases, len(purchases), leastPurchases)
	}
	held := int(float64(len(purchases)) * (1 - newest))
	learnt, test := purchases[:held], purchases[held:]
	forest, err := GrowForest(learnt, DefaultForestConfig())
	if err != nil {
		return nil, nil, err
	}
	honest, presumed := yardstick.presume(learnt)
	params := current.params
	params.Seeds = nil
	unusual := make([]float64, len(honest))
	for i := range honest {
		unusual[i] = forest.Score(&honest[i])
	}
	params.Scale(unusual)
	if !(params.ForestFrom < params.ForestTo) {
		return nil, nil, fmt.Errorf("%w: they are too much alike", ErrTooFewPurchases)
	}
	model, err := NewModel(params, forest)
	if err != nil {
		return nil, nil, err
	}
	sums := make([]float64, len(honest))
	for i := range honest {
		sums[i] = model.sum(&honest[i], unusual[i])
	}
	params.Place(params.Base, sums, rates)
	if model, err = NewModel(params, forest); err != nil {
		return nil, nil, err
	}
	r := &Retraining{
		Learnt: len(learnt), PresumedFraud: float64(len(presumed)) / float64(len(learnt)), Rates: rates,
		Before: current.measure(yardstick, test), After: model.measure(yardstick, test),
	}
	r.judge()
	return model.Having(learnt), r, nil
}

// presume tells apart what the rules alone would block.
func (m *Model) presume(purchases []Features) (honest, presumed []Features) {
	for i := range purchases {
		if logistic(m.sum(&purchases[i], 0)) >= m.params.Block {
			presumed = append(presumed, purchases[i])
		} else {
			honest = append(honest, purchases[i])
		}
	}
	if float64(len(presumed)) > mostPresumed*float64(len(purchases)) {
		return purchases, nil
	}
	return honest, presumed
}

// measure applies the model's thresholds.
func (m *Model) measure(yardstick *Model, purchases []Features) Measured {
	honest, presumed := yardstick.presume(purchases)
	share := func(of []Features, threshold float64) float64 {
		n := 0
		for i := range of {
			if m.Score(&of[i]) >= threshold {
				n++
			}
		}
		return float64(n) / float64(len(of))
	}
	caught := 1.0
	if len(presumed) > 0 {
		caught = share(presumed, m.params.Review)
	}
	return Measured{Purchases: len(purchases), Review: share(honest, m.params.Review), Block: share(honest, m.params.Block), Caught: caught}
}

// judge says whether the new model takes over: where the thresholds of the one
// before clearly do not fit the shop, the new ones come nearer to the rate wanted,
// and they do not let pass what the ones before caught.
//
// Clearly is by a factor of three. What is reviewed and not presumed fraud may be
// fraud all the same: in the tuning traffic, the model that was fitted with labels
// for 0.5 % reviews 1 % of it, and to halve that would only cost fraud.
func (r *Retraining) judge() {
	const clearly, letPass = 3, 0.05
	off := func(m Measured) float64 { return math.Abs(m.Review - r.Rates.Review) }
	fits := r.Before.Review <= clearly*r.Rates.Review && r.Before.Review >= r.Rates.Review/clearly
	r.Better = !fits && off(r.After) < off(r.Before) && r.After.Caught >= r.Before.Caught-letPass
	r.Reason = fmt.Sprintf("of the newest %d purchases it would have %.2f %% reviewed that the rules do not presume fraud, the version in use %.2f %%, where %.2f %% are wanted; of those presumed fraud %.0f %% and %.0f %%; thresholds that are off by less than a factor of three stay",
		r.After.Purchases, 100*r.After.Review, 100*r.Before.Review, 100*r.Rates.Review, 100*r.After.Caught, 100*r.Before.Caught)
}

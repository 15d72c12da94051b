package fraud

import (
	"math"
	"slices"
)

// Rates are the shares of honest purchases that may reach each threshold.
type Rates struct {
	Review, Block float64
}

// DefaultRates let one honest purchase in 200 be looked at, and one in 2,000 be
// stopped.
func DefaultRates() Rates { return Rates{Review: 0.005, Block: 0.0005} }

// Threshold is the least score at which no more than the given share of honest
// purchases is at or above it.
func Threshold(honest []float64, rate float64) float64 {
	sorted := slices.Clone(honest)
	slices.Sort(sorted)
	allowed := int(rate * float64(len(sorted)))
	if allowed >= len(sorted) {
		return 0
	}
	return math.Nextafter(sorted[len(sorted)-1-allowed], math.Inf(1))
}

// Scale sets from where to where the forest's score of a purchase counts: from one
// honest purchase in ten on, in full behind one in 2,000.
func (p *Params) Scale(unusual []float64) {
	p.ForestFrom = round(Threshold(unusual, 0.1), 4)
	p.ForestTo = round(Threshold(unusual, 0.0005), 4)
}

// Place sets the thresholds for the rates. sums are the log-odds of honest
// purchases that begin at base; base is moved so that review begins at 0.5.
func (p *Params) Place(base float64, sums []float64, rates Rates) {
	review, block := Threshold(sums, rates.Review), Threshold(sums, rates.Block)
	p.Base = round(base-review, 3)
	p.Review, p.Block = 0.5, round(logistic(max(block, review+0.1)-review), 4)
	p.ReviewRate, p.BlockRate = rates.Review, rates.Block
}

// round keeps so many decimals: numbers that people read.
func round(v float64, decimals int) float64 {
	scale := math.Pow(10, float64(decimals))
	return math.Round(v*scale) / scale
}

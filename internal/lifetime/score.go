package lifetime

import "math"

// Horizons of a [Score], in days.
const (
	ShortDays = 30
	LongDays  = 90
	ValueDays = 365
)

// annualDiscount is by how much a purchase in a year is worth less than one today.
const annualDiscount = 0.1

// Score is what the models say of one customer.
type Score struct {
	// Alive is P(alive): the probability that the customer has not left for good.
	Alive float64
	// PurchaseShort is the probability of at least one purchase within ShortDays.
	PurchaseShort float64
	// PurchasesShort and PurchasesLong are the purchases to expect within ShortDays
	// and LongDays.
	PurchasesShort, PurchasesLong float64
	// Spend is the value of a purchase to expect, and Value that of all purchases of
	// the next ValueDays, discounted by 10 % a year; both are not a number where
	// there is no model of spend.
	Spend, Value float64
}

// Score computes all figures of a customer.
func (m Model) Score(h History) Score {
	alive, later := m.Alive(h), m.aliveWith(h)
	s := Score{
		Alive:          alive,
		PurchaseShort:  m.PurchaseWithin(h, ShortDays/7.),
		PurchasesShort: alive * later.within(ShortDays/7.),
		PurchasesLong:  alive * later.within(LongDays/7.),
		Spend:          math.NaN(), Value: math.NaN(),
	}
	if m.Spend != nil {
		s.Spend = m.Spend.Spend(h)
		s.Value = s.Spend * alive * later.discounted(ValueDays/7.)
	}
	return s
}

// discounted is the number of purchases to expect in t weeks, each worth less the
// later it comes. Purchases are taken at the middle of each of a few periods.
func (e expected) discounted(t float64) float64 {
	const periods = 4
	sum, before := 0.0, 0.0
	for i := 1; i <= periods; i++ {
		end := t * float64(i) / periods
		until := e.within(end)
		middle := end - t/(2*periods)
		sum += (until - before) * math.Pow(1+annualDiscount, -middle*7/ValueDays)
		before = until
	}
	return sum
}

package lifetime

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
)

// GammaGamma holds the parameters of the Gamma-Gamma model of spend per
// transaction. V is gamma in the paper of Fader and Hardie (2013), in units of
// the currency.
type GammaGamma struct {
	P float64 `json:"p"`
	Q float64 `json:"q"`
	V float64 `json:"v"`
}

// Validate reports a parameter that is not a positive number.
func (m GammaGamma) Validate() error {
	var faults []error
	for _, p := range []struct {
		name  string
		value float64
	}{{"p", m.P}, {"q", m.Q}, {"v", m.V}} {
		if !(p.value > 0) || math.IsInf(p.value, 1) {
			faults = append(faults, fmt.Errorf("Gamma-Gamma parameter %s is %v: it must be a positive number; train the model again", p.name, p.value))
		}
	}
	return errors.Join(faults...)
}

// Spend is the expected value of the customer's next transaction (equation 5 of
// the paper): a mean of what they spent and of what everyone spends, in which
// their own weighs more with every repeat. Where nothing is known of the customer
// and the population has no finite mean (q at most 1), it is not a number.
func (m GammaGamma) Spend(h History) float64 {
	x := float64(max(h.Priced, 0))
	if h.MeanSpend <= 0 {
		x = 0 // paid nothing: not one of those the model is about
	}
	below := m.P*x + m.Q - 1
	if below <= 0 {
		return math.NaN()
	}
	return m.P * (m.V + x*h.MeanSpend) / below
}

// logLikelihood of the spends, and its gradient by p, q, v where grad is not nil.
func (m GammaGamma) logLikelihood(spends []Spend, grad []float64) float64 {
	logV, gammaQ, psiQ := math.Log(m.V), logGamma(m.Q), mathext.Digamma(m.Q)
	var sum, dp, dq, dv float64
	var at spendTerms // of the number of repeats at hand: spends come ordered by it
	for _, s := range spends {
		x := float64(s.Repeats)
		if s.Repeats != at.repeats {
			at = m.spendTerms(s.Repeats)
		}
		logMean, logBoth := math.Log(s.Mean), math.Log(m.V+x*s.Mean)
		sum += s.Customers * (at.log - gammaQ + m.Q*logV + (m.P*x-1)*logMean + m.P*x*at.logX - (m.P*x+m.Q)*logBoth)
		dp += s.Customers * (at.dp + x*(logMean+at.logX-logBoth))
		dq += s.Customers * (at.psi - psiQ + logV - logBoth)
		dv += s.Customers * (m.Q/m.V - (m.P*x+m.Q)/(m.V+x*s.Mean))
	}
	if grad != nil {
		grad[0], grad[1], grad[2] = dp, dq, dv
	}
	return sum
}

// spendTerms are the parts that depend on the number of repeats alone.
type spendTerms struct {
	repeats            int
	log, logX, psi, dp float64
}

func (m GammaGamma) spendTerms(repeats int) spendTerms {
	x := float64(repeats)
	psi := mathext.Digamma(m.P*x + m.Q)
	return spendTerms{
		repeats: repeats,
		log:     logGamma(m.P*x+m.Q) - logGamma(m.P*x),
		logX:    math.Log(x),
		psi:     psi,
		dp:      x * (psi - mathext.Digamma(m.P*x)),
	}
}

package lifetime

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
)

// BGNBD holds the parameters of the beta-geometric/NBD model; time is in weeks.
// Equations in comments are those of Fader, Hardie and Lee (2005).
type BGNBD struct {
	R     float64 `json:"r"`
	Alpha float64 `json:"alpha"`
	A     float64 `json:"a"`
	B     float64 `json:"b"`
}

// Validate reports a parameter that is not a positive number.
func (m BGNBD) Validate() error {
	var faults []error
	for _, p := range []struct {
		name  string
		value float64
	}{{"r", m.R}, {"alpha", m.Alpha}, {"a", m.A}, {"b", m.B}} {
		if !(p.value > 0) || math.IsInf(p.value, 1) {
			faults = append(faults, fmt.Errorf("BG/NBD parameter %s is %v: it must be a positive number; train the model again", p.name, p.value))
		}
	}
	return errors.Join(faults...)
}

// Alive is the probability that the customer has not left: that there will be
// further purchases some day. One who bought a single time is alive with
// certainty in this model, because customers leave after a repeat only; see
// [BGNBD.PurchaseWithin] for a score without that edge.
//
// It is 1/(1 + odds), where the odds are those of having left right after the
// last purchase.
func (m BGNBD) Alive(h History) float64 {
	if h.Repeats < 1 {
		return 1
	}
	x := float64(h.Repeats)
	logOdds := math.Log(m.A/(m.B+x-1)) + (m.R+x)*math.Log((m.Alpha+h.Age)/(m.Alpha+h.Recency))
	return 1 / (1 + math.Exp(logOdds))
}

// Purchases is the number of repeats to expect of a new customer within t weeks
// of the first purchase (equation 9).
func (m BGNBD) Purchases(t float64) float64 {
	return expected{rate: m.R, scale: m.Alpha, leave: m.A, stay: m.B}.within(t)
}

// PurchasesOf is the number of purchases to expect of the customer in the t weeks
// after the calibration (equation 10).
func (m BGNBD) PurchasesOf(h History, t float64) float64 {
	return m.Alive(h) * m.aliveWith(h).within(t)
}

// PurchaseWithin is the probability of at least one purchase in the t weeks after
// the calibration. As a churn score, 1 less it, it ranks customers with a single
// purchase too, whom P(alive) cannot tell apart.
//
// Someone alive buys at a rate that is gamma distributed with shape r+x and
// scale alpha+T, and leaves only after buying: no purchase in t has probability
// ((alpha+T)/(alpha+T+t))^(r+x).
func (m BGNBD) PurchaseWithin(h History, t float64) float64 {
	if t <= 0 {
		return 0
	}
	e := m.aliveWith(h)
	return m.Alive(h) * -math.Expm1(-e.rate*math.Log1p(t/e.scale))
}

// aliveWith is the customer's distribution of rates and probabilities, given that
// they are alive and their history.
func (m BGNBD) aliveWith(h History) expected {
	x := float64(max(h.Repeats, 0))
	return expected{rate: m.R + x, scale: m.Alpha + h.Age, leave: m.A, stay: m.B + x}
}

// logLikelihood of the groups (equation 6), and its gradient by r, alpha, a, b
// where grad is not nil. The two cases of the sum are added by their larger
// logarithm, so that nothing under- or overflows.
func (m BGNBD) logLikelihood(groups []Group, byRepeats []repeatTerms, grad []float64) float64 {
	logAlpha := math.Log(m.Alpha)
	var sum, dr, dalpha, da, db float64
	for _, g := range groups {
		x := float64(g.Repeats)
		t := &byRepeats[g.Repeats]
		logAge := math.Log(m.Alpha + g.Age)
		stayed := -(m.R + x) * logAge
		both, left, logRecency := stayed, 0.0, 0.0
		if g.Repeats > 0 {
			logRecency = math.Log(m.Alpha + g.Recency)
			gone := t.logLeave - (m.R+x)*logRecency
			both, left = logAdd(stayed, gone)
		}
		sum += g.Customers * (t.log + m.R*logAlpha + both)
		if grad == nil {
			continue
		}
		dr += g.Customers * (t.dr + logAlpha - (1-left)*logAge - left*logRecency)
		dalpha += g.Customers * (m.R/m.Alpha - (m.R+x)*((1-left)/(m.Alpha+g.Age)+left/(m.Alpha+g.Recency)))
		da += g.Customers * (t.da + left/m.A)
		db += g.Customers * t.db
		if g.Repeats > 0 {
			db -= g.Customers * left / (m.B + x - 1)
		}
	}
	if grad != nil {
		grad[0], grad[1], grad[2], grad[3] = dr, dalpha, da, db
	}
	return sum
}

// logAdd is log(exp(a) + exp(b)), and the share of b in the sum.
func logAdd(a, b float64) (sum, share float64) {
	if a > b {
		e := math.Exp(b - a)
		return a + math.Log1p(e), e / (1 + e)
	}
	e := math.Exp(a - b)
	return b + math.Log1p(e), 1 / (1 + e)
}

// repeatTerms are the parts of the likelihood that depend on a customer's number
// of repeats alone: gamma functions, the costly part, once per number.
type repeatTerms struct {
	log        float64 // without r log alpha
	logLeave   float64 // log a/(b+x-1)
	dr, da, db float64
}

// termsUpTo fills terms for all numbers of repeats that used has.
func (m BGNBD) termsUpTo(terms []repeatTerms, used []bool) {
	gammaR, gammaB, gammaAB := logGamma(m.R), logGamma(m.B), logGamma(m.A+m.B)
	psiR, psiB, psiAB := mathext.Digamma(m.R), mathext.Digamma(m.B), mathext.Digamma(m.A+m.B)
	for n := range terms {
		if !used[n] {
			continue
		}
		x := float64(n)
		psiABX := mathext.Digamma(m.A + m.B + x)
		terms[n] = repeatTerms{
			log: logGamma(m.R+x) - gammaR + gammaAB + logGamma(m.B+x) - gammaB - logGamma(m.A+m.B+x),
			dr:  mathext.Digamma(m.R+x) - psiR,
			da:  psiAB - psiABX,
			db:  psiAB + mathext.Digamma(m.B+x) - psiB - psiABX,
		}
		if n > 0 {
			terms[n].logLeave = math.Log(m.A) - math.Log(m.B+x-1)
		}
	}
}

// logGamma of a positive number.
func logGamma(x float64) float64 {
	value, _ := math.Lgamma(x)
	return value
}

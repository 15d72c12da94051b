package lifetime

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// expected is a customer who is alive: the purchase rate is gamma distributed
// with shape rate and scale 1/scale, the probability to leave after a purchase
// beta distributed with leave and stay.
type expected struct {
	rate, scale float64
	leave, stay float64
}

// within is the number of purchases to expect in t weeks.
//
// The paper's form has a hypergeometric function that grows beyond all bounds
// with the number of purchases, times a factor that vanishes. Euler's
// transformation takes both away: what is left,
//
//	c/(a-1) · (1 - (1-z)^(a-1) · 2F1(a-1, c-r; c; z)),  c = a+b-1, z = t/(scale+t),
//
// is of moderate size however large r and b are. At a = 1 and for c near 0 it is
// 0/0, and there the integral is taken instead.
func (e expected) within(t float64) float64 {
	if t <= 0 {
		return 0
	}
	c, z := e.leave+e.stay-1, t/(e.scale+t)
	if math.Abs(e.leave-1) < nearPole || c < nearPole {
		return e.integral(t)
	}
	rest := math.Exp((e.leave-1)*math.Log1p(-z)) * mathext.Hypergeo(e.leave-1, c-e.rate, c, z)
	value := c / (e.leave - 1) * (1 - rest)
	if math.IsNaN(value) || math.IsInf(value, 0) || value < 0 {
		return e.integral(t)
	}
	return value
}

// nearPole is how near the closed form may come to 0/0: about half of the digits
// are lost there.
const nearPole = 1e-4

// integral is within by quadrature: the mean over the beta distribution of
//
//	(1 - (1 + p·t/scale)^-rate) / p,
//
// which is what a customer with probability p to leave is expected to buy. Over
// the logit of p the integrand falls exponentially on both sides, where the
// trapezoidal rule converges faster than any power of the step.
func (e expected) integral(t float64) float64 {
	// The beta distribution, over the logit: its middle and its spread.
	middle, spread := math.Log(e.leave/e.stay), math.Sqrt(1/e.leave+1/e.stay)
	const negligible = 40 // exp(-40) is beyond the last digit
	from := middle - max((negligible+math.Log1p(e.rate*t/e.scale))/e.leave, 12*spread)
	to := middle + max(negligible/e.stay, 12*spread)
	step := min(0.25, spread/4)
	logBeta := mathext.Lbeta(e.leave, e.stay)
	sum := 0.0
	for v := from; v <= to; v += step {
		logP, logQ := -softplus(-v), -softplus(v)
		bought := e.rate * t / e.scale // where nobody leaves
		if p := math.Exp(logP); p > 1e-100 {
			bought = -math.Expm1(-e.rate*math.Log1p(p*t/e.scale)) / p
		}
		sum += math.Exp(e.leave*logP+e.stay*logQ-logBeta) * bought
	}
	return sum * step
}

// softplus is log(1 + exp(x)) for any x.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

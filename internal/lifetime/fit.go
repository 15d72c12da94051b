package lifetime

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/optimize"
)

// Errors that say why there is nothing to fit.
var (
	// ErrNoCustomers means that nobody bought within the calibration.
	ErrNoCustomers = errors.New("nobody bought anything until the end of the calibration: choose a later date, or check the dates of the purchases")
	// ErrNoRepeats means that nobody bought a second time: how often people return,
	// and when they stop, cannot be learned from that.
	ErrNoRepeats = errors.New("no customer bought on a second day: choose a later end of the calibration, or wait until there are repeat purchases")
	// ErrNoSpend means that no repeat purchase has a value.
	ErrNoSpend = errors.New("no repeat purchase has an amount above 0, so spend cannot be learned")
)

// Fit is a fitted model and how well it describes what it was fitted to.
type Fit[M any] struct {
	Model         M
	LogLikelihood float64
	Customers     float64
	// AtBounds tells that the likelihood was still rising where the search stopped,
	// at a parameter beyond 10,000 times its usual size or below a 10,000th of it:
	// the purchases do not tell how much customers differ. Forecasts for all remain
	// of use, those for one customer less so.
	AtBounds bool
}

// FitBGNBD finds the parameters of the greatest likelihood.
func FitBGNBD(groups []Group) (Fit[BGNBD], error) {
	var fit Fit[BGNBD]
	most, repeats, age := 0, 0.0, 0.0
	for _, g := range groups {
		if err := g.check(); err != nil {
			return fit, err
		}
		fit.Customers += g.Customers
		most = max(most, g.Repeats)
		repeats += g.Customers * float64(g.Repeats)
		age += g.Customers * g.Age
	}
	switch {
	case fit.Customers == 0:
		return fit, ErrNoCustomers
	case repeats == 0:
		return fit, ErrNoRepeats
	}
	used, terms := make([]bool, most+1), make([]repeatTerms, most+1)
	for _, g := range groups {
		used[g.Repeats] = true
	}
	mean := age / fit.Customers
	best, err := maximise(search{
		starts: [][]float64{{0.3, mean / 6, 0.8, 2.5}, {1, mean / 2, 0.5, 5}, {0.1, mean / 20, 2, 2}, {3, mean, 1, 1}},
		size:   []float64{1, max(mean, 1), 1, 1},
		weight: fit.Customers,
		value: func(p, grad []float64) float64 {
			m := BGNBD{p[0], p[1], p[2], p[3]}
			m.termsUpTo(terms, used)
			return m.logLikelihood(groups, terms, grad)
		},
	})
	if err != nil {
		return fit, fmt.Errorf("fit BG/NBD: %w", err)
	}
	fit.Model = BGNBD{best.at[0], best.at[1], best.at[2], best.at[3]}
	fit.LogLikelihood, fit.AtBounds = best.value, best.atBounds
	return fit, nil
}

// check refuses what cannot be a customer's history.
func (g Group) check() error {
	if g.Repeats < 0 || g.Customers < 0 || g.Recency < 0 || g.Age < g.Recency || (g.Repeats == 0) != (g.Recency == 0) ||
		math.IsNaN(g.Age) || math.IsInf(g.Age, 0) {
		return fmt.Errorf("%d repeats, recency %v and age %v weeks contradict each other: recency is 0 without repeats, above 0 with them, and never above age",
			g.Repeats, g.Recency, g.Age)
	}
	return nil
}

// FitGammaGamma finds the parameters of the greatest likelihood. It sorts spends
// in place.
func FitGammaGamma(spends []Spend) (Fit[GammaGamma], error) {
	var fit Fit[GammaGamma]
	total := 0.0
	for _, s := range spends {
		if s.Repeats < 1 || !(s.Mean > 0) || math.IsInf(s.Mean, 1) {
			return fit, fmt.Errorf("a mean spend of %v over %d repeats: both must be above 0", s.Mean, s.Repeats)
		}
		fit.Customers += s.Customers
		total += s.Customers * s.Mean
	}
	if fit.Customers == 0 {
		return fit, ErrNoSpend
	}
	slices.SortFunc(spends, func(a, b Spend) int {
		return cmp.Or(cmp.Compare(a.Repeats, b.Repeats), cmp.Compare(a.Mean, b.Mean))
	})
	mean := total / fit.Customers
	best, err := maximise(search{
		starts: [][]float64{{6, 4, mean / 2}, {1, 2, mean}, {2, 10, 5 * mean}},
		size:   []float64{1, 1, mean},
		weight: fit.Customers,
		value: func(p, grad []float64) float64 {
			return GammaGamma{p[0], p[1], p[2]}.logLikelihood(spends, grad)
		},
	})
	if err != nil {
		return fit, fmt.Errorf("fit Gamma-Gamma: %w", err)
	}
	fit.Model = GammaGamma{best.at[0], best.at[1], best.at[2]}
	fit.LogLikelihood, fit.AtBounds = best.value, best.atBounds
	return fit, nil
}

// search is a likelihood whose maximum is looked for among positive parameters.
type search struct {
	starts [][]float64
	size   []float64 // the usual size of each parameter
	weight float64   // customers, so that tolerances are per customer
	// value is the log-likelihood at p; it fills the gradient where that is not nil.
	value func(p, grad []float64) float64
}

type maximum struct {
	at       []float64
	value    float64
	atBounds bool
}

// bound is how far, in logarithms, a parameter may go from its usual size.
const bound = 9.21 // log 10,000

// maximise climbs from every start and keeps the highest top.
func maximise(s search) (maximum, error) {
	best := maximum{value: math.Inf(-1)}
	var failed error
	for _, start := range s.starts {
		top, err := s.climb(start)
		if err != nil {
			failed = err
			continue
		}
		if top.value > best.value {
			best = top
		}
	}
	if best.at == nil {
		return best, fmt.Errorf("no start led to a maximum: %w", failed)
	}
	return best, nil
}

// climb looks for the maximum near a start: by gradient first, and without it
// from where that ended, which also gets over a line search that gave up.
func (s search) climb(start []float64) (maximum, error) {
	at := make([]float64, len(start))
	for i := range at {
		at[i] = math.Log(start[i])
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 { return s.cost(x, nil) },
		Grad: func(grad, x []float64) { s.cost(x, grad) },
	}
	settings := &optimize.Settings{GradientThreshold: flat / 10, MajorIterations: 500, FuncEvaluations: 2000}
	if result, _ := optimize.Minimize(problem, at, settings, &optimize.BFGS{}); result != nil && usable(result.X) {
		at = result.X
		if s.slope(at) < flat {
			return s.top(at)
		}
	}
	settings = &optimize.Settings{MajorIterations: 2000, FuncEvaluations: 4000,
		Converger: &optimize.FunctionConverge{Absolute: 1e-13, Iterations: 60}}
	result, err := optimize.Minimize(problem, at, settings, &optimize.NelderMead{SimplexSize: 0.02})
	if result == nil || !usable(result.X) {
		return maximum{}, cmp.Or(err, errors.New("the likelihood is not a number"))
	}
	return s.top(result.X)
}

// flat is the gradient, per customer and by logarithms of the parameters, at
// which the top is reached.
const flat = 1e-6

// slope is the largest part of the gradient at x.
func (s search) slope(x []float64) float64 {
	grad := make([]float64, len(x))
	s.cost(x, grad)
	steepest := 0.0
	for _, g := range grad {
		steepest = max(steepest, math.Abs(g))
	}
	return steepest
}

// cost is what the optimizer makes small: less the log-likelihood of a customer,
// over logarithms of the parameters, with a steep wall beyond the bounds.
func (s search) cost(x, grad []float64) float64 {
	p, wall := make([]float64, len(x)), 0.0
	for i := range x {
		clipped := max(-bound, min(bound, x[i]-math.Log(s.size[i]))) + math.Log(s.size[i])
		p[i] = math.Exp(clipped)
		wall += (x[i] - clipped) * (x[i] - clipped)
	}
	cost := wall - s.value(p, grad)/s.weight
	for i := range grad {
		beyond := x[i] - math.Log(p[i])
		grad[i] *= -p[i] / s.weight
		if math.Abs(beyond) > 1e-12 {
			grad[i] = 2 * beyond
		}
	}
	return cost
}

func (s search) top(x []float64) (maximum, error) {
	m := maximum{at: make([]float64, len(x))}
	for i := range x {
		m.at[i] = math.Exp(x[i])
		if math.Abs(x[i]-math.Log(s.size[i])) > bound-0.01 {
			m.atBounds = true
		}
	}
	m.value = s.value(m.at, nil)
	if math.IsNaN(m.value) || math.IsInf(m.value, 0) {
		return m, errors.New("the likelihood is not a number")
	}
	return m, nil
}

// usable reports whether all are numbers.
func usable(x []float64) bool {
	return !slices.ContainsFunc(x, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

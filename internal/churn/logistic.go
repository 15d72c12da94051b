package churn

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
)

// sample is what a logistic regression is fitted to: rows of x with a target
// between 0 and 1 and a weight each.
type sample struct {
	columns int
	x       []float64 // row after row
	target  []float64
	weight  []float64
}

func newSample(rows, columns int) *sample {
	return &sample{
		columns: columns,
		x:       make([]float64, 0, rows*columns),
		target:  make([]float64, 0, rows),
		weight:  make([]float64, 0, rows),
	}
}

func (s *sample) add(x []float64, target, weight float64) {
	s.x = append(s.x, x...)
	s.target = append(s.target, target)
	s.weight = append(s.weight, weight)
}

func (s *sample) row(i int) []float64 { return s.x[i*s.columns : (i+1)*s.columns] }

// fitLogistic finds the coefficients that minimise the mean weighted log loss
// plus penalty/2 times the squares of all coefficients but the intercept. The
// intercept comes last.
func fitLogistic(s *sample, penalty float64) ([]float64, error) {
	l := logisticLoss{sample: s, penalty: penalty, scale: 1 / floats.Sum(s.weight)}
	problem := optimize.Problem{Func: l.value, Grad: l.gradient, Hess: l.hessian}
	const enough = 1e-9
	settings := &optimize.Settings{GradientThreshold: enough, MajorIterations: 200, Converger: optimize.NeverTerminate{}}
	result, err := optimize.Minimize(problem, make([]float64, s.columns+1), settings, &optimize.Newton{})
	if result == nil {
		return nil, fmt.Errorf("fit a logistic regression: %w", err)
	}
	// Near the minimum the line search may find no step that still lowers the
	// loss in the last bits. Whether it got there is told by the gradient.
	gradient := make([]float64, len(result.X))
	l.gradient(gradient, result.X)
	const acceptable = 1e-6
	if steepest := floats.Norm(gradient, math.Inf(1)); !(steepest < acceptable) {
		return nil, fmt.Errorf("fit a logistic regression: no minimum found, the gradient is still %.2g (%v)", steepest, result.Status)
	}
	return result.X, nil
}

// logisticLoss is the function that is minimised, with its derivatives.
type logisticLoss struct {
	*sample
	penalty float64
	scale   float64 // one over the sum of weights
}

// margin is the log-odds of row i.
func (l logisticLoss) margin(i int, w []float64) float64 {
	return floats.Dot(l.row(i), w[:l.columns]) + w[l.columns]
}

func (l logisticLoss) value(w []float64) float64 {
	var loss float64
	for i, target := range l.target {
		m := l.margin(i, w)
		loss += l.weight[i] * (softplus(m) - target*m)
	}
	squares := floats.Dot(w[:l.columns], w[:l.columns])
	return loss*l.scale + l.penalty/2*squares
}

func (l logisticLoss) gradient(into, w []float64) {
	clear(into)
	for i, target := range l.target {
		residual := l.weight[i] * l.scale * (sigmoid(l.margin(i, w)) - target)
		floats.AddScaled(into[:l.columns], residual, l.row(i))
		into[l.columns] += residual
	}
	floats.AddScaled(into[:l.columns], l.penalty, w[:l.columns])
}

func (l logisticLoss) hessian(into *mat.SymDense, w []float64) {
	n := l.columns
	h := make([]float64, (n+1)*(n+1)) // the upper triangle, row after row
	for i := range l.target {
		p := sigmoid(l.margin(i, w))
		curvature := l.weight[i] * l.scale * p * (1 - p)
		row := l.row(i)
		for a, xa := range row {
			if xa == 0 {
				continue
			}
			floats.AddScaled(h[a*(n+1)+a:a*(n+1)+n], curvature*xa, row[a:])
			h[a*(n+1)+n] += curvature * xa
		}
		h[n*(n+1)+n] += curvature
	}
	for a := range n + 1 {
		for b := a; b <= n; b++ {
			into.SetSym(a, b, h[a*(n+1)+b])
		}
		if a < n {
			into.SetSym(a, a, into.At(a, a)+l.penalty)
		}
	}
}

// softplus is ln(1+e^m) without overflow.
func softplus(m float64) float64 {
	return max(m, 0) + math.Log1p(math.Exp(-math.Abs(m)))
}

func sigmoid(m float64) float64 {
	if m < 0 {
		e := math.Exp(m)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-m))
}

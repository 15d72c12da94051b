package churn

import (
	"math"
	"math/rand/v2"
	"testing"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s: got %.9g, want %.9g ± %.1g", what, got, want, within)
	}
}

// With one yes-or-no feature and no penalty the solution is known: the intercept
// is the log-odds without the feature, the coefficient the logarithm of the odds
// ratio.
func TestFitOfTwoGroupsIsTheOddsRatio(t *testing.T) {
	s := newSample(8, 1)
	for i, target := range []float64{1, 0, 0, 0} { // 1 of 4
		s.add([]float64{0}, target, 1)
		s.add([]float64{1}, []float64{1, 1, 1, 0}[i], 1) // 3 of 4
	}
	w, err := fitLogistic(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "coefficient", w[0], math.Log(9), 1e-6)
	near(t, "intercept", w[1], math.Log(1.0/3), 1e-6)
}

// A weight of 3 is the same as the row three times.
func TestWeightsCountLikeRows(t *testing.T) {
	weighted, repeated := newSample(4, 1), newSample(8, 1)
	for i, x := range []float64{-1, 0.5, 2, 3} {
		target, weight := float64(i%2), float64(1+2*(i%2))
		weighted.add([]float64{x}, target, weight)
		for range int(weight) {
			repeated.add([]float64{x}, target, 1)
		}
	}
	a, err := fitLogistic(weighted, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := fitLogistic(repeated, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a {
		near(t, "coefficient", a[i], b[i], 1e-7)
	}
}

// At the minimum the slope is zero in every direction. It is computed here from
// the definition, not by the code under test.
func TestFitEndsWhereTheSlopeIsZero(t *testing.T) {
	const seed, rows, columns, penalty = 7, 200, 4, 0.05
	random := rand.New(rand.NewPCG(seed, 0))
	s := newSample(rows, columns)
	for range rows {
		x := make([]float64, columns)
		for j := range x {
			x[j] = random.NormFloat64()
		}
		x[3] = x[0] + 1e-3*random.NormFloat64() // nearly the same as another
		target := 0.0
		if random.Float64() < 1/(1+math.Exp(-(2*x[0]-x[1]))) {
			target = 1
		}
		s.add(x, target, 0.5+random.Float64())
	}
	w, err := fitLogistic(s, penalty)
	if err != nil {
		t.Fatal(err)
	}
	loss := func(w []float64) float64 {
		var sum, weights float64
		for i := range s.target {
			m := w[columns]
			for j, x := range s.row(i) {
				m += w[j] * x
			}
			p := 1 / (1 + math.Exp(-m))
			sum -= s.weight[i] * (s.target[i]*math.Log(p) + (1-s.target[i])*math.Log(1-p))
			weights += s.weight[i]
		}
		sum /= weights
		for _, c := range w[:columns] {
			sum += penalty / 2 * c * c
		}
		return sum
	}
	for j := range w {
		const step = 1e-5
		up, down := append([]float64(nil), w...), append([]float64(nil), w...)
		up[j] += step
		down[j] -= step
		near(t, "slope", (loss(up)-loss(down))/(2*step), 0, 1e-6)
		if loss(up) < loss(w) || loss(down) < loss(w) {
			t.Errorf("the loss falls in direction %d", j)
		}
	}
}

// Outcomes that a feature separates have no finite solution without a penalty.
func TestPenaltyKeepsSeparatedOutcomesFinite(t *testing.T) {
	s := newSample(4, 1)
	for _, x := range []float64{-2, -1, 1, 2} {
		s.add([]float64{x}, math.Max(0, math.Copysign(1, x)), 1)
	}
	w, err := fitLogistic(s, 1e-3)
	if err != nil {
		t.Fatal(err)
	}
	if w[0] < 1 || w[0] > 50 {
		t.Errorf("coefficient %v", w[0])
	}
	near(t, "intercept", w[1], 0, 1e-6)
}

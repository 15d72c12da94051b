package traffic

import (
	"math"
	"math/rand/v2"
)

// logNormal draws a value whose logarithm is normal around the median's.
func logNormal(rng *rand.Rand, median, sigma float64) float64 {
	return median * math.Exp(sigma*rng.NormFloat64())
}

// chance is true with the probability p.
func chance(rng *rand.Rand, p float64) bool { return rng.Float64() < p }

// alias draws an index with given weights in constant time (Walker 1977, in
// the form of Vose 1991).
type alias struct {
	keep  []float64
	other []int32
}

// newAlias prepares the tables for weights, of which at least one is positive.
func newAlias(weights []float64) alias {
	n := len(weights)
	a := alias{keep: make([]float64, n), other: make([]int32, n)}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	var small, large []int32
	for i, w := range weights {
		a.keep[i] = w * float64(n) / sum
		if a.keep[i] < 1 {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.other[s] = l
		a.keep[l] -= 1 - a.keep[s]
		if a.keep[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	// What is left is 1 up to rounding.
	for _, i := range append(small, large...) {
		a.keep[i] = 1
	}
	return a
}

// draw returns an index.
func (a alias) draw(rng *rand.Rand) int {
	x := rng.Float64() * float64(len(a.keep))
	i := int(x)
	if x-float64(i) < a.keep[i] {
		return i
	}
	return int(a.other[i])
}

// zipf returns n weights that fall with the rank to the power s.
func zipf(n int, s float64) []float64 {
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = math.Pow(float64(i+1), -s)
	}
	return weights
}

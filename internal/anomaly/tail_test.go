package anomaly

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestTailOfAKnownDistribution compares with the true probability, inside of
// what was seen and beyond.
func TestTailOfAKnownDistribution(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var tail tail
	for range 20_000 {
		tail.learn(math.Pow(1-r.Float64(), -1/3.0)) // Pareto: P(X > x) = x⁻³
	}
	for _, x := range []float64{1.5, 3, 10, 30} {
		want, got := 3*math.Log10(x), tail.surprise(x)
		if math.Abs(got-want) > 0.1+0.1*want {
			t.Errorf("surprise of %v is %.2f, the truth is %.2f", x, got, want)
		}
	}
}

func TestTailSaysNothingAtFirst(t *testing.T) {
	var tail tail
	for range tailLeast {
		if s := tail.surprise(1e6); s != 0 {
			t.Fatalf("surprise %v after %v points", s, tail.total)
		}
		tail.learn(1)
	}
	if tail.surprise(1e6) < 1 {
		t.Error("a million among ones is no surprise")
	}
}

// TestTailForgets: after a change of scale the old distances fade.
func TestTailForgets(t *testing.T) {
	var tail tail
	for range tailHorizon / 2 {
		tail.learn(1)
	}
	first := tail.surprise(100)
	for range 4 * tailHorizon {
		tail.learn(100)
	}
	if last := tail.surprise(100); last > 1 || last >= first {
		t.Errorf("surprise of what has become usual: %v, before %v", last, first)
	}
	if tail.total > tailHorizon {
		t.Errorf("%v points are counted, more than %v", tail.total, tailHorizon)
	}
}

// TestRecentMedian compares with sorting each time anew.
func TestRecentMedian(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	past := newRecent(50)
	var all []float64
	for range 500 {
		v := float64(r.IntN(20))
		past.add(v)
		all = append(all, v)
		last := all[max(0, len(all)-50):]
		var below, above int
		for _, x := range last {
			if x < past.median() {
				below++
			}
			if x > past.median() {
				above++
			}
		}
		if past.len() != len(last) || below > len(last)/2 || above > len(last)/2 {
			t.Fatalf("median %v of %v", past.median(), last)
		}
	}
}

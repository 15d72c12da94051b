package churn

import (
	"math"
	"slices"
)

// driftBins is how many groups of users a histogram aims at.
const driftBins = 10

// Histogram is how values were distributed in training. Bin k holds the values up
// to and including Edges[k] that no bin before it holds; the last bin has no edge.
type Histogram struct {
	Edges  []float64 `json:"edges"`
	Shares []float64 `json:"shares"`
}

// newHistogram cuts the values into tenths, or fewer groups where many values are
// equal. It sorts them in place.
func newHistogram(values []float64) Histogram {
	slices.Sort(values)
	h := Histogram{Edges: []float64{}}
	for k := 1; k < driftBins; k++ {
		edge := values[(k*len(values)-1)/driftBins]
		if n := len(h.Edges); (n == 0 || edge > h.Edges[n-1]) && edge < values[len(values)-1] {
			h.Edges = append(h.Edges, edge)
		}
	}
	counts := make([]int, len(h.Edges)+1)
	for _, v := range values {
		counts[h.bin(v)]++
	}
	h.Shares = shares(counts, len(values))
	return h
}

func (h Histogram) bin(value float64) int {
	bin, _ := slices.BinarySearch(h.Edges, value)
	return bin
}

func shares(counts []int, total int) []float64 {
	out := make([]float64, len(counts))
	for i, n := range counts {
		out[i] = float64(n) / float64(total)
	}
	return out
}

// stability is the population stability index of two distributions over the same
// bins: the sum of (now - then) ln(now / then). An empty bin counts as one in ten
// thousand.
func stability(then, now []float64) float64 {
	const least = 1e-4
	var sum float64
	for i := range then {
		a, b := max(then[i], least), max(now[i], least)
		sum += (b - a) * math.Log(b/a)
	}
	return sum
}

// Drift is how far users are from those of the training, as population stability
// indexes.
type Drift struct {
	Users    int
	Score    float64
	Features map[string]float64
}

// Tally counts users into the bins of the training.
type Tally struct {
	scorer   *Scorer
	users    int
	scores   []int
	features [][]int
}

// NewTally counts for the scorer's model.
func (s *Scorer) NewTally() *Tally {
	t := &Tally{scorer: s, scores: make([]int, len(s.model.Scores.Shares))}
	for _, w := range s.model.Weights {
		t.features = append(t.features, make([]int, len(w.Values.Shares)))
	}
	return t
}

// Add counts one user.
func (t *Tally) Add(values []float64, probability float64) {
	t.users++
	t.scores[t.scorer.model.Scores.bin(probability)]++
	for i, w := range t.scorer.model.Weights {
		t.features[i][w.Values.bin(values[t.scorer.columns[i]])]++
	}
}

// Drift compares the users counted so far with the training's. Without a user it
// is all 0.
func (t *Tally) Drift() Drift {
	d := Drift{Users: t.users, Features: map[string]float64{}}
	if t.users == 0 {
		return d
	}
	d.Score = stability(t.scorer.model.Scores.Shares, shares(t.scores, t.users))
	for i, w := range t.scorer.model.Weights {
		d.Features[w.Feature] = stability(w.Values.Shares, shares(t.features[i], t.users))
	}
	return d
}

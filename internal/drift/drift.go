package drift

import (
	"math"
	"slices"
)

// mostBins is how many groups a histogram aims at.
const mostBins = 10

// Histogram is how values were distributed in training. Bin k holds the values up
// to and including Edges[k] that no bin before it holds; the last bin has no edge.
type Histogram struct {
	Edges  []float64 `json:"edges"`
	Shares []float64 `json:"shares"`
}

// Of cuts the values, at least one, into tenths, or fewer groups where many values
// are equal. It sorts them in place.
func Of(values []float64) Histogram {
	slices.Sort(values)
	h := Histogram{Edges: []float64{}}
	for k := 1; k < mostBins; k++ {
		edge := values[(k*len(values)-1)/mostBins]
		if n := len(h.Edges); (n == 0 || edge > h.Edges[n-1]) && edge < values[len(values)-1] {
			h.Edges = append(h.Edges, edge)
		}
	}
	c := Count{edges: h.Edges, counts: make([]int, len(h.Edges)+1)}
	for _, v := range values {
		c.Add(v)
	}
	h.Shares = c.shares()
	return h
}

// Count counts values into the bins of a histogram.
type Count struct {
	edges  []float64
	then   []float64
	counts []int
	total  int
}

// Count begins a count of values to compare with those of the histogram. That of a
// zero histogram finds no drift in anything.
func (h Histogram) Count() *Count {
	return &Count{edges: h.Edges, then: h.Shares, counts: make([]int, len(h.Edges)+1)}
}

// Add counts one value.
func (c *Count) Add(value float64) {
	bin, _ := slices.BinarySearch(c.edges, value)
	c.counts[bin]++
	c.total++
}

func (c *Count) shares() []float64 {
	out := make([]float64, len(c.counts))
	for i, n := range c.counts {
		out[i] = float64(n) / float64(c.total)
	}
	return out
}

// Index is the population stability index of the values counted so far; 0 without
// any. An empty bin counts as one in ten thousand.
func (c *Count) Index() float64 {
	if c.total == 0 {
		return 0
	}
	const least = 1e-4
	var sum float64
	now := c.shares()
	for i := range c.then {
		a, b := max(c.then[i], least), max(now[i], least)
		sum += (b - a) * math.Log(b/a)
	}
	return sum
}

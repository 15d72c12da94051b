package anomaly

import (
	"math"
	"slices"
)

// history is the recent past that neighbours search, as one straight slice: it
// has room for twice what is kept, and moves its newer half down when full.
type history struct {
	values []float64
	keep   int
}

func newHistory(keep int) *history {
	return &history{values: make([]float64, 0, 2*keep), keep: keep}
}

func (h *history) add(v float64) {
	if len(h.values) == cap(h.values) {
		h.values = append(h.values[:0], h.values[len(h.values)-h.keep:]...)
	}
	h.values = append(h.values, v)
}

// neighbours asks how unlike the last points are to every stretch of the past
// of the same length: the distance to the nearest one, or to the rank-th.
type neighbours struct {
	past   *history // shared; the newest value is the point that is judged
	length int      // of a stretch, in points
	rank   int
	reach  int       // stretches that are searched, the newest ones
	best   []float64 // the rank smallest squared distances, ascending
	tail   tail
}

// neighboursLeast is how many stretches must be there to compare with.
const neighboursLeast = 20

func newNeighbours(past *history, length, rank, reach int) *neighbours {
	return &neighbours{past: past, length: length, rank: rank, reach: reach, best: make([]float64, 0, rank+1)}
}

func (n *neighbours) judge() float64 {
	values := n.past.values
	// A stretch that overlaps the last points is like them by itself.
	newest := len(values) - 2*n.length
	oldest := max(0, newest-n.reach+1)
	if newest-oldest+1 < neighboursLeast {
		return 0
	}
	last := values[len(values)-n.length:]
	n.best = n.best[:0]
	limit := math.Inf(1)
	for at := newest; at >= oldest; at-- {
		if d := squaredDistance(last, values[at:at+n.length], limit); d < limit {
			limit = n.insert(d)
		}
	}
	return n.tail.judge(math.Sqrt(n.best[len(n.best)-1]))
}

// insert keeps the smallest distances and returns what a further one must beat.
func (n *neighbours) insert(d float64) float64 {
	at, _ := slices.BinarySearch(n.best, d)
	n.best = slices.Insert(n.best, at, d)
	if len(n.best) < n.rank {
		return math.Inf(1)
	}
	n.best = n.best[:n.rank]
	return n.best[n.rank-1]
}

// squaredDistance gives up where it exceeds the limit. The newest points come
// first, because these are where a change shows.
func squaredDistance(a, b []float64, limit float64) float64 {
	var sum float64
	b = b[:len(a)]
	for i := len(a) - 1; i >= 0; i-- {
		d := a[i] - b[i]
		sum += d * d
		if sum > limit {
			break
		}
	}
	return sum
}

package anomaly

import "slices"

// recent keeps the last values, both in the order they came and sorted, so that
// their median costs nothing and one more costs a binary search and two moves.
type recent struct {
	ring   []float64 // the oldest is at next once the ring is full
	next   int
	sorted []float64
}

func newRecent(capacity int) recent {
	return recent{ring: make([]float64, 0, capacity), sorted: make([]float64, 0, capacity)}
}

// add takes a value in, and drops the oldest where there is no room.
func (r *recent) add(v float64) {
	if len(r.ring) < cap(r.ring) {
		r.ring = append(r.ring, v)
	} else {
		at, _ := slices.BinarySearch(r.sorted, r.ring[r.next])
		r.sorted = slices.Delete(r.sorted, at, at+1)
		r.ring[r.next] = v
		r.next = (r.next + 1) % len(r.ring)
	}
	at, _ := slices.BinarySearch(r.sorted, v)
	r.sorted = slices.Insert(r.sorted, at, v)
}

func (r *recent) len() int { return len(r.ring) }

// median is the upper median; 0 of nothing.
func (r *recent) median() float64 {
	if len(r.sorted) == 0 {
		return 0
	}
	return r.sorted[len(r.sorted)/2]
}

// quantile is the value at rank share of the sorted values; 0 of nothing.
func (r *recent) quantile(share float64) float64 {
	if len(r.sorted) == 0 {
		return 0
	}
	return r.sorted[int(share*float64(len(r.sorted)-1))]
}

package anomaly

import "math"

// Bucket is one closed hour or day of a figure. Of Exposed chances Seen came
// true: of the day's users those who met an error, of those who reached a step
// those who went on. Of a plain count Exposed is what was to be expected.
type Bucket struct{ Exposed, Seen float64 }

// Shift is a stretch of buckets whose rate was another than before.
type Shift struct {
	// First is the first bucket that shows it. Earliest is the first for which
	// nothing speaks against it: buckets without a chance to show it lie between.
	First, Earliest int
	// End is the bucket after the last; the number of buckets while it lasts.
	End int
	// Detected is the bucket after which it was known.
	Detected int
	Open     bool // it had not ended by the last bucket
	// Before and During are the rates. Noise says how many times the variance of
	// the rate before exceeded that of independent chances; 1 or more.
	Before, During, Noise float64
	// Evidence is the logarithm of how many times likelier the buckets are with
	// the shift than without.
	Evidence float64
}

// The search for shifts. A rate must at least double or halve: on months of
// data smaller moves are beyond doubt as well, and nobody calls them incidents.
const (
	shiftRatio    = 2.0
	shiftLeast    = 28  // buckets before the first shift
	shiftBase     = 60  // buckets before a shift that are the rate before
	shiftBack     = 30  // buckets that a shift may have lasted when it is found
	baseExposed   = 100 // chances that a rate must rest on
	shiftExposed  = 5
	earliestBack  = 14
	earliestDoubt = 1.35 // half the 90 % quantile of χ² with one degree of freedom
	tiny          = 1e-9
)

// Shifts finds shifts in the order of time, each bucket judged by those before
// it: the generalised likelihood ratio test of Siegmund and Venkatraman (1995)
// for chances, or for plain counts, with the variance that the series has. A
// shift ends by the same measure of evidence. While one lasts the rate before
// it stays what is usual, so a month of trouble does not become the new normal.
func Shifts(buckets []Bucket, counts bool, evidence float64) []Shift {
	f := &shiftFinder{buckets: buckets, counts: counts, evidence: evidence}
	for t := shiftLeast; t < len(buckets); t++ {
		if f.open == nil {
			f.begin(t)
		} else {
			f.end(t)
		}
	}
	if f.open != nil {
		f.open.End, f.open.Open = len(buckets), true
		f.close(len(buckets))
	}
	return f.found
}

type shiftFinder struct {
	buckets  []Bucket
	counts   bool // Seen may exceed Exposed
	evidence float64
	found    []Shift
	open     *Shift
}

// begin looks whether a shift has begun by bucket t.
func (f *shiftFinder) begin(t int) {
	var best Shift
	var sum Bucket
	for s := t; s > max(f.free(), t-shiftBack) && s >= shiftLeast; s-- {
		sum.add(f.buckets[s])
		if sum.Exposed < shiftExposed {
			continue
		}
		if c, ok := f.candidate(s, sum); ok && c.Evidence > best.Evidence {
			best = c
		}
	}
	if best.Evidence > f.evidence {
		best.Detected = t
		f.open = &best
	}
}

// free is the last bucket of the shift before; −1 where there was none.
func (f *shiftFinder) free() int {
	if len(f.found) == 0 {
		return -1
	}
	return f.found[len(f.found)-1].End - 1
}

// candidate weighs a shift from bucket s on, where the buckets since sum up to sum.
func (f *shiftFinder) candidate(s int, sum Bucket) (Shift, bool) {
	base, noise := f.base(s)
	if base.Exposed < baseExposed {
		return Shift{}, false
	}
	before := f.rate(base)
	during := sum.Seen / sum.Exposed
	if !f.differs(before, during) {
		return Shift{}, false
	}
	return Shift{First: s, Before: before, During: during, Noise: noise, Evidence: f.likelihood(sum, before, during) / noise}, true
}

// base is what the buckets before s sum up to, without earlier shifts, and how
// much noisier than chance they are.
func (f *shiftFinder) base(s int) (sum Bucket, noise float64) {
	usual := func(yield func(Bucket)) {
		for i := max(0, s-shiftBase); i < s; i++ {
			if !f.shifted(i) {
				yield(f.buckets[i])
			}
		}
	}
	usual(func(b Bucket) { sum.add(b) })
	rate := f.rate(sum)
	var squares, n float64
	usual(func(b Bucket) {
		if b.Exposed > 0 {
			off := b.Seen - rate*b.Exposed
			squares, n = squares+off*off/f.variance(rate, b.Exposed), n+1
		}
	})
	return sum, max(1, squares/max(1, n-1))
}

// rate is that of the buckets before. A plain count is exposed to what was to
// be expected, so its rate is 1; and what never happened has a rate too.
func (f *shiftFinder) rate(base Bucket) float64 {
	if f.counts {
		return 1
	}
	return (base.Seen + 0.5) / (base.Exposed + 1)
}

func (f *shiftFinder) variance(rate, exposed float64) float64 {
	if f.counts {
		return max(rate*exposed, tiny)
	}
	return max(rate*(1-rate)*exposed, tiny)
}

func (f *shiftFinder) shifted(bucket int) bool {
	for i := range f.found {
		if f.found[i].First <= bucket && bucket < f.found[i].End {
			return true
		}
	}
	return false
}

// differs compares odds, or rates of counts.
func (f *shiftFinder) differs(before, during float64) bool {
	ratio := during / before
	if !f.counts {
		ratio = during * (1 - before) / max(tiny, before*(1-during))
	}
	return ratio >= shiftRatio || ratio <= 1/shiftRatio
}

// likelihood is the logarithm of how much likelier the sum is at the rate
// during than at the rate before.
func (f *shiftFinder) likelihood(sum Bucket, before, during float64) float64 {
	before, during = max(before, tiny), max(during, tiny)
	if f.counts {
		return sum.Seen*math.Log(during/before) - sum.Exposed*(during-before)
	}
	before, during = min(before, 1-tiny), min(during, 1-tiny)
	return sum.Seen*math.Log(during/before) + (sum.Exposed-sum.Seen)*math.Log((1-during)/(1-before))
}

// end looks whether the open shift was over by bucket t, and otherwise learns
// its rate.
func (f *shiftFinder) end(t int) {
	var sum Bucket
	best, from := 0.0, t
	// Of a rate that has fallen to nothing, one single success would be proof.
	during := max(f.open.During, 0.5/(f.total(f.open.First, t).Exposed+1))
	for s := t; s > f.open.First; s-- {
		sum.add(f.buckets[s])
		if e := f.likelihood(sum, during, f.open.Before) / f.open.Noise; e > best {
			best, from = e, s
		}
	}
	if best > f.evidence {
		f.close(from)
		return
	}
	if all := f.total(f.open.First, t+1); best < 1 && f.differs(f.open.Before, all.Seen/all.Exposed) {
		f.open.During = all.Seen / all.Exposed
	}
}

// close fills in what is known once the end is.
func (f *shiftFinder) close(end int) {
	s := f.open
	s.End = end
	sum := f.total(s.First, end)
	s.During = sum.Seen / max(sum.Exposed, tiny)
	s.Evidence = f.likelihood(sum, s.Before, s.During) / s.Noise
	s.Earliest = f.earliest(s)
	f.found = append(f.found, *s)
	f.open = nil
}

// earliest goes back over buckets that do not speak against the shift.
func (f *shiftFinder) earliest(s *Shift) int {
	earliest := s.First
	var doubt float64
	for i := s.First - 1; i >= max(0, f.free()+1, s.First-earliestBack); i-- {
		doubt -= f.likelihood(f.buckets[i], s.Before, s.During) / s.Noise
		if doubt > earliestDoubt {
			break
		}
		earliest = i
	}
	return earliest
}

func (f *shiftFinder) total(from, to int) (sum Bucket) {
	for _, b := range f.buckets[from:to] {
		sum.add(b)
	}
	return sum
}

func (b *Bucket) add(other Bucket) { b.Exposed += other.Exposed; b.Seen += other.Seen }

package incident

// explainsPart of what was too much must lie within one value of a property,
// and explainsMore than the value's part of the whole.
const (
	explainsPart = 0.8
	explainsMore = 0.25
)

// explain looks for the value that most of each open shift of the whole belongs
// to, by what the rings hold of it: while a shift lasts longer than that, what
// explained it then explains it.
func (w *Watch) explain(n int) {
	whole := w.parts[part{}]
	if whole == nil {
		return
	}
	for measure, s := range whole.series {
		if s.Open != nil && s.index(n, s.Open.First) > 0 {
			s.Open.Because = w.because(measure, s, n)
		}
	}
}

func (w *Watch) because(measure string, whole *series, n int) (found Explanation) {
	all := whole.excess(n, whole.Open)
	best := explainsMore
	for p, f := range w.parts {
		s := f.series[measure]
		if p == (part{}) || s == nil {
			continue
		}
		of := s.excess(n, whole.Open)
		excess := of.Seen / all.Seen
		more := excess - of.Exposed/all.Exposed
		if excess >= explainsPart && (more > best || more == best && p.before(found)) {
			best = more
			found = Explanation{Property: p.Property, Value: p.Value, Part: min(1, excess)}
		}
	}
	return found
}

func (p part) before(e Explanation) bool {
	return p.Property < e.Property || p.Property == e.Property && p.Value < e.Value
}

// excess is the exposure since the shift began, and what was seen beyond the
// rate before it. Of counts each series has a rate of its own.
func (s *series) excess(n int, o *Shift) Bucket {
	sum := s.ringSum(n, o.First)
	rate := o.Before
	if !s.Kind.shares() {
		rate = s.rateBefore(n, o.First)
		sum.Exposed *= rate // what was to be expected
		rate = 1
	}
	sum.Seen -= rate * sum.Exposed
	return sum
}

// rateBefore is the rate of the windows before one.
func (s *series) rateBefore(n, first int) float64 {
	base := s.Base
	for _, p := range s.Ring[:s.index(n, first)] {
		if !p.Out {
			base.add(p)
		}
	}
	return base.rate(s.Kind)
}

package incident

// Shift is a stretch of windows whose rate was another than before.
type Shift struct {
	Grid            string // Hour or Day, whose numbers the windows have
	Kind            Kind
	Measure         string
	Property, Value string // both empty for the whole

	// First is the first window that shows it. Earliest is the first for which
	// nothing speaks against it: windows without a chance to show it lie between.
	First, Earliest int
	End             int // the window after the last; while it lasts, after the newest
	Detected        int // the window after which it was known
	Over            bool
	Stays           bool // it did not end: the new rate counts as usual since
	// Before and During are the rates. Noise says how many times the variance
	// exceeds that of independent chances.
	Before, During, Noise float64
	// Evidence is the logarithm of how many times likelier the windows are with
	// the shift than without.
	Evidence float64
	Total    Bucket // of the windows from First to End

	// Because is the value that explains most of it; see [Watch.explain].
	Because Explanation
	// Step is the event behind which it lies, if one was found; see [Refine].
	Step string
}

// Explanation is the value of a property that most of an excess belongs to, and
// its part of it, 0…1. Empty where it is spread evenly.
type Explanation struct {
	Property, Value string
	Part            float64
}

// Figures of a shift per window, in the unit of its figure: what was expected,
// of which 95 % of usual windows lie between Low and High, and what was seen.
type Figures struct{ Expected, Low, High, Seen float64 }

// Figures says what was expected and what was seen.
func (s *Shift) Figures() Figures {
	exposed := s.Total.Exposed / float64(max(1, s.End-s.First))
	unit := exposed
	if s.Kind.shares() {
		unit = 1
	}
	b := s.Kind.band(s.Before, exposed, s.Noise)
	return Figures{Expected: b.Expected, Low: b.Low, High: b.High, Seen: s.During * unit}
}

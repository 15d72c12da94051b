package incident

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Watch sees the windows of one grid, each once and in order, and finds the
// shifts of all figures, by the values of properties. What it keeps is bounded
// and can be saved; see [Watch.Save]. It belongs to one goroutine.
type Watch struct {
	cfg  Config
	grid Grid

	next    int // the number of the window that comes next
	parts   map[part]*figures
	ended   []Shift // over, the oldest first
	ignored int     // parts that came when there were too many
}

// part is the whole, or the events with one value of a property.
type part struct{ Property, Value string }

// figures are the series of a part, by measure.
type figures struct {
	// never is a share of users that never came true: what a type of event was
	// before it came for the first time.
	never  *series
	series map[string]*series
	quiet  int // windows since there was a user
}

// Bounds of a watch.
const (
	mostSeries     = 20_000
	valuesOf       = 100 // values of one property that are watched
	endedKept      = 400 * 24
	quietForgotten = 60 // days after which a part without users is forgotten
)

// NewWatch sees windows from number first on.
func NewWatch(cfg Config, grid Grid, first int) (*Watch, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Watch{cfg: cfg, grid: grid, next: first, parts: map[part]*figures{}}, nil
}

// Next is the number of the window that Feed takes.
func (w *Watch) Next() int { return w.next }

// Series is how many series are watched.
func (w *Watch) Series() (n int) {
	for _, f := range w.parts {
		n += len(f.series)
	}
	return n
}

// Ignored is how often a value came that is not watched, because there are too many.
func (w *Watch) Ignored() int { return w.ignored }

// Feed takes the next window in. What it does not mention did not happen.
func (w *Watch) Feed(win Window) {
	n := w.next
	seen := observe(win)
	for p, o := range seen {
		w.admit(p, o)
	}
	bar := w.cfg.bar(w.Series(), w.grid.perDay)
	for p, f := range w.parts {
		w.step(p, f, seen[p], n, bar)
	}
	w.explain(n)
	w.next++
	w.forget(n)
	slices.SortStableFunc(w.ended, func(a, b Shift) int { // maps have no order
		return cmp.Or(cmp.Compare(a.End, b.End), strings.Compare(a.Measure, b.Measure), strings.Compare(a.Property, b.Property), strings.Compare(a.Value, b.Value))
	})
}

// step shows a part's series what the window had for them.
func (w *Watch) step(p part, f *figures, seen *observed, n int, bar bar) {
	users := 0.0
	if seen != nil {
		users = seen.users
	}
	if f.quiet++; users > 0 {
		f.quiet = 0
	}
	f.never.step(w.grid, n, Bucket{Exposed: users}, bar)
	for measure, s := range f.series {
		ended := s.step(w.grid, n, seen.bucket(measure, s, w.grid, n), bar)
		if s.Open != nil && s.Open.Grid == "" {
			w.name(s.Open, s.Kind, measure, p)
		}
		if ended != nil {
			w.ended = append(w.ended, *ended)
		}
	}
}

func (w *Watch) name(s *Shift, kind Kind, measure string, p part) {
	s.Grid, s.Kind, s.Measure, s.Property, s.Value = w.grid.Name, kind, measure, p.Property, p.Value
}

// Shifts lists all that are known, those that last too, with the evidence that
// they have by now.
func (w *Watch) Shifts() []Shift {
	all := slices.Clone(w.ended)
	for _, p := range w.partsInOrder() {
		f := w.parts[p]
		for _, measure := range f.measures() {
			if s := f.series[measure]; s.Open != nil {
				all = append(all, *s.Open)
			}
		}
	}
	return all
}

// forget drops what is too old to matter.
func (w *Watch) forget(n int) {
	for p, f := range w.parts {
		if p != (part{}) && f.quiet > quietForgotten*w.grid.perDay && !f.open() {
			delete(w.parts, p)
		}
	}
	w.ended = slices.DeleteFunc(w.ended, func(s Shift) bool { return n-s.End > endedKept/24*w.grid.perDay })
}

func (f *figures) open() bool {
	for _, s := range f.series {
		if s.Open != nil {
			return true
		}
	}
	return false
}

func (w *Watch) partsInOrder() []part {
	return slices.SortedFunc(maps.Keys(w.parts), func(a, b part) int {
		return cmp.Or(strings.Compare(a.Property, b.Property), strings.Compare(a.Value, b.Value))
	})
}

func (f *figures) measures() []string { return slices.Sorted(maps.Keys(f.series)) }

package incident

import (
	"cmp"
	"slices"
	"time"
)

// Incident is what happened in one stretch of time, however many figures show it.
type Incident struct {
	// Lead is the shift with the strongest evidence; it names the figure and what
	// was expected of it.
	Lead Shift
	// Start is the earliest moment that nothing speaks against, FirstSeen the
	// start of the first window that shows it, End the end of the last, and
	// DetectedAt the end of the window by which it was known.
	Start, FirstSeen, End, DetectedAt time.Time
	Ongoing                           bool
	// Measures are all figures that moved, the strongest first.
	Measures []string
}

// stretch is a shift in time.
type stretch struct {
	*Shift
	start, first, end time.Time
	window            time.Duration
}

// Incidents joins the shifts of one time, whatever their grid. The one with
// most evidence leads; what lies within it for the better part belongs to it,
// and what follows of the same figure after a short pause continues it.
func Incidents(shifts []Shift, grids ...Grid) []Incident {
	all := stretches(shifts, grids)
	slices.SortStableFunc(all, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(b.Evidence, a.Evidence), a.first.Compare(b.first), cmp.Compare(a.Property, b.Property), cmp.Compare(a.Value, b.Value))
	})
	var incidents []Incident
next:
	for _, s := range all {
		for i := range incidents {
			if incidents[i].covers(s) || incidents[i].continues(s) {
				incidents[i].join(s)
				continue next
			}
		}
		if whole, ok := s.whole(all); ok {
			s = whole
		}
		incidents = append(incidents, Incident{
			Lead: *s.Shift, Start: s.start, FirstSeen: s.first, End: s.end, DetectedAt: s.detected(),
			Ongoing: !s.Over, Measures: []string{s.Measure},
		})
	}
	slices.SortFunc(incidents, func(a, b Incident) int { return a.FirstSeen.Compare(b.FirstSeen) })
	return incidents
}

func stretches(shifts []Shift, grids []Grid) []stretch {
	all := make([]stretch, 0, len(shifts))
	for i := range shifts {
		s := &shifts[i]
		at := slices.IndexFunc(grids, func(g Grid) bool { return g.Name == s.Grid })
		if at < 0 {
			continue
		}
		g := grids[at]
		all = append(all, stretch{s, g.Start(s.Earliest), g.Start(s.First), g.Start(s.End), 24 * time.Hour / time.Duration(g.perDay)})
	}
	return all
}

// whole finds the same of the whole, which leads instead of one value where it
// has half of the evidence: what hit all users is not to be blamed on one value.
func (s stretch) whole(all []stretch) (stretch, bool) {
	in := Incident{Start: s.start, FirstSeen: s.first, End: s.end}
	for _, w := range all {
		if s.Property != "" && w.Property == "" && w.Grid == s.Grid && w.Measure == s.Measure && 2*w.Evidence >= s.Evidence && in.covers(w) {
			return w, true
		}
	}
	return s, false
}

func (s stretch) detected() time.Time {
	return s.first.Add(time.Duration(s.Detected+1-s.First) * s.window)
}

// covers reports whether a shift falls, for the better part, into the incident.
func (in *Incident) covers(s stretch) bool {
	end, start := in.End, in.Start
	if s.end.Before(end) {
		end = s.end
	}
	if s.start.After(start) {
		start = s.start
	}
	return 2*end.Sub(start) >= min(in.End.Sub(in.FirstSeen), s.end.Sub(s.first))
}

// continues reports whether a shift is the leading one again, after a pause of
// a few windows or of a quarter of the longer.
func (in *Incident) continues(s stretch) bool {
	l := &in.Lead
	if l.Grid != s.Grid || l.Measure != s.Measure || l.Property != s.Property || l.Value != s.Value || (l.During > l.Before) != (s.During > s.Before) {
		return false
	}
	pause := max(s.first.Sub(in.End), in.FirstSeen.Sub(s.end))
	return pause <= max(3*s.window, in.End.Sub(in.FirstSeen)/4, s.end.Sub(s.first)/4)
}

func (in *Incident) join(s stretch) {
	if !slices.Contains(in.Measures, s.Measure) {
		in.Measures = append(in.Measures, s.Measure)
	}
	if d := s.detected(); d.Before(in.DetectedAt) && d.After(in.FirstSeen) {
		in.DetectedAt = d
	}
	if !in.continues(s) {
		return
	}
	if s.first.Before(in.FirstSeen) {
		in.Start, in.FirstSeen = s.start, s.first
	}
	if s.end.After(in.End) {
		in.End, in.Ongoing = s.end, !s.Over
	}
}

// Severity is how much an incident stands out.
type Severity string

// The severities, from the slightest.
const (
	Low    Severity = "low"
	Medium Severity = "medium"
	High   Severity = "high"
)

// Severity follows the evidence, which grows with the size of the change, with
// how many it has hit, and for how long.
func (in *Incident) Severity() Severity {
	switch {
	case in.Lead.Evidence >= 100:
		return High
	case in.Lead.Evidence >= 30:
		return Medium
	}
	return Low
}

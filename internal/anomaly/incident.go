package anomaly

import (
	"cmp"
	"math"
	"slices"
)

// Series is one figure of the whole, or of the events with one value of a
// property. All series of a call have the same buckets.
type Series struct {
	Measure         string // what is measured, for people; names the figure
	Property, Value string // both empty for the whole
	Counts          bool   // a plain count, see [Bucket]
	Buckets         []Bucket
}

// Incident is what happened in one stretch of time, however many figures show it.
type Incident struct {
	Shift
	// Measure is the figure with the strongest evidence, Measures all that moved.
	Measure  string
	Measures []string
	Counts   bool
	// Property and Value explain most of it: nearly all that was too much or too
	// little is theirs, far beyond their part of the whole. Empty where it is
	// spread evenly. Part is their part of it, 0…1.
	Property, Value string
	Part            float64
	// Expected and Seen are the figure per bucket, before and during: a share,
	// or a plain count. Of usual buckets 95 % lie between Low and High.
	Expected, Low, High, Seen float64
}

// incidentEvidence is what the default sensitivity asks for, before it is
// raised for the number of series that were looked at.
const incidentEvidence = 10.0

// Evidence is the logarithm of the odds that a shift in one of so many series
// must show.
func (c Config) evidence(series int) float64 {
	return incidentEvidence*math.Pow(4, 0.5-c.Sensitivity) + math.Log(max(1, float64(series)))
}

// explainsPart of what was too much must lie within one value of a property,
// and explainsMore than the value's part of the whole.
const (
	explainsPart = 0.8
	explainsMore = 0.25
)

// Incidents finds the shifts of all series and joins those of one time.
func Incidents(series []Series, cfg Config) []Incident {
	type found struct {
		Shift
		of *Series
	}
	var all []found
	for i := range series {
		for _, s := range Shifts(series[i].Buckets, series[i].Counts, cfg.evidence(len(series))) {
			all = append(all, found{s, &series[i]})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b.Evidence, a.Evidence) })
	var incidents []Incident
next:
	for _, f := range all {
		for i := range incidents {
			if incidents[i].covers(f.Shift) {
				incidents[i].join(f.of.Measure)
				continue next
			}
		}
		in := Incident{Shift: f.Shift, Measure: f.of.Measure, Measures: []string{f.of.Measure}, Counts: f.of.Counts}
		in.explain(series, f.of)
		in.band(f.of)
		incidents = append(incidents, in)
	}
	slices.SortFunc(incidents, func(a, b Incident) int { return cmp.Compare(a.First, b.First) })
	return incidents
}

// covers reports whether a shift falls, for the better part, into the incident.
func (in *Incident) covers(s Shift) bool {
	common := min(in.End, s.End) - max(in.Earliest, s.Earliest)
	return 2*common >= min(in.End-in.First, s.End-s.First)
}

func (in *Incident) join(measure string) {
	if !slices.Contains(in.Measures, measure) {
		in.Measures = append(in.Measures, measure)
	}
}

// explain looks for the value that most of the excess belongs to. An incident
// that only one value shows is explained by it.
func (in *Incident) explain(series []Series, lead *Series) {
	if lead.Property != "" {
		in.Property, in.Value, in.Part = lead.Property, lead.Value, 1
		return
	}
	whole := in.excess(lead)
	best := explainsMore
	for i := range series {
		s := &series[i]
		if s.Measure != lead.Measure || s.Property == "" {
			continue
		}
		of := in.excess(s)
		part := of.Seen / whole.Seen
		if more := part - of.Exposed/whole.Exposed; part >= explainsPart && more > best {
			best = more
			in.Property, in.Value, in.Part = s.Property, s.Value, min(1, part)
		}
	}
}

// excess is the exposure within the incident, and what was seen beyond the
// rate before it.
func (in *Incident) excess(s *Series) Bucket {
	var sum Bucket
	for _, b := range s.Buckets[in.First:in.End] {
		sum.add(b)
	}
	sum.Seen -= in.Before * sum.Exposed
	return sum
}

// band fills in what was to be expected, in the unit of the figure.
func (in *Incident) band(lead *Series) {
	var sum Bucket
	for _, b := range lead.Buckets[in.First:in.End] {
		sum.add(b)
	}
	exposed := sum.Exposed / float64(in.End-in.First)
	unit := 1.0 // shares are per chance
	if lead.Counts {
		unit = exposed
	}
	f := shiftFinder{counts: lead.Counts}
	deviation := 1.96 * math.Sqrt(f.variance(in.Before, exposed)*in.Noise) / max(exposed, tiny) * unit
	in.Expected, in.Seen = in.Before*unit, in.During*unit
	in.Low, in.High = max(0, in.Expected-deviation), in.Expected+deviation
	if !lead.Counts {
		in.High = min(1, in.High)
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
	case in.Evidence >= 100:
		return High
	case in.Evidence >= 30:
		return Medium
	}
	return Low
}

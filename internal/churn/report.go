package churn

import (
	"slices"
	"time"
)

// RuleDays is the silence after which the recency rule says that a user has
// churned.
const RuleDays = 7

// Report is what was measured of a model on dates that it has not seen.
type Report struct {
	Train     Part `json:"train"`
	Calibrate Part `json:"calibrate"`
	Test      Part `json:"test"`
	// Metrics are measured on the test's dates, as all that follows.
	Metrics Metrics `json:"metrics"`
	// Recent are the same on users with an event in the last RuleDays: those who
	// are not silent yet. It is absent where they all ended the same way.
	Recent           *Metrics         `json:"recent,omitempty"`
	Baselines        []Baseline       `json:"baselines"`
	Calibration      []CalibrationBin `json:"calibration"`
	CalibrationError float64          `json:"calibration_error"`
	Lift             []Lift           `json:"lift"`
}

// Part describes the examples of one part.
type Part struct {
	From      time.Time `json:"from"`  // the first date
	Until     time.Time `json:"until"` // the last date plus the horizon: no later event was read
	Dates     int       `json:"dates"`
	Examples  int       `json:"examples"`
	ChurnRate float64   `json:"churn_rate"`
}

// Baseline is a simpler way to say who churns, measured on the same rows.
type Baseline struct {
	Name    string  `json:"name"`
	Metrics Metrics `json:"metrics"`
}

// Names of the baselines.
const (
	BaselineMajority = "majority"      // everybody has the churn rate of the training
	BaselineRule     = "7 days silent" // two groups, each with its churn rate of the training
	BaselineRecency  = "recency alone" // the same model with days_since_last_event as its only feature
)

func (m *Model) report(cfg Config, data Data) (*Report, error) {
	scorer, err := m.For(data.Names)
	if err != nil {
		return nil, err
	}
	probabilities, churned := scorer.Probabilities(data.Test), Outcomes(data.Test)
	r := &Report{
		Train: m.part(data.Train), Calibrate: m.part(data.Calibrate), Test: m.part(data.Test),
		Metrics:     Evaluate(probabilities, churned),
		Calibration: Calibration(probabilities, churned, 10),
		Lift:        Lifts(probabilities, churned),
	}
	r.CalibrationError = CalibrationError(r.Calibration)
	if recent := notSilent(data); Mixed(recent) {
		metrics := scorer.Evaluate(recent)
		r.Recent = &metrics
	}
	r.Baselines, err = baselines(cfg, data)
	return r, err
}

func (m *Model) part(examples []Example) Part {
	p := Part{Examples: len(examples), From: examples[0].At, Until: examples[0].At}
	seen := map[time.Time]bool{}
	for _, e := range examples {
		seen[e.At] = true
		if e.At.Before(p.From) {
			p.From = e.At
		}
		if e.At.After(p.Until) {
			p.Until = e.At
		}
	}
	p.Dates, p.Until = len(seen), p.Until.Add(m.Horizon())
	p.ChurnRate = churnRate(examples)
	return p
}

func churnRate(examples []Example) float64 {
	return float64(countChurned(examples)) / float64(len(examples))
}

// notSilent are the test's users with an event in the last RuleDays.
func notSilent(data Data) []Example {
	column := slices.Index(data.Names, daysSinceLastEvent)
	return slices.DeleteFunc(slices.Clone(data.Test), func(e Example) bool { return e.Values[column] >= RuleDays })
}

func baselines(cfg Config, data Data) ([]Baseline, error) {
	recency := slices.DeleteFunc(Features(), func(f Feature) bool { return f.Name != daysSinceLastEvent })
	alone, err := trainOn(cfg, recency, data)
	if err != nil {
		return nil, err
	}
	scorer, err := alone.For(data.Names)
	if err != nil {
		return nil, err
	}
	churned := Outcomes(data.Test)
	return []Baseline{
		{BaselineMajority, Evaluate(sameForAll(data), churned)},
		{BaselineRule, Evaluate(byRule(data), churned)},
		{BaselineRecency, scorer.Evaluate(data.Test)},
	}, nil
}

func sameForAll(data Data) []float64 {
	return slices.Repeat([]float64{guess(data.Train)}, len(data.Test))
}

// guess is the churn rate, moved towards one half by one user of each outcome: a
// probability of 0 or 1 would be wrong without bound.
func guess(examples []Example) float64 {
	return float64(countChurned(examples)+1) / float64(len(examples)+2)
}

// byRule gives the silent and the others the churn rate of their kind.
func byRule(data Data) []float64 {
	column := slices.Index(data.Names, daysSinceLastEvent)
	isSilent := func(e Example) bool { return e.Values[column] >= RuleDays }
	var silent, others []Example
	for _, e := range data.Train {
		if isSilent(e) {
			silent = append(silent, e)
		} else {
			others = append(others, e)
		}
	}
	rates := map[bool]float64{true: guess(silent), false: guess(others)}
	probabilities := make([]float64, len(data.Test))
	for i, e := range data.Test {
		probabilities[i] = rates[isSilent(e)]
	}
	return probabilities
}

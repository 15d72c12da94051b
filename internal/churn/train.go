package churn

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"millrace/internal/drift"
)

// ErrOneOutcome means that everybody churned in a period, or nobody did: there
// is nothing to tell apart.
var ErrOneOutcome = errors.New("all users of a period ended the same way")

// Data are the examples of the three parts, each in the order of [Periods].
type Data struct {
	// Names are those of every example's values, in order.
	Names                  []string
	Train, Calibrate, Test []Example
}

// Train fits a model to the first part, calibrates it on the second and measures
// it on the third.
func Train(cfg Config, data Data) (*Model, *Report, error) {
	if err := errors.Join(cfg.Validate(), data.check()); err != nil {
		return nil, nil, err
	}
	m, err := trainOn(cfg, Features(), data)
	if err != nil {
		return nil, nil, err
	}
	report, err := m.report(cfg, data)
	return m, report, err
}

// check sees to it that each part has both kinds of users.
func (d Data) check() error {
	for _, part := range []struct {
		name     string
		examples []Example
	}{{"training", d.Train}, {"calibration", d.Calibrate}, {"test", d.Test}} {
		if !Mixed(part.examples) {
			return fmt.Errorf("%w: in the %s, %d of %d users churned; choose a shorter or longer horizon",
				ErrOneOutcome, part.name, countChurned(part.examples), len(part.examples))
		}
	}
	return nil
}

// Mixed tells whether both outcomes are among the examples.
func Mixed(examples []Example) bool {
	churned := countChurned(examples)
	return churned > 0 && churned < len(examples)
}

func countChurned(examples []Example) int {
	n := 0
	for _, e := range examples {
		if e.Churned {
			n++
		}
	}
	return n
}

// trainOn fits and calibrates a model of some features.
func trainOn(cfg Config, features []Feature, data Data) (*Model, error) {
	l2 := chooseL2(cfg, features, data)
	m, err := fitModel(features, data.Names, data.Train, l2)
	if err != nil {
		return nil, err
	}
	m.HorizonDays, m.ActiveWithinDays, m.StepDays, m.Threshold = cfg.HorizonDays, cfg.ActiveWithinDays, cfg.StepDays, cfg.Threshold
	scorer, err := m.For(data.Names)
	if err != nil {
		return nil, err
	}
	if err := scorer.calibrate(data.Calibrate); err != nil {
		return nil, err
	}
	m.Scores = drift.Of(scorer.Probabilities(data.Train))
	return m, nil
}

// fitModel fits the coefficients; both outcomes weigh the same.
func fitModel(features []Feature, names []string, examples []Example, l2 float64) (*Model, error) {
	m := &Model{L2: l2, PlattSlope: 1}
	for _, f := range features {
		column := slices.Index(names, f.Name)
		if column < 0 {
			return nil, fmt.Errorf("%w: %s", ErrOtherFeatures, f.Name)
		}
		m.Weights = append(m.Weights, newWeight(f, columnOf(examples, column)))
	}
	scorer, err := m.For(names)
	if err != nil {
		return nil, err
	}
	coefficients, err := fitLogistic(scorer.balanced(examples), l2)
	if err != nil {
		return nil, err
	}
	for i := range m.Weights {
		m.Weights[i].Coefficient = coefficients[i]
	}
	m.Intercept = coefficients[len(m.Weights)]
	return m, nil
}

func columnOf(examples []Example, column int) []float64 {
	values := make([]float64, len(examples))
	for i, e := range examples {
		values[i] = e.Values[column]
	}
	return values
}

// newWeight learns how a feature is distributed. It sorts the values.
func newWeight(f Feature, values []float64) Weight {
	w := Weight{Feature: f.Name, Scale: f.scale, Values: drift.Of(values)}
	scaled := make([]float64, len(values))
	for i, v := range values {
		scaled[i] = f.scale.of(v)
	}
	w.Low, w.High = scaled[0], scaled[len(scaled)-1]
	w.Mean, w.SD = stat.PopMeanStdDev(scaled, nil)
	if w.High == w.Low {
		w.SD = 0 // exactly: a constant says nothing
	}
	return w
}

// balanced are the standardised examples, weighted so that those who churned and
// those who did not weigh the same in total.
func (s *Scorer) balanced(examples []Example) *sample {
	n, churned := float64(len(examples)), float64(countChurned(examples))
	out := newSample(len(examples), len(s.columns))
	row := make([]float64, len(s.columns))
	for _, e := range examples {
		for i, w := range s.model.Weights {
			row[i] = w.standardise(e.Values[s.columns[i]])
		}
		if e.Churned {
			out.add(row, 1, n/2/churned)
		} else {
			out.add(row, 0, n/2/(n-churned))
		}
	}
	return out
}

// calibrate sets Platt's slope and offset: a logistic regression of the outcome
// on the log-odds, with the targets a little off 0 and 1 that his paper gives.
func (s *Scorer) calibrate(examples []Example) error {
	churned := float64(countChurned(examples))
	stayed := float64(len(examples)) - churned
	pairs := newSample(len(examples), 1)
	for _, e := range examples {
		target := 1 / (stayed + 2)
		if e.Churned {
			target = (churned + 1) / (churned + 2)
		}
		pairs.add([]float64{s.logOdds(e.Values)}, target, 1)
	}
	fitted, err := fitLogistic(pairs, 0)
	if err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	s.model.PlattSlope, s.model.PlattOffset = fitted[0], fitted[1]
	return nil
}

// chooseL2 takes the penalty with the least log loss on the last quarter of the
// training's dates, of models fitted to the dates before. With too few dates it
// is the first.
func chooseL2(cfg Config, features []Feature, data Data) float64 {
	fit, validate := splitLast(data.Train, cfg.Plan().Horizon)
	best, least := cfg.L2[0], math.Inf(1)
	if !Mixed(fit) || !Mixed(validate) {
		return best
	}
	for _, l2 := range cfg.L2 {
		m, err := fitModel(features, data.Names, fit, l2)
		if err != nil {
			continue // the fit to all examples will tell
		}
		scorer, err := m.For(data.Names)
		if err != nil {
			continue
		}
		if err := scorer.calibrate(validate); err != nil {
			continue
		}
		if loss := scorer.Evaluate(validate).LogLoss; loss < least {
			best, least = l2, loss
		}
	}
	return best
}

// splitLast cuts the examples of the last quarter of dates off. Of the others,
// those whose label is known by then stay.
func splitLast(examples []Example, horizon time.Duration) (fit, last []Example) {
	var dates []time.Time
	for _, e := range examples {
		dates = append(dates, e.At)
	}
	slices.SortFunc(dates, time.Time.Compare)
	dates = slices.Compact(dates)
	cut := dates[len(dates)*3/4]
	for _, e := range examples {
		switch {
		case !e.At.Before(cut):
			last = append(last, e)
		case !e.At.Add(horizon).After(cut):
			fit = append(fit, e)
		}
	}
	return fit, last
}

// Probabilities are those of the examples, in order.
func (s *Scorer) Probabilities(examples []Example) []float64 {
	probabilities := make([]float64, len(examples))
	for i, e := range examples {
		probabilities[i] = s.Probability(e.Values)
	}
	return probabilities
}

// Evaluate compares the model with what became of the examples.
func (s *Scorer) Evaluate(examples []Example) Metrics {
	return Evaluate(s.Probabilities(examples), Outcomes(examples))
}

// Outcomes tell who churned.
func Outcomes(examples []Example) []bool {
	churned := make([]bool, len(examples))
	for i, e := range examples {
		churned[i] = e.Churned
	}
	return churned
}

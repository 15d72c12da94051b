package churn

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"millrace/internal/drift"
)

// Name is the model's name in the registry of models.
const Name = "churn"

// ErrOtherFeatures means that a model needs a feature that is not at hand: it was
// trained by another version of the code.
var ErrOtherFeatures = errors.New("the model needs another feature")

// Model is a trained model. Its JSON form is what the registry keeps.
type Model struct {
	// HorizonDays is how long a user must stay away to have churned.
	HorizonDays int `json:"horizon_days"`
	// ActiveWithinDays bounds who it was trained on: users with an event within so
	// many days before the date.
	ActiveWithinDays int `json:"active_within_days"`
	// StepDays is the time between two dates of its training.
	StepDays int `json:"step_days"`
	// Threshold is the probability from which a user counts as churned.
	Threshold float64 `json:"threshold"`
	// L2 is the strength of the penalty that was chosen.
	L2        float64  `json:"l2"`
	Intercept float64  `json:"intercept"`
	Weights   []Weight `json:"weights"`
	// Platt puts the log-odds right: slope times them, plus offset.
	PlattSlope  float64 `json:"platt_slope"`
	PlattOffset float64 `json:"platt_offset"`
	// Scores are the probabilities of the training's users.
	Scores drift.Histogram `json:"scores"`
}

// Weight is what the model knows of one feature.
type Weight struct {
	Feature string `json:"feature"`
	Scale   scale  `json:"scale"`
	// Mean and SD are those of the scaled values in training.
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
	// Low and High bound the scaled values seen in training. A value beyond counts
	// as the nearest that was seen: a straight line says nothing of what lies
	// outside.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Coefficient is the change of the log-odds per standard deviation, before
	// Platt's scaling.
	Coefficient float64 `json:"coefficient"`
	// Values are the feature's values in training.
	Values drift.Histogram `json:"values"`
}

// standardise brings a raw value to mean 0 and standard deviation 1.
func (w Weight) standardise(value float64) float64 {
	if w.SD == 0 {
		return 0
	}
	scaled := min(max(w.Scale.of(value), w.Low), w.High)
	return (scaled - w.Mean) / w.SD
}

// Horizon is HorizonDays as a duration.
func (m *Model) Horizon() time.Duration { return time.Duration(m.HorizonDays) * Day }

// ActiveWithin is ActiveWithinDays as a duration.
func (m *Model) ActiveWithin() time.Duration { return time.Duration(m.ActiveWithinDays) * Day }

// Scorer applies a model to values in one order.
type Scorer struct {
	model   *Model
	columns []int // of each weight
}

// For fits the model to values that come in the order of names. A feature that is
// missing is [ErrOtherFeatures].
func (m *Model) For(names []string) (*Scorer, error) {
	s := &Scorer{model: m, columns: make([]int, len(m.Weights))}
	for i, w := range m.Weights {
		if s.columns[i] = slices.Index(names, w.Feature); s.columns[i] < 0 {
			return nil, fmt.Errorf("%w: %s; train a new version", ErrOtherFeatures, w.Feature)
		}
	}
	return s, nil
}

// Probability is that of a user who stays away for the horizon.
func (s *Scorer) Probability(values []float64) float64 {
	m := s.model
	return sigmoid(m.PlattSlope*s.logOdds(values) + m.PlattOffset)
}

// logOdds is the model's sum before Platt's scaling.
func (s *Scorer) logOdds(values []float64) float64 {
	sum := s.model.Intercept
	for i, w := range s.model.Weights {
		sum += w.Coefficient * w.standardise(values[s.columns[i]])
	}
	return sum
}

// Churned tells whether a probability counts as churned.
func (s *Scorer) Churned(probability float64) bool { return probability >= s.model.Threshold }

// Reason is what one feature does to a prediction.
type Reason struct {
	Feature string
	// Effect is what the feature adds to the log-odds, compared to the average user
	// of the training: above 0 it speaks for churn, below 0 against it.
	Effect float64
}

// Reasons are the effects of all features that have one, the strongest first.
// Together with the average user's log-odds they make the prediction.
func (s *Scorer) Reasons(values []float64) []Reason {
	reasons := make([]Reason, 0, len(s.model.Weights))
	for i, w := range s.model.Weights {
		if effect := s.model.PlattSlope * w.Coefficient * w.standardise(values[s.columns[i]]); effect != 0 {
			reasons = append(reasons, Reason{w.Feature, effect})
		}
	}
	slices.SortStableFunc(reasons, func(a, b Reason) int { return cmp.Compare(math.Abs(b.Effect), math.Abs(a.Effect)) })
	return reasons
}

package churn

import (
	"errors"
	"fmt"
	"time"
)

// Config says what a model predicts and how it is trained.
type Config struct {
	// HorizonDays is how long a user must stay away to have churned.
	HorizonDays int
	// ActiveWithinDays bounds whom it is about: users with an event within so many
	// days before the date. Who left longer ago has churned already.
	ActiveWithinDays int
	// StepDays is the time between two dates at which users are looked at.
	StepDays int
	// MaxDates bounds the number of dates.
	MaxDates int
	// MaxExamples bounds the examples of all dates together. Of more users a part
	// is taken, the same at every date.
	MaxExamples int
	// L2 are the strengths of penalty to choose from, by a validation on the last
	// dates of the training.
	L2 []float64
	// Threshold is the probability from which a user counts as churned.
	Threshold float64
}

// DefaultConfig predicts a week without an event, from half a year at most.
func DefaultConfig() Config {
	return Config{
		HorizonDays:      7,
		ActiveWithinDays: 90,
		StepDays:         7,
		MaxDates:         26,
		MaxExamples:      200_000,
		L2:               []float64{1e-4, 1e-3, 1e-2, 1e-1},
		Threshold:        0.5,
	}
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var faults []error
	for _, n := range []struct {
		name        string
		value, most int
	}{
		{"horizon", c.HorizonDays, 365}, {"active within", c.ActiveWithinDays, 3650}, {"step", c.StepDays, 365},
	} {
		if n.value < 1 || n.value > n.most {
			faults = append(faults, fmt.Errorf("churn %s is %d days: use 1 to %d", n.name, n.value, n.most))
		}
	}
	if c.MaxDates < 3 {
		faults = append(faults, fmt.Errorf("churn max dates is %d: use at least 3, for training, calibration and test", c.MaxDates))
	}
	if c.MaxExamples < 100 {
		faults = append(faults, fmt.Errorf("churn max examples is %d: use at least 100", c.MaxExamples))
	}
	if len(c.L2) == 0 {
		faults = append(faults, errors.New("churn L2 is empty: name at least one strength, such as 0.001"))
	}
	for _, penalty := range c.L2 {
		if !(penalty > 0) {
			faults = append(faults, fmt.Errorf("churn L2 is %v: use a positive strength, such as 0.001", penalty))
		}
	}
	if !(c.Threshold > 0 && c.Threshold < 1) {
		faults = append(faults, fmt.Errorf("churn threshold is %v: use a probability between 0 and 1", c.Threshold))
	}
	return errors.Join(faults...)
}

// Plan is the part that chooses dates.
func (c Config) Plan() Plan {
	return Plan{Horizon: time.Duration(c.HorizonDays) * Day, Step: time.Duration(c.StepDays) * Day, MaxDates: c.MaxDates}
}

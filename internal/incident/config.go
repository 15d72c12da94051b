package incident

import (
	"fmt"
	"math"
)

// Config is how figures are judged. There is one knob on purpose: everything
// else follows from the figures.
type Config struct {
	// Sensitivity, in 0…1, says how little has to happen. From 0 to 1 the
	// evidence that is asked for falls to a quarter, and the change of a rate from
	// four times (or a quarter) to 1.4 times (or 0.7).
	Sensitivity float64
}

// DefaultConfig is the sensitivity that docs/anomalies.md was measured with.
func DefaultConfig() Config { return Config{Sensitivity: 0.5} }

// Validate names what cannot be used.
func (c Config) Validate() error {
	if math.IsNaN(c.Sensitivity) || c.Sensitivity < 0 || c.Sensitivity > 1 {
		return fmt.Errorf("sensitivity is %v; give a number from 0 (only the grossest) to 1 (the slightest)", c.Sensitivity)
	}
	return nil
}

// usualEvidence is what the default sensitivity asks for, as the logarithm of
// odds, before it is raised for the number of chances to be wrong.
const usualEvidence = 10.0

// bar is what a shift must pass.
type bar struct {
	evidence float64 // logarithm of odds
	ratio    float64 // the rate must be so many times the one before, or a part of it as small
}

// bar rises with the number of series, and with the windows in a day: whoever
// looks more often errs more often.
func (c Config) bar(series, windowsPerDay int) bar {
	return bar{
		evidence: usualEvidence*math.Pow(4, 0.5-c.Sensitivity) + math.Log(max(1, float64(series)*float64(windowsPerDay))),
		ratio:    math.Exp2(math.Exp2(1 - 2*c.Sensitivity)),
	}
}

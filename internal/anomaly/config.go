package anomaly

import (
	"fmt"
	"math"
)

// Config is how a Detector judges. There is one knob on purpose: everything
// else follows from the series.
type Config struct {
	// Sensitivity, in 0…1, says how little has to happen before a point scores
	// 0.5 and more. From 0 to 1 the surprise that it takes falls to a quarter.
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

// usualSurprise is what a point must reach for a score of 0.5 at the default
// sensitivity, in powers of ten. It was chosen on the series of NAB, all with
// the same value (docs/anomalies.md has the cross-validation).
const usualSurprise = 1.5

// alarm is the surprise that scores 0.5.
func (c Config) alarm() float64 { return usualSurprise * math.Pow(4, 0.5-c.Sensitivity) }

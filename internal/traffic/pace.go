package traffic

import "time"

// Pace spreads events evenly over event time.
type Pace struct {
	// Start is the instant of the first event.
	Start time.Time
	// Rate is the number of events per second of event time, above 0.
	Rate float64
}

// At is the instant at which event n, counted from 0, is handed out.
func (p Pace) At(n int64) time.Time {
	// Whole seconds apart, so that a run of days keeps its precision.
	seconds := float64(n) / p.Rate
	whole := int64(seconds)
	return p.Start.Add(time.Duration(whole)*time.Second + time.Duration((seconds-float64(whole))*1e9))
}

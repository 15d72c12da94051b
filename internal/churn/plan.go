package churn

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Day is the unit of horizons.
const Day = 24 * time.Hour

// ErrTooLittleHistory means that the events do not reach back far enough for a
// training.
var ErrTooLittleHistory = errors.New("too little history to train on")

// Plan says at which dates users are looked at. The zero value is not valid.
type Plan struct {
	// Horizon is how long a user must stay away to have churned.
	Horizon time.Duration
	// Step is the time between two dates.
	Step time.Duration
	// MaxDates bounds the number of dates, 3 at least; the newest are taken.
	MaxDates int
}

// Periods are the dates of the three parts, each in order. Every label of a part
// is known before the first date of the next: its last date plus the horizon is
// not after it.
type Periods struct {
	Train, Calibrate, Test []time.Time
}

// Dates plans over a history of events in [first, newest]. A history that is too
// short is [ErrTooLittleHistory].
func (p Plan) Dates(first, newest time.Time) (Periods, error) {
	dates := p.all(first, newest)
	most := min(max(min(len(dates), p.MaxDates)/6, 1), 4)
	for share := most; share > 0; share-- {
		if periods := p.split(dates, share); len(periods.Train) > 0 {
			return periods, nil
		}
	}
	return Periods{}, fmt.Errorf("%w: events span %s, and a horizon of %s needs %s; choose a shorter horizon or come back later",
		ErrTooLittleHistory, days(newest.Sub(first)), days(p.Horizon), days(p.needs()))
}

// split gives the last dates to the test, share of them, as many before them to
// the calibration, and what is left to the training.
func (p Plan) split(dates []time.Time, share int) (periods Periods) {
	dates, periods.Test = cutTail(dates, share)
	dates, periods.Calibrate = cutTail(p.knownBy(dates, periods.Test), share)
	_, periods.Train = cutTail(p.knownBy(dates, periods.Calibrate), p.MaxDates-2*share)
	return periods
}

// all are the dates whose labels are complete at newest, and which have at least
// a horizon of history before them.
func (p Plan) all(first, newest time.Time) []time.Time {
	var dates []time.Time
	last := newest.Add(-p.Horizon).UTC().Truncate(time.Hour)
	for at := last; !at.Before(first.Add(p.Horizon)); at = at.Add(-p.Step) {
		dates = append(dates, at)
	}
	slices.Reverse(dates)
	return dates
}

// knownBy keeps the dates whose labels are known when the later part begins.
func (p Plan) knownBy(dates, later []time.Time) []time.Time {
	if len(later) == 0 {
		return nil
	}
	for len(dates) > 0 && dates[len(dates)-1].Add(p.Horizon).After(later[0]) {
		dates = dates[:len(dates)-1]
	}
	return dates
}

// needs is the least span of events: history before the first date, a label of
// each part, and two steps between them.
func (p Plan) needs() time.Duration {
	return 2*p.Horizon + 2*max(p.Horizon, p.Step) + time.Hour
}

// cutTail takes the last n dates off, or as many as there are.
func cutTail(dates []time.Time, n int) (rest, tail []time.Time) {
	n = max(len(dates)-n, 0)
	return dates[:n], dates[n:]
}

func days(d time.Duration) string { return fmt.Sprintf("%.1f days", d.Hours()/24) }

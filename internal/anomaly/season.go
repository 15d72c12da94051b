package anomaly

import (
	"math"
	"time"
)

// season forecasts each value in several ways, trusts the way that has erred
// least of late, and asks how far the value lies from its forecast: alone, and
// in the mean of the last points, which shows a shift too small for one point.
type season struct {
	ways   [forecasts]way
	points int

	last, level float64 // of the series
	offset      float64 // of the last days against the weekly pattern: the trend
	byDay       [hoursOfDay]recent
	byWeek      [hoursOfWeek]recent

	errors      [seasonMean]float64 // the last errors, a ring
	single, few tail
	spread      recent // of errors, for the band
}

// way is one manner to forecast.
type way struct {
	forecast float64
	known    bool    // false: there is not enough past for it
	err      float64 // its usual error
	judged   int
}

// The ways to forecast.
const (
	byLast    = iota // the value before
	byLevel          // a moving average
	byHour           // the median of this hour of the day
	byWeekday        // the median of this hour of the week
	byTrend          // the same, moved by the recent offset
	forecasts
)

const (
	hoursOfDay  = 24
	hoursOfWeek = 7 * hoursOfDay
	dayKept     = 84 // values of an hour of the day; a week at twelve an hour
	weekKept    = 36
	hourLeast   = 3 // values before an hour's median is a forecast

	levelWeight  = 0.15
	offsetWeight = 0.05
	errorWeight  = 0.005
	errorClip    = 6 // an error counts as at most this many usual ones
	seasonMean   = 6 // points whose mean error is looked at

	spreadKept = 400
	bandShare  = 0.98 // of the errors lie inside of the band
)

func newSeason() *season {
	s := &season{spread: newRecent(spreadKept)}
	for i := range s.byDay {
		s.byDay[i] = newRecent(dayKept)
	}
	for i := range s.byWeek {
		s.byWeek[i] = newRecent(weekKept)
	}
	return s
}

// band is what was expected of a point.
type band struct{ low, middle, high float64 }

// judge returns the surprise of v at t and what was expected instead.
func (s *season) judge(t time.Time, v float64) (float64, band) {
	hour := int(t.Unix()/3600%hoursOfWeek+hoursOfWeek) % hoursOfWeek
	day, week := &s.byDay[hour%hoursOfDay], &s.byWeek[hour]
	s.forecast(day, week)
	expected := s.best().forecast
	err := v - expected
	around := band{expected + s.spread.quantile((1-bandShare)/2), expected, expected + s.spread.quantile((1+bandShare)/2)}
	surprise := s.surprise(err)
	s.learn(v, week)
	day.add(v)
	week.add(v)
	s.spread.add(err)
	return surprise, around
}

// forecast fills the ways in, from what came before.
func (s *season) forecast(day, week *recent) {
	s.ways[byLast].forecast, s.ways[byLast].known = s.last, s.points > 0
	s.ways[byLevel].forecast, s.ways[byLevel].known = s.level, s.points > 0
	s.ways[byHour].forecast, s.ways[byHour].known = day.median(), day.len() >= hourLeast
	s.ways[byWeekday].forecast, s.ways[byWeekday].known = week.median(), week.len() >= hourLeast
	s.ways[byTrend].forecast, s.ways[byTrend].known = week.median()+s.offset, week.len() >= hourLeast
}

// best is the known way with the smallest usual error.
func (s *season) best() *way {
	best := &s.ways[byLast]
	for i := range s.ways {
		if w := &s.ways[i]; w.known && w.judged > 0 && w.err < best.err {
			best = w
		}
	}
	return best
}

// surprise judges the error alone and in the mean of the last ones.
func (s *season) surprise(err float64) float64 {
	s.errors[s.points%seasonMean] = err
	var sum float64
	for _, e := range s.errors {
		sum += e
	}
	few := float64(min(s.points+1, seasonMean))
	return max(s.single.judge(math.Abs(err)), s.few.judge(math.Abs(sum/few)))
}

// learn lets each way see how it did, and moves the levels.
func (s *season) learn(v float64, week *recent) {
	for i := range s.ways {
		if s.ways[i].known {
			s.ways[i].learn(math.Abs(v - s.ways[i].forecast))
		}
	}
	if week.len() >= hourLeast {
		s.offset += offsetWeight * (v - week.median() - s.offset)
	}
	s.last = v
	if s.points == 0 {
		s.level = v
	}
	s.level += levelWeight * (v - s.level)
	s.points++
}

// learn moves the usual error, clipped: one outlier must not discredit a way.
func (w *way) learn(err float64) {
	w.judged++
	if w.judged > 50 {
		err = min(err, errorClip*w.err+1e-9)
	}
	w.err += max(errorWeight, 1/float64(w.judged)) * (err - w.err)
}

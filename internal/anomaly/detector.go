package anomaly

import (
	"math"
	"time"
)

// Point is the answer to one point of a series.
type Point struct {
	// Score in 0…1; 0.5 and more is a detection. After one, scores stay below
	// 0.5 for as long as it is taken for the same event.
	Score float64
	// Surprise is the same without that restraint, unbounded: about the number
	// of zeros in the odds against such a point.
	Surprise float64
	// Low, Expected and High are the band that was expected of the value.
	Low, Expected, High float64
}

// Detector judges one series.
type Detector struct {
	alarm alarm

	past      *history
	season    *season
	extreme   *extreme
	shape     *neighbours
	longShape *neighbours
	together  tail

	points int
}

const (
	shapeLength, shapeRank, shapeReach             = 20, 5, 2000
	longShapeLength, longShapeRank, longShapeReach = 60, 1, 3000

	witnesses      = 4
	warmUp         = 100   // points before the first score
	largest        = 1e100 // values beyond are taken for it, so that sums of squares are finite
	surpriseLimit  = 5     // of one witness: none may decide alone by shouting
	togetherWeight = 0.7   // brings the surprise of the average to the unit of the average
)

// New returns a Detector that has seen nothing.
func New(cfg Config) (*Detector, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	past := newHistory(longShapeReach + 2*longShapeLength)
	return &Detector{
		alarm:     alarm{level: cfg.alarm()},
		past:      past,
		season:    newSeason(),
		extreme:   newExtreme(),
		shape:     newNeighbours(past, shapeLength, shapeRank, shapeReach),
		longShape: newNeighbours(past, longShapeLength, longShapeRank, longShapeReach),
	}, nil
}

// Observe judges the value v at time t, and learns it. A value that is not a
// number is missing: it scores 0 and teaches nothing. Times may repeat, jump
// or go back; they only place the value in the day and in the week.
func (d *Detector) Observe(t time.Time, v float64) Point {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Point{Low: math.NaN(), Expected: math.NaN(), High: math.NaN()}
	}
	v = max(-largest, min(largest, v))
	seasonal, expected := d.season.judge(t, v)
	d.past.add(v)
	surprise := d.combine(seasonal, d.extreme.judge(v), d.shape.judge(), d.longShape.judge())
	if d.points++; d.points <= warmUp {
		surprise = 0
	}
	return Point{Score: d.alarm.score(surprise), Surprise: surprise, Low: expected.low, Expected: expected.middle, High: expected.high}
}

// combine averages the witnesses, and judges the average by its own history.
func (d *Detector) combine(surprises ...float64) float64 {
	var average float64
	for _, s := range surprises {
		average += min(s, surpriseLimit) / witnesses
	}
	return (average + togetherWeight*min(d.together.judge(average), surpriseLimit)) / 2
}

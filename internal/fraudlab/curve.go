package fraudlab

import (
	"cmp"
	"math"
	"slices"

	"millrace/internal/fraud"
)

// Point is one purchase on a curve: its score, and whether it was fraud.
type Point struct {
	Score float64
	Fraud bool
}

// Points are the purchases as a model scored them.
func Points(judged []Judged) []Point {
	points := make([]Point, len(judged))
	for i, j := range judged {
		points[i] = Point{j.Score, j.Label.Fraud}
	}
	return points
}

// Counts are how many purchases came to which end at a threshold.
type Counts struct {
	Caught  int // fraud, at or above it
	Missed  int // fraud, below it
	Wronged int // honest, at or above it
	Spared  int // honest, below it
}

// CountAt counts at the threshold.
func CountAt(points []Point, threshold float64) (c Counts) {
	for _, p := range points {
		switch at := p.Score >= threshold; {
		case at && p.Fraud:
			c.Caught++
		case p.Fraud:
			c.Missed++
		case at:
			c.Wronged++
		default:
			c.Spared++
		}
	}
	return c
}

// Precision is the share of fraud among what is at or above the threshold, NaN
// where nothing is.
func (c Counts) Precision() float64 { return float64(c.Caught) / float64(c.Caught+c.Wronged) }

// Recall is the share of fraud that is found, NaN where there is none.
func (c Counts) Recall() float64 { return float64(c.Caught) / float64(c.Caught+c.Missed) }

// FalsePositives is the share of honest purchases that are not spared, NaN where
// there are none.
func (c Counts) FalsePositives() float64 { return float64(c.Wronged) / float64(c.Wronged+c.Spared) }

// PRAUC is the area under the precision-recall curve, as average precision: the
// mean of the precision at each fraud found, in the order of falling scores.
// Purchases of one score count together. It is NaN where there is no fraud.
func PRAUC(points []Point) float64 {
	sorted := slices.SortedFunc(slices.Values(points), func(a, b Point) int { return cmp.Compare(b.Score, a.Score) })
	caught, seen, area := 0, 0, 0.0
	for i := 0; i < len(sorted); {
		found := 0
		for score := sorted[i].Score; i < len(sorted) && sorted[i].Score == score; i++ {
			seen++
			if sorted[i].Fraud {
				found++
			}
		}
		caught += found
		area += float64(found) * float64(caught) / float64(seen)
	}
	if caught == 0 {
		return math.NaN()
	}
	return area / float64(caught)
}

// ThresholdFor is the least score at which no more than the given share of
// honest purchases is at or above it.
func ThresholdFor(points []Point, rate float64) float64 {
	return fraud.Threshold(honestOf(points), rate)
}

// honestOf are the scores of honest purchases.
func honestOf(points []Point) (scores []float64) {
	for _, p := range points {
		if !p.Fraud {
			scores = append(scores, p.Score)
		}
	}
	return scores
}

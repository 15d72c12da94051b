package anomaly

import "math"

// tail learns how large a distance usually is, and says how surprising one is:
// −log₁₀ of the probability to see one as large. Inside of what was seen it
// counts; beyond that it goes on with a Pareto tail, whose exponent is Hill's
// estimate (1975) over the largest 3 %, drawn to a prior while these are few.
//
// Distances are counted by their logarithm, so memory is fixed and the unit of
// the series does not matter.
type tail struct {
	bins  [tailBins]float64 // bins[0] also holds the distance 0
	total float64
}

const (
	tailBins   = 256
	tailLowest = -12.0 // ln of the smallest distance that is told from 0
	tailWidth  = 24.0 / tailBins

	tailLeast   = 30     // points before it says anything
	tailHorizon = 50_000 // points after which the past counts half

	tailShare       = 0.03 // the largest distances, which the exponent is taken from
	tailFewest      = 10   // at least this many
	tailPrior       = 0.3  // mean excess of the logarithm before anything is known
	tailPriorWeight = 5    // in points
)

func tailBin(distance float64) int {
	if !(distance > 0) {
		return 0
	}
	bin := (math.Log(distance) - tailLowest) / tailWidth
	return int(max(1, min(tailBins-1, bin)))
}

// learn counts one distance.
func (t *tail) learn(distance float64) {
	t.bins[tailBin(distance)]++
	t.total++
	if t.total < tailHorizon {
		return
	}
	t.total = 0
	for i := range t.bins {
		t.bins[i] /= 2
		t.total += t.bins[i]
	}
}

// surprise is −log₁₀ of the probability of a distance this large or larger; 0
// while too little is known.
func (t *tail) surprise(distance float64) float64 {
	if t.total < tailLeast {
		return 0
	}
	bin := tailBin(distance)
	edge := t.edge()
	if bin <= edge {
		return -math.Log10((t.above(bin) + t.bins[bin]/2 + 0.5) / (t.total + 1))
	}
	excess := math.Log(distance) - (tailLowest + float64(edge+1)*tailWidth)
	return -math.Log10((t.above(edge)+0.5)/(t.total+1)) + excess/t.meanExcess(edge)/math.Ln10
}

// judge says how surprising the distance is, and only then learns it.
func (t *tail) judge(distance float64) float64 {
	s := t.surprise(distance)
	t.learn(distance)
	return s
}

// above counts the distances in larger bins.
func (t *tail) above(bin int) float64 {
	var n float64
	for i := bin + 1; i < tailBins; i++ {
		n += t.bins[i]
	}
	return n
}

// edge is the bin behind which the tail begins.
func (t *tail) edge() int {
	need, count := max(tailFewest, tailShare*t.total), 0.0
	for bin := tailBins - 1; bin > 0; bin-- {
		if count += t.bins[bin]; count >= need {
			return bin
		}
	}
	return 0
}

// meanExcess is how far, in the logarithm, the points behind the edge lie
// behind it.
func (t *tail) meanExcess(edge int) float64 {
	sum, n := tailPriorWeight*tailPrior, float64(tailPriorWeight)
	for i := edge + 1; i < tailBins; i++ {
		sum += t.bins[i] * (float64(i-edge) - 0.5) * tailWidth
		n += t.bins[i]
	}
	return sum / n
}

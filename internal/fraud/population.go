package fraud

import "slices"

// keptPopulation is how many of the latest amounts describe everybody.
const keptPopulation = 512

// refreshPopulation is after how many purchases they are described anew.
const refreshPopulation = 32

// Population is what the purchases of all users look like: what to expect of
// somebody of whom nothing is known. Its zero value knows nothing, and answers
// with a wide guess.
type Population struct {
	count   uint64
	amounts [keptPopulation]float32 // log dollars, a ring
	center  float64                 // of amounts when count last was a multiple of refreshPopulation
	spread  float64
}

// The guess before there are purchases: 30 dollars, give or take a factor of 3.
const (
	guessCenter = 3.4
	guessSpread = 1.1
	guessWeight = 20 // purchases that the guess is worth
)

// least and most spread of log amounts that is believed.
const (
	leastSpread = 0.25
	mostSpread  = 2.5
)

// learn takes one amount in.
func (p *Population) learn(amount float64) {
	p.amounts[p.count%keptPopulation] = float32(amount)
	p.count++
	if p.count%refreshPopulation != 0 {
		return
	}
	n := int(min(p.count, keptPopulation))
	center, spread := robust(p.amounts[:n])
	p.center = shrink(center, n, guessCenter, guessWeight)
	p.spread = clamp(shrink(spread, n, guessSpread, guessWeight), leastSpread, mostSpread)
}

// describe returns median and robust standard deviation of log amounts.
func (p *Population) describe() (center, spread float64) {
	if p.count < refreshPopulation {
		return guessCenter, guessSpread
	}
	return p.center, p.spread
}

// robust is the median, and 1.4826 times the median absolute deviation from it,
// which for normal values is the standard deviation. It is (0, 0) for none.
func robust(values []float32) (center, spread float64) {
	if len(values) == 0 {
		return 0, 0
	}
	var buffer [keptPopulation]float32
	sorted := append(buffer[:0], values...)
	slices.Sort(sorted)
	median := middle(sorted)
	for i, v := range sorted {
		sorted[i] = max(v-median, median-v)
	}
	slices.Sort(sorted)
	return float64(median), 1.4826 * float64(middle(sorted))
}

// middle is the median of sorted values.
func middle(sorted []float32) float32 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// shrink draws what was seen n times towards a prior that is worth weight of them.
func shrink(seen float64, n int, prior, weight float64) float64 {
	return (float64(n)*seen + weight*prior) / (float64(n) + weight)
}

// clamp is v, or the bound that it exceeds.
func clamp(v, least, most float64) float64 { return min(max(v, least), most) }

package incident

// block sums up windows, to see how much whole days differ from each other
// beyond what their hours would.
type block struct {
	Windows       int
	Sum, Before   Bucket
	Differences   float64 // squared, in units of the variance; fading
	DifferenceFor float64
}

// blockFade is what a day counts for, a day later; half of it is ten days.
const blockFade = 0.93

// learn compares each block with the one before: their difference knows
// neither season nor trend.
func (b *block) learn(window Bucket, length int, k Kind, rate float64) {
	if length == 0 {
		return
	}
	b.Sum.add(window)
	if b.Windows++; b.Windows < length {
		return
	}
	if b.Sum.Exposed > 0 && b.Before.Exposed > 0 {
		off := b.Sum.Seen/b.Sum.Exposed - b.Before.Seen/b.Before.Exposed
		chance := k.variance(rate, 1) * (1/b.Sum.Exposed + 1/b.Before.Exposed)
		b.Differences = b.Differences*blockFade + off*off/chance
		b.DifferenceFor = b.DifferenceFor*blockFade + 1
	}
	b.Before, b.Sum, b.Windows = b.Sum, Bucket{}, 0
}

// noise of the sum of so many windows, where that of a single one is known. What
// the windows of a day share adds up, while chance evens out.
func (b *block) noise(single float64, windows, length int) float64 {
	if length == 0 || b.DifferenceFor == 0 {
		return single
	}
	shared := max(0, b.Differences/b.DifferenceFor-single)
	return single + shared*float64(min(windows, length))/float64(length)
}

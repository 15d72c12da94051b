package incident

import "math"

// Kind is what a figure is.
type Kind string

// Kinds of figures.
const (
	Share  Kind = "share"  // of the window's users those who had an event
	Chance Kind = "chance" // of its own chances those that came true, such as a conversion
	Count  Kind = "count"  // a number of things
	Money  Kind = "money"  // an amount: as a count, but its unit means nothing
)

// shares reports whether Seen is a part of Exposed.
func (k Kind) shares() bool { return k == Share || k == Chance }

// Bucket is one window of a figure. Of Exposed chances Seen came true. Of
// counts and money Exposed is the season: how many average windows this hour or
// day is usually worth.
type Bucket struct{ Exposed, Seen float64 }

func (b *Bucket) add(other Bucket) { b.Exposed += other.Exposed; b.Seen += other.Seen }

func (b Bucket) less(other Bucket) Bucket {
	return Bucket{b.Exposed - other.Exposed, b.Seen - other.Seen}
}

const tiny = 1e-9

// variance of what is seen of so many chances, if these were independent.
func (k Kind) variance(rate, exposed float64) float64 {
	if k.shares() {
		return max(rate*(1-rate)*exposed, tiny)
	}
	return max(rate*exposed, tiny)
}

// likelihood is the logarithm of how much likelier the sum is at the rate
// during than at the rate before.
func (k Kind) likelihood(sum Bucket, before, during float64) float64 {
	before, during = max(before, tiny), max(during, tiny)
	if !k.shares() {
		return sum.Seen*math.Log(during/before) - sum.Exposed*(during-before)
	}
	before, during = min(before, 1-tiny), min(during, 1-tiny)
	return sum.Seen*math.Log(during/before) + (sum.Exposed-sum.Seen)*math.Log((1-during)/(1-before))
}

// differs compares odds, or rates of counts.
func (k Kind) differs(before, during, ratio float64) bool {
	r := during / max(before, tiny)
	if k.shares() {
		r = during * (1 - before) / max(tiny, before*(1-during))
	}
	return r >= ratio || r <= 1/ratio
}

// usual is what windows that count as usual sum up to.
type usual struct {
	Bucket
	Windows float64
	// Squares is, of shares, the sum of seen²/exposed, from which the noise at any
	// rate follows; of counts, the sum of squared errors in units of the variance.
	Squares float64
}

func (u *usual) add(p point) {
	u.Bucket.add(p.Bucket)
	u.Squares += p.Square
	if p.Exposed > 0 {
		u.Windows++
	}
}

func (u *usual) fade(memory int) {
	keep := 1 - 1/float64(memory)
	u.Exposed, u.Seen, u.Windows, u.Squares = u.Exposed*keep, u.Seen*keep, u.Windows*keep, u.Squares*keep
}

// rate of what came true; what never happened has a rate too.
func (u *usual) rate(k Kind) float64 {
	if k == Money {
		return u.Seen / max(u.Exposed, tiny)
	}
	return (u.Seen + 0.5) / (u.Exposed + 1)
}

// noise is how many times the variance exceeds that of independent chances.
// Money has no natural unit, so that its noise is also the size of a payment.
func (u *usual) noise(k Kind, rate float64) float64 {
	if !k.shares() {
		measured := u.Squares / max(1, u.Windows)
		if k == Money {
			return max(measured, tiny)
		}
		return max(1, measured)
	}
	squares := u.Squares - 2*rate*u.Seen + rate*rate*u.Exposed
	return max(1, squares/max(tiny, rate*(1-rate))/max(1, u.Windows-1))
}

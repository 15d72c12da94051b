package fraud

import "math"

// Feature numbers what is known of a purchase relative to its user.
type Feature uint8

// The features. All are 0 or small for what is usual.
const (
	AmountDistance Feature = iota // robust deviations from the user's own median amount
	AmountOverMost                // log of the amount over the largest amount of the user
	AmountAmongAll                // robust deviations from everybody's median amount
	HourSpend                     // deviations of the hour's sum, this one included, from one usual amount
	AttemptsMinute                // log of 1 + payments tried within the minute before
	AttemptsTen                   // the same for 10 minutes
	AttemptsHour                  // the same for an hour
	DeclinedHour                  // log of 1 + payments declined within the hour before
	Haste                         // how soon after the last purchase: 0 from a day, 1 each factor of 10 less
	CountryNovelty                // 0 for a country of the user's to 1 for one never seen
	DeviceNovelty                 // the same for the device
	CountryJump                   // 0 to 1: seen in another country 6 h to 0 h before
	HourRarity                    // how seldom the user comes at this hour
	Newcomer                      // 1 for a first hour of presence, towards 0 with more
	featureCount
)

// FeatureCount is the number of features.
const FeatureCount = int(featureCount)

// Name is the feature's name in the API and in tables.
func (f Feature) Name() string {
	return [featureCount]string{
		"amount_distance", "amount_over_most", "amount_among_all", "hour_spend",
		"attempts_minute", "attempts_10m", "attempts_hour", "declined_hour", "haste",
		"country_novelty", "device_novelty", "country_jump", "hour_rarity", "newcomer",
	}[f]
}

// Features of one purchase, by [Feature].
type Features [FeatureCount]float64

// What the population's amounts are worth beside a user's own, in purchases.
const priorPurchases = 4

// Bounds that keep one wild value from meaning everything.
const (
	mostDistance = 12.0
	mostOver     = 8.0
)

// look computes the features of a purchase before the profile learns of it.
func look(e *Event, p *Profile, all *Population) (f Features) {
	f.amounts(e, p, all)
	f.velocity(e, p)
	f.places(e, p)
	return f
}

// amounts compares the amount with the user's own and with everybody's.
func (f *Features) amounts(e *Event, p *Profile, all *Population) {
	amount, ok := e.logAmount()
	if !ok {
		return
	}
	center, spread := all.describe()
	own := usualAmount(p, center, spread)
	f[AmountDistance] = clamp((amount-own.center)/own.spread, -mostDistance, mostDistance)
	f[AmountOverMost] = clamp(amount-own.most, -mostOver, mostOver)
	f[AmountAmongAll] = clamp((amount-center)/spread, -mostDistance, mostDistance)
	sum := math.Exp(amount)
	for _, a := range p.tries() {
		if e.At-hour < a.at && a.at <= e.At && !a.declined && !a.unknown {
			sum += math.Exp(float64(a.amount))
		}
	}
	f[HourSpend] = clamp((math.Log(sum)-own.center)/own.spread, -mostDistance, mostDistance)
}

// usual describes a user's amounts, in log dollars.
type usual struct{ center, spread, most float64 }

// usualAmount describes the user's amounts; where there are few, with the help
// of everybody's.
func usualAmount(p *Profile, center, spread float64) usual {
	known := p.known()
	n := len(known)
	own, deviation := robust(known)
	u := usual{
		center: shrink(own, n, center, priorPurchases),
		spread: shrink(max(deviation, leastSpread), n, spread, priorPurchases),
		most:   center + 2*spread,
	}
	if n > 0 {
		most := known[0]
		for _, v := range known {
			most = max(most, v)
		}
		u.most = shrink(float64(most), n, center+2*spread, priorPurchases/2)
	}
	return u
}

// velocity counts payments shortly before. What is later in event time does not
// count, though it may have come earlier.
func (f *Features) velocity(e *Event, p *Profile) {
	var within [3]int
	declined, last := 0, int64(math.MinInt64)
	for _, a := range p.tries() {
		if a.at > e.At {
			continue
		}
		for i, window := range [3]int64{minute, 10 * minute, hour} {
			if a.at > e.At-window {
				within[i]++
			}
		}
		if a.declined && a.at > e.At-hour {
			declined++
		}
		if !a.declined {
			last = max(last, a.at)
		}
	}
	f[AttemptsMinute] = math.Log1p(float64(within[0]))
	f[AttemptsTen] = math.Log1p(float64(within[1]))
	f[AttemptsHour] = math.Log1p(float64(within[2]))
	f[DeclinedHour] = math.Log1p(float64(declined))
	if last != math.MinInt64 {
		f[Haste] = max(0, math.Log10(float64(day)/float64(max(e.At-last, 100))))
	}
}

// places tells how new country, device and hour are for the user.
func (f *Features) places(e *Event, p *Profile) {
	country := countryKey(e.Country)
	f[CountryNovelty] = novelty(&p.countries, country, e.At)
	f[DeviceNovelty] = novelty(&p.devices, e.Device, e.At)
	f[CountryJump] = jump(&p.countries, country, e.At)
	f[HourRarity] = p.rarity(e.At)
	f[Newcomer] = 1 / (1 + float64(p.presence)/2)
}

// familiarAfter is how long ago something was seen first that is no longer new.
const familiarAfter = 2 * day

// novelty is near 1 for something that the user has not been seen with before,
// although he has been seen often; it fades within familiarAfter. In a user of
// whom nothing else is known, nothing is new.
func novelty(all *habits, key uint32, at int64) float64 {
	if key == 0 {
		return 0
	}
	others := 0.0
	for _, h := range all {
		if h.key != key {
			others += float64(h.hours)
		}
	}
	fresh := 1.0
	if known := all.find(key); known != nil {
		fresh = clamp(1-float64(at-known.first)/float64(familiarAfter), 0, 1)
	}
	return fresh * others / (others + 4)
}

// jumpWithin is the time in which nobody is in two countries without notice.
const jumpWithin = 6 * hour

// jump is 1 where the user was seen in another country just before, and falls to
// 0 with jumpWithin. Somebody who is seen in both all the time, such as behind
// two networks, does not jump.
func jump(all *habits, key uint32, at int64) float64 {
	if key == 0 {
		return 0
	}
	most := 0.0
	for _, h := range all {
		if h.key == 0 || h.key == key || h.last > at {
			continue
		}
		most = max(most, 1-float64(at-h.last)/float64(jumpWithin))
	}
	return most * unfamiliar(all.find(key))
}

// unfamiliar is 1 for a habit that is none, and falls with the hours of presence.
func unfamiliar(h *habit) float64 {
	if h == nil {
		return 1
	}
	return 1 / (1 + float64(h.hours)/8)
}

// rarity is 0 where the user comes at this hour of the day, or one beside it, at
// least as often as at any, and rises to about 3 where he never does. Of
// somebody new it is near 0.
func (p *Profile) rarity(at int64) float64 {
	const prior = 24.0 // hours of presence that an even spread is worth
	h := int(at / hour % 24)
	near := float64(p.hours[h]) + float64(p.hours[(h+1)%24]) + float64(p.hours[(h+23)%24])
	even := 3.0 / 24
	share := (near + prior*even) / (float64(p.presence) + prior)
	return max(0, math.Log(even/share))
}

// Float32 are the features in the precision in which they are kept.
func (f *Features) Float32() []float32 {
	values := make([]float32, len(f))
	for i, v := range f {
		values[i] = float32(v)
	}
	return values
}

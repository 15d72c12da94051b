package fraud

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Summary is what a profile holds, for people to look at.
type Summary struct {
	// FirstSeen and LastPurchase are event times; zero for none.
	FirstSeen, LastPurchase time.Time
	// Purchases is how many the profile has learnt from.
	Purchases int
	// Usual is the amount that purchases of the user are compared with, in about
	// US dollars: with few purchases everybody's count too. Largest is that of the
	// last 32, 0 for none.
	Usual, Largest float64
	// Attempts are payments among the last 32 that were tried, Declined those of
	// them that were declined.
	Attempts, Declined int
	// Countries are codes, those most familiar first. Devices are how many are
	// known: they are kept as numbers that name nothing.
	Countries []string
	Devices   int
	// Presence is how many hours the user was there in; Hours are the same by hour
	// of the day in UTC.
	Presence int
	Hours    [24]int
}

// Summary describes the profile among the population that it is compared with.
func (p *Profile) Summary(all *Population) Summary {
	center, spread := all.describe()
	s := Summary{
		FirstSeen: instant(p.firstSeen), Purchases: p.Purchases(), Usual: math.Exp(usualAmount(p, center, spread).center),
		Attempts: len(p.tries()), Presence: int(p.presence),
	}
	if known := p.known(); len(known) > 0 {
		s.Largest = math.Exp(float64(slices.Max(known)))
	}
	var last int64
	for _, a := range p.tries() {
		if a.declined {
			s.Declined++
		} else {
			last = max(last, a.at)
		}
	}
	s.LastPurchase = instant(last)
	countries := p.countries
	slices.SortStableFunc(countries[:], func(a, b habit) int { return cmp.Compare(b.hours, a.hours) })
	for _, h := range countries {
		if h.key != 0 {
			s.Countries = append(s.Countries, countryCode(h.key))
		}
	}
	for _, h := range p.devices {
		if h.key != 0 {
			s.Devices++
		}
	}
	for i, n := range p.hours {
		s.Hours[i] = int(n)
	}
	return s
}

// instant is an event time, zero where there is none.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

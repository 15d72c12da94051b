package anomaly

import (
	"cmp"
	"slices"
	"strings"
)

// Day is what happened on one day: of all events, or of those with one value
// of a property; of one type, or, where Type is empty, of all types.
type Day struct {
	Day             int // from 0 for the first
	Property, Value string
	Type            string
	Users, Events   float64
}

// Figure names. A share is named by its event.
const (
	usersFigure  = "users"
	eventsFigure = "events"
	sharePrefix  = "share of users with "
)

// countsWindow is how many days a plain count is compared with.
const countsWindow = 14

// ShareOf is the event that a figure is the share of, "" where it is another figure.
func ShareOf(measure string) string {
	event, ok := strings.CutPrefix(measure, sharePrefix)
	if !ok {
		return ""
	}
	return event
}

// Amount is money taken on one day, in one currency, by all or by the events
// with one value of a property.
type Amount struct {
	Day             int
	Property, Value string
	Currency        string
	Amount          float64
}

// Revenue makes a series of so many days per currency: currencies are never added.
func Revenue(amounts []Amount, days int) []Series {
	f := figures{days: days, series: map[figureKey]*Series{}}
	for _, a := range amounts {
		measure := "revenue"
		if a.Currency != "" {
			measure += " in " + a.Currency
		}
		f.at(figureKey{measure, a.Property, a.Value}, true)[a.Day].Seen += max(0, a.Amount)
	}
	return f.sorted()
}

// Figures makes series of so many days: users, events, and for every type of
// event the share of the day's users who had one. A share stays the same while
// the business grows, and it has its day's and week's season taken out.
func Figures(rows []Day, days int) []Series {
	f := figures{days: days, series: map[figureKey]*Series{}}
	type part struct{ property, value string }
	users := map[part][]float64{}
	types := map[string]bool{}
	for _, r := range rows {
		if r.Type != "" {
			types[r.Type] = true
			continue
		}
		p := part{r.Property, r.Value}
		if users[p] == nil {
			users[p] = make([]float64, days)
		}
		users[p][r.Day] += r.Users
		f.at(figureKey{usersFigure, r.Property, r.Value}, true)[r.Day].Seen += r.Users
		f.at(figureKey{eventsFigure, r.Property, r.Value}, true)[r.Day].Seen += r.Events
	}
	for p, active := range users {
		for t := range types {
			buckets := f.at(figureKey{sharePrefix + t, p.property, p.value}, false)
			for day := range buckets {
				buckets[day].Exposed = active[day]
			}
		}
	}
	for _, r := range rows {
		if r.Type != "" {
			b := &f.at(figureKey{sharePrefix + r.Type, r.Property, r.Value}, false)[r.Day]
			b.Seen = min(b.Exposed, b.Seen+r.Users)
		}
	}
	return f.sorted()
}

type figureKey struct{ measure, property, value string }

type figures struct {
	days   int
	series map[figureKey]*Series
}

func (f *figures) at(key figureKey, counts bool) []Bucket {
	s := f.series[key]
	if s == nil {
		s = &Series{Measure: key.measure, Property: key.property, Value: key.value, Counts: counts, Buckets: make([]Bucket, f.days)}
		f.series[key] = s
	}
	return s.Buckets
}

// sorted lists the series, the same way each time, with the expectation of
// plain counts filled in.
func (f *figures) sorted() []Series {
	all := make([]Series, 0, len(f.series))
	for _, s := range f.series {
		if s.Counts {
			expectCounts(s.Buckets)
		}
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Series) int {
		return cmp.Or(strings.Compare(a.Measure, b.Measure), strings.Compare(a.Property, b.Property), strings.Compare(a.Value, b.Value))
	})
	return all
}

// expectCounts expects of each day the mean of two weeks before, which follows
// a trend and holds each day of the week twice.
func expectCounts(buckets []Bucket) {
	for i := len(buckets) - 1; i > 0; i-- {
		var sum Bucket
		before := buckets[max(0, i-countsWindow):i]
		for _, b := range before {
			sum.Seen += b.Seen
		}
		buckets[i].Exposed = sum.Seen / float64(len(before))
	}
}

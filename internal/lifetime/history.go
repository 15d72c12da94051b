package lifetime

import (
	"cmp"
	"slices"
	"time"
)

// DaysPerWeek converts days to the models' unit of time.
const DaysPerWeek = 7

// History is all that the models know of a customer.
type History struct {
	// Repeats is the number of days with a purchase, less the first one.
	Repeats int
	// Recency is the time from the first to the last purchase, in weeks; 0 where
	// there is no repeat.
	Recency float64
	// Age is the time from the first purchase to the end of the calibration, in weeks.
	Age float64
	// Priced is the number of repeats whose value is known, and MeanSpend the mean of
	// those; both 0 where there is none.
	Priced    int
	MeanSpend float64
}

// Customer is a history with its owner, and what followed it.
type Customer struct {
	ID string
	History
	// Later is the number of days with a purchase after the calibration.
	Later int
}

// Group is all customers whose purchases look the same to [BGNBD].
type Group struct {
	Repeats      int
	Recency, Age float64 // weeks
	Customers    float64
	// Later is the sum of the customers' purchase days after the calibration.
	Later float64
}

// history is the group's, as that of each of its customers.
func (g Group) history() History {
	return History{Repeats: g.Repeats, Recency: g.Recency, Age: g.Age}
}

// Spend is what [GammaGamma] is fitted to: customers with as many repeat days of
// the same mean value.
type Spend struct {
	Repeats   int
	Mean      float64
	Customers float64
}

// Purchase is one line of a shop's books.
type Purchase struct {
	Customer string
	// Day is midnight UTC of the purchase's day.
	Day    time.Time
	Amount float64
}

// Customers makes histories of all who bought until the last day of the
// calibration, which belongs to it, ordered by id. It sorts purchases in place.
func Customers(purchases []Purchase, until time.Time) []Customer {
	slices.SortStableFunc(purchases, func(a, b Purchase) int {
		return cmp.Or(cmp.Compare(a.Customer, b.Customer), a.Day.Compare(b.Day))
	})
	var customers []Customer
	for len(purchases) > 0 {
		n := 1
		for n < len(purchases) && purchases[n].Customer == purchases[0].Customer {
			n++
		}
		if !purchases[0].Day.After(until) {
			customers = append(customers, customerOf(purchases[:n], until))
		}
		purchases = purchases[n:]
	}
	return customers
}

// customerOf summarises the purchases of one customer, ordered by day.
func customerOf(purchases []Purchase, until time.Time) Customer {
	first := purchases[0].Day
	c := Customer{ID: purchases[0].Customer, History: History{Age: weeks(until.Sub(first))}}
	last, spent := first, 0.0
	for _, p := range purchases {
		if p.Day.After(until) {
			if p.Day.After(last) {
				c.Later++
			}
		} else if p.Day.After(first) {
			if p.Day.After(last) {
				c.Repeats++
			}
			spent += p.Amount
			c.Recency = weeks(p.Day.Sub(first))
		}
		last = p.Day
	}
	if c.Repeats > 0 {
		c.Priced, c.MeanSpend = c.Repeats, spent/float64(c.Repeats)
	}
	return c
}

func weeks(d time.Duration) float64 { return d.Hours() / 24 / DaysPerWeek }

// Groups counts the customers who look the same to [BGNBD].
func Groups(customers []Customer) []Group {
	var c Collector
	for _, customer := range customers {
		c.Add(customer)
	}
	return c.groups
}

// Collector turns customers into what models are trained on, in memory that
// grows with the ways in which customers differ. The zero value is ready.
type Collector struct {
	at     map[Group]int // of groups, by what they have in common
	groups []Group
	spends []Spend
}

// Add counts a customer.
func (c *Collector) Add(customer Customer) {
	if c.at == nil {
		c.at = map[Group]int{}
	}
	look := Group{Repeats: customer.Repeats, Recency: customer.Recency, Age: customer.Age}
	i, known := c.at[look]
	if !known {
		i = len(c.groups)
		c.at[look], c.groups = i, append(c.groups, look)
	}
	c.groups[i].Customers++
	c.groups[i].Later += float64(customer.Later)
	// A gamma distribution has no zero: who paid nothing is left out, as in the paper.
	if customer.Priced > 0 && customer.MeanSpend > 0 {
		c.spends = append(c.spends, Spend{Repeats: customer.Priced, Mean: customer.MeanSpend, Customers: 1})
	}
}

// Data is what was collected. The end of the calibration is the caller's, and so
// are the weeks that Later counted.
func (c *Collector) Data(until time.Time, holdoutWeeks float64) Data {
	return Data{Groups: c.groups, Spends: c.spends, Until: until, HoldoutWeeks: holdoutWeeks}
}

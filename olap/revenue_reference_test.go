package olap

import (
	"cmp"
	"math/big"
	"slices"
	"time"
)

// The reference for revenue: it filters all events anew for every figure, and
// adds money as fractions. Slow, and obvious.

type refRevenue struct {
	from, to time.Time
	bounds   []time.Time // of the buckets
	fits     func(row) bool
	value    func(row) string // of the breakdown, "" is absent; nil without one
	limit    int
}

// sales are the purchases and refunds of the range.
func (f refRevenue) sales(rows []row) []row {
	var out []row
	for _, r := range rows {
		if !r.at.Before(f.from) && r.at.Before(f.to) && f.fits(r) && (r.kind == "purchase" || r.kind == "refund") {
			out = append(out, r)
		}
	}
	return out
}

// lines are the answer's lines, in order.
func (f refRevenue) lines(rows []row) []RevenueLine {
	out := []RevenueLine{}
	for _, currency := range f.currencies(f.sales(rows)) {
		mine := rowsWhere(f.sales(rows), func(r row) bool { return r.currency == currency })
		if f.value == nil {
			out = append(out, f.line(currency, nil, mine))
			continue
		}
		named := f.named(mine)
		for _, v := range named {
			out = append(out, f.line(currency, &v, rowsWhere(mine, func(r row) bool { return f.value(r) == v })))
		}
		named = append(named, "")
		rests := []struct {
			label string
			rows  []row
		}{
			{labelOther, rowsWhere(mine, func(r row) bool { return !slices.Contains(named, f.value(r)) })},
			{labelNone, rowsWhere(mine, func(r row) bool { return f.value(r) == "" })},
		}
		for _, rest := range rests {
			if len(rest.rows) > 0 {
				out = append(out, f.line(currency, &rest.label, rest.rows))
			}
		}
	}
	return out
}

func (f refRevenue) currencies(sales []row) []string {
	orders := map[string]int{}
	for _, r := range sales {
		orders[r.currency] += 0
		if r.kind == "purchase" {
			orders[r.currency]++
		}
	}
	names := sortedKeys(orders)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(orders[b], orders[a]) })
	return names
}

// named are the values of one currency with most gross.
func (f refRevenue) named(sales []row) []string {
	byValue := splitBy(sales, f.value)
	delete(byValue, "")
	names := sortedKeys(byValue)
	slices.SortStableFunc(names, func(a, b string) int {
		x, y := f.figures(byValue[a]), f.figures(byValue[b])
		return cmp.Or(y.Gross.amount().Cmp(x.Gross.amount()), cmp.Compare(y.Orders, x.Orders))
	})
	return names[:min(len(names), f.limit)]
}

func (f refRevenue) line(currency string, value *string, sales []row) RevenueLine {
	l := RevenueLine{Breakdown: value, Total: f.figures(sales)}
	if currency != "" {
		l.Currency = &currency
	}
	for i := range len(f.bounds) - 1 {
		b := f.figures(rowsWhere(sales, func(r row) bool { return !r.at.Before(f.bounds[i]) && r.at.Before(f.bounds[i+1]) }))
		l.Gross, l.Refunds, l.Net = append(l.Gross, b.Gross), append(l.Refunds, b.Refunds), append(l.Net, b.Net)
		l.Orders, l.Customers = append(l.Orders, b.Orders), append(l.Customers, b.Customers)
		l.AverageOrder, l.PerCustomer = append(l.AverageOrder, b.AverageOrder), append(l.PerCustomer, b.PerCustomer)
	}
	return l
}

func (f refRevenue) figures(sales []row) RevenueFigures {
	gross, refunds := new(big.Rat), new(big.Rat)
	var orders, priced uint64
	customers := map[string]bool{}
	for _, r := range sales {
		amount, has := new(big.Rat).SetString(r.amount)
		if r.kind == "purchase" {
			orders++
			customers[r.user] = true
			if has {
				priced++
				gross.Add(gross, amount)
			}
		} else if has {
			refunds.Add(refunds, amount)
		}
	}
	out := RevenueFigures{Gross: moneyOf(gross), Refunds: moneyOf(refunds), Net: moneyOf(new(big.Rat).Sub(gross, refunds)), Orders: orders, Customers: uint64(len(customers))}
	if priced > 0 {
		out.AverageOrder = moneyOf(new(big.Rat).Quo(gross, new(big.Rat).SetUint64(priced)))
	}
	if len(customers) > 0 {
		out.PerCustomer = moneyOf(new(big.Rat).Quo(gross, new(big.Rat).SetInt64(int64(len(customers)))))
	}
	return out
}

// top are the best customers of each currency.
func (f refRevenue) top(rows []row, n int) []RevenueCustomer {
	out := []RevenueCustomer{}
	byCurrency := splitBy(f.sales(rows), func(r row) string { return r.currency })
	for _, currency := range sortedKeys(byCurrency) {
		var customers []RevenueCustomer
		for user, mine := range byUser(byCurrency[currency]) {
			if t := f.figures(mine); t.Orders > 0 {
				c := RevenueCustomer{UserID: user, Gross: t.Gross, Refunds: t.Refunds, Net: t.Net, Orders: t.Orders}
				if currency != "" {
					c.Currency = &currency
				}
				customers = append(customers, c)
			}
		}
		slices.SortFunc(customers, func(a, b RevenueCustomer) int {
			return cmp.Or(b.Net.amount().Cmp(a.Net.amount()), b.Gross.amount().Cmp(a.Gross.amount()), cmp.Compare(a.UserID, b.UserID))
		})
		out = append(out, customers[:min(n, len(customers))]...)
	}
	return out
}

func rowsWhere(rows []row, keep func(row) bool) []row {
	var out []row
	for _, r := range rows {
		if keep(r) {
			out = append(out, r)
		}
	}
	return out
}

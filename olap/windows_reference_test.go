package olap

import (
	"math/big"
	"slices"
	"time"
)

// The reference for windows: it goes through the range ten minutes at a time
// and filters all events anew.

type refWindows struct {
	from, to  time.Time
	zone      *time.Location
	watermark time.Time
	fits      func(row) bool
	types     []string // shown; all of them where empty
}

func (f refWindows) answer(rows []row) *WindowsResult {
	out := &WindowsResult{Windows: []WindowRow{}}
	for start := f.from.Truncate(10 * time.Minute); start.Before(f.to); start = start.Add(10 * time.Minute) {
		end := start.Add(10 * time.Minute)
		mine := rowsWhere(rows, func(r row) bool {
			return !r.at.Before(start) && r.at.Before(end) && !r.at.Before(f.from) && r.at.Before(f.to) && f.fits(r)
		})
		byType := splitBy(mine, func(r row) string { return r.kind })
		final := !start.Before(f.from) && !end.After(f.to) && !end.After(f.watermark)
		from, to := start.In(f.zone).Format(time.RFC3339), end.In(f.zone).Format(time.RFC3339)
		users := func(kind string) uint64 { return uint64(len(byUser(byType[kind]))) }
		view, cart, purchase := users("view"), users("add_to_cart"), users("purchase")
		out.Summary = append(out.Summary, WindowSummary{
			WindowStart: from, WindowEnd: to, View: view, AddToCart: cart, Purchase: purchase,
			CartRate: rate(cart, view), PurchaseRate: rate(purchase, cart), OverallRate: rate(purchase, view), Final: final,
		})
		for _, kind := range sortedKeys(byType) {
			if len(f.types) == 0 || slices.Contains(f.types, kind) {
				out.Windows = append(out.Windows, WindowRow{
					WindowStart: from, WindowEnd: to, Type: kind, Events: uint64(len(byType[kind])), Users: users(kind),
					Revenue: f.revenue(kind, byType[kind]), Final: final,
				})
			}
		}
	}
	return out
}

func (f refWindows) revenue(kind string, rows []row) []WindowRevenue {
	out := []WindowRevenue{}
	sign := map[string]int64{"purchase": 1, "refund": -1}[kind]
	byCurrency := splitBy(rowsWhere(rows, func(r row) bool { return r.amount != "" && sign != 0 }), func(r row) string { return r.currency })
	for _, currency := range sortedKeys(byCurrency) {
		sum := new(big.Rat)
		for _, r := range byCurrency[currency] {
			amount, _ := new(big.Rat).SetString(r.amount)
			sum.Add(sum, amount.Mul(amount, big.NewRat(sign, 1)))
		}
		w := WindowRevenue{Amount: moneyOf(sum)}
		if currency != "" {
			w.Currency = &currency
		}
		out = append(out, w)
	}
	return out
}

package olap

import (
	"context"
	"slices"
	"time"
)

// windows asks for the 10-minute tumbling windows themselves.
type windows struct {
	common
	Kind_ string      `json:"kind"`
	Event eventChoice `json:"event"`
}

// maxWindowRows bounds the rows (a window and a type each) of one answer.
const maxWindowRows = 100_000

func parseWindows(data []byte) (Query, error) {
	w := &windows{common: defaultCommon()}
	w.From.text, w.Interval = "-1d", by10m
	if err := decodeStrict(data, w); err != nil {
		return nil, err
	}
	if w.Interval != by10m {
		return nil, faultf(CodeInvalidValue, "/interval", `windows are ten minutes wide; leave interval out, or ask for "trends" by %s`, w.Interval)
	}
	return w, checkRange(w.common, w.frame)
}

// Kind is "windows".
func (w *windows) Kind() string { return "windows" }

// frame cuts the range at every tenth minute of UTC: windows are the same for
// everybody, only their stamps are in the question's zone.
func (w *windows) frame(now time.Time) (frame, error) {
	f, err := w.span(now)
	if err != nil {
		return f, err
	}
	f.bounds = calendar{interval: by10m, zone: time.UTC}.bounds(f.from, f.to, maxBuckets)
	if f.bounds == nil {
		return f, faultf(CodeTooManyBuckets, "/from", "%s to %s has more than %d windows; choose a shorter range", stamp(f.from), stamp(f.to), maxBuckets)
	}
	return f, nil
}

// WindowsResult is the answer to a question about windows.
type WindowsResult struct {
	// Windows has a row per window and type that has events, by time and type.
	Windows []WindowRow `json:"windows"`
	// Summary has a row per window, every one of the range.
	Summary []WindowSummary `json:"summary"`
}

func (*WindowsResult) result() {}

// WindowRow is what happened of one type in one window.
type WindowRow struct {
	// WindowStart and WindowEnd are RFC 3339 in the question's zone.
	WindowStart string `json:"window_start"`
	WindowEnd   string `json:"window_end"`
	Type        string `json:"type"`
	Events      uint64 `json:"events"`
	Users       uint64 `json:"users"`
	// Revenue is the amount of the row's purchases, or less than nothing that of
	// its refunds, by currency; empty for other types.
	Revenue []WindowRevenue `json:"revenue"`
	// Final tells that the range holds the whole window and the watermark has
	// passed it.
	Final bool `json:"final"`
}

// WindowRevenue is money in one currency.
type WindowRevenue struct {
	// Currency is null for events that carry none.
	Currency *string `json:"currency"`
	Amount   money   `json:"amount"`
}

// WindowSummary counts the different users who viewed, carted and bought in one
// window. They need not be the same ones: a funnel is a question of its own.
type WindowSummary struct {
	WindowStart string `json:"window_start"`
	WindowEnd   string `json:"window_end"`
	View        uint64 `json:"view"`
	AddToCart   uint64 `json:"add_to_cart"`
	Purchase    uint64 `json:"purchase"`
	// The rates are one count by another; null where that is 0.
	CartRate     number `json:"cart_rate"`     // add_to_cart by view
	PurchaseRate number `json:"purchase_rate"` // purchase by add_to_cart
	OverallRate  number `json:"overall_rate"`  // purchase by view
	Final        bool   `json:"final"`
}

// summarized are the types of a summary, in its order.
func summarized() []string { return []string{"view", "add_to_cart", typePurchase} }

func (w *windows) answer(ctx context.Context, r *run) (Result, error) {
	f, err := w.frame(r.now)
	if err != nil {
		return nil, err
	}
	f.missing = r.missing
	r.describe(f)
	rows, err := w.rows(ctx, r, f)
	if err != nil {
		return nil, err
	}
	if err := w.recount(ctx, r, f, rows); err != nil {
		return nil, err
	}
	out := newWindowsResult(f, f.incomplete(r.watermark))
	for _, row := range rows {
		out.add(row.index, row.WindowRow, w.Event.takes(row.Type))
	}
	return out, nil
}

// newWindowsResult is a range in which nothing happened.
func newWindowsResult(f frame, incomplete []int) *WindowsResult {
	out := &WindowsResult{Windows: []WindowRow{}, Summary: make([]WindowSummary, f.buckets())}
	for i := range out.Summary {
		out.Summary[i] = WindowSummary{
			WindowStart: stamp(f.bounds[i].In(f.calendar.zone)), WindowEnd: stamp(f.bounds[i+1].In(f.calendar.zone)), Final: true,
		}
	}
	for _, i := range incomplete {
		out.Summary[i].Final = false
	}
	return out
}

// add takes one row into the summary of its window, and, where it was asked
// for, into the rows.
func (out *WindowsResult) add(index int, row WindowRow, asked bool) {
	s := &out.Summary[index]
	switch row.Type {
	case "view":
		s.View = row.Users
	case "add_to_cart":
		s.AddToCart = row.Users
	case typePurchase:
		s.Purchase = row.Users
	}
	s.CartRate, s.PurchaseRate, s.OverallRate = rate(s.AddToCart, s.View), rate(s.Purchase, s.AddToCart), rate(s.Purchase, s.View)
	if asked {
		row.WindowStart, row.WindowEnd, row.Final = s.WindowStart, s.WindowEnd, s.Final
		out.Windows = append(out.Windows, row)
	}
}

// windowRevenue is what a row brought, by currency in the order of their names.
func windowRevenue(kind string, currencies, amounts []string) []WindowRevenue {
	out := []WindowRevenue{}
	if kind != typePurchase && kind != typeRefund {
		return out
	}
	sums := map[string]money{}
	for i, currency := range currencies {
		amount := parseMoney(amounts[i])
		if sum, known := sums[currency]; known {
			amount = amount.plus(sum)
		}
		sums[currency] = amount
	}
	for _, currency := range sortedKeys(sums) {
		amount := sums[currency]
		if kind == typeRefund {
			amount = money{"0"}.minus(amount)
		}
		out = append(out, WindowRevenue{Currency: currencyOf(currency), Amount: amount})
	}
	return out
}

// takes tells whether the choice has a type.
func (e eventChoice) takes(kind string) bool {
	return len(e.types) == 0 || slices.Contains(e.types, kind)
}

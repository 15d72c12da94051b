package olap

import (
	"context"
	"encoding/json"
)

// The events that money comes and goes with.
const (
	typePurchase = "purchase"
	typeRefund   = "refund"
)

// revenue asks what purchases brought and refunds took, by bucket of time.
// Amounts of different currencies are never added.
type revenue struct {
	common
	Kind_     string        `json:"kind"`
	Currency  *currencyName `json:"currency"`
	Breakdown *breakdown    `json:"breakdown"`
	Top       *int          `json:"top"`
}

// currencyName is the currency of an event; empty for events without one.
type currencyName string

func (c *currencyName) decodeJSON(raw json.RawMessage, pointer string) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return faultf(CodeWrongType, pointer, `%s is not a currency; write it as your events do, such as "EUR", or leave it out for all`, shorten(raw))
	}
	*c = currencyName(text)
	return nil
}

// Bounds of one answer about revenue. Cells are lines times buckets.
const (
	maxTopCustomers = 100
	maxRevenueLines = 5_000
	maxRevenueCells = 200_000
)

func parseRevenue(data []byte) (Query, error) {
	top := 10
	v := &revenue{common: defaultCommon(), Top: &top}
	if err := decodeStrict(data, v); err != nil {
		return nil, err
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	return v, nil
}

// Kind is "revenue".
func (v *revenue) Kind() string { return "revenue" }

func (v *revenue) check() error {
	if *v.Top < 0 || *v.Top > maxTopCustomers {
		return faultf(CodeInvalidValue, "/top", "%d is not between 0 and %d customers", *v.Top, maxTopCustomers)
	}
	if err := v.Breakdown.check("/breakdown"); err != nil {
		return err
	}
	return checkRange(v.common, v.frame)
}

// RevenueResult is the answer to a question about revenue. Money is decimal
// text.
type RevenueResult struct {
	// Buckets are the beginnings of the buckets, RFC 3339 in the question's zone.
	Buckets []string `json:"buckets"`
	// Series has a line per currency, those with most orders first, and within
	// it per value of the breakdown, those with most gross first, then (other)
	// and (none).
	Series []RevenueLine `json:"series"`
	// TopCustomers are those with the highest net, per currency.
	TopCustomers []RevenueCustomer `json:"top_customers"`
	// Incomplete lists the indexes of buckets that the range cuts or that may
	// still change.
	Incomplete []int `json:"incomplete"`
}

func (*RevenueResult) result() {}

// RevenueLine is the revenue of one currency and value, a figure per bucket.
type RevenueLine struct {
	// Currency is null for events that carry none.
	Currency  *string `json:"currency"`
	Breakdown *string `json:"breakdown,omitempty"`
	// Gross is the sum of purchases, Refunds that of refunds, Net the difference.
	Gross   []money `json:"gross"`
	Refunds []money `json:"refunds"`
	Net     []money `json:"net"`
	// Orders counts purchases, Customers the different users who made them.
	Orders    []uint64 `json:"orders"`
	Customers []uint64 `json:"customers"`
	// AverageOrder is gross by orders that carry an amount, PerCustomer gross
	// by customers; null where there are none.
	AverageOrder []money `json:"average_order"`
	PerCustomer  []money `json:"per_customer"`
	// Total has the same figures over the whole range: each customer counts once.
	Total RevenueFigures `json:"total"`
}

// RevenueFigures is the revenue of one bucket, or of the whole range.
type RevenueFigures struct {
	Gross        money  `json:"gross"`
	Refunds      money  `json:"refunds"`
	Net          money  `json:"net"`
	Orders       uint64 `json:"orders"`
	Customers    uint64 `json:"customers"`
	AverageOrder money  `json:"average_order"`
	PerCustomer  money  `json:"per_customer"`
}

// RevenueCustomer is one of the best customers of a currency.
type RevenueCustomer struct {
	UserID   string  `json:"user_id"`
	Currency *string `json:"currency"`
	Gross    money   `json:"gross"`
	Refunds  money   `json:"refunds"`
	Net      money   `json:"net"`
	Orders   uint64  `json:"orders"`
}

func (v *revenue) answer(ctx context.Context, r *run) (Result, error) {
	f, err := v.frame(r.now)
	if err != nil {
		return nil, err
	}
	f.missing = r.missing
	r.describe(f)
	p := &revenuePlan{revenue: v, frame: f}
	lines, err := p.lines(ctx, r)
	if err != nil {
		return nil, err
	}
	customers, err := p.topCustomers(ctx, r)
	return &RevenueResult{Buckets: f.stamps(), Series: lines, TopCustomers: customers, Incomplete: f.incomplete(r.watermark)}, err
}

package api

import "time"

// The questions about money and the 10-minute windows. As in schema.go, nothing
// is decoded into these types.

const (
	exampleRevenue = `{"kind":"revenue","from":"-90d","interval":"week","breakdown":{"property":"category"}}`
	exampleWindows = `{"kind":"windows","from":"-6h","event":{"any_of":["view","add_to_cart","purchase"]}}`
)

// RevenueQuery asks what purchases brought and refunds took.
type RevenueQuery struct {
	QueryRange
	Kind      string          `json:"kind" enum:"revenue"`
	Currency  string          `json:"currency,omitempty" doc:"Only this one, as the events write it; empty text for events that carry none. Currencies are never added." example:"INR"`
	Breakdown *QueryBreakdown `json:"breakdown,omitempty" doc:"Lines by the values of a property of the purchase or refund."`
	Top       *int            `json:"top,omitempty" default:"10" minimum:"0" maximum:"100" doc:"How many of the best customers are listed, per currency. 0 spares the work."`
}

// RevenueAnswer is the answer to a question about revenue.
type RevenueAnswer struct {
	Kind   string        `json:"kind" enum:"revenue"`
	Result RevenueResult `json:"result"`
	Meta   AnswerMeta    `json:"meta"`
}

// RevenueResult holds one line per currency and value of the breakdown.
type RevenueResult struct {
	Buckets      []time.Time       `json:"buckets" doc:"Start of each bucket; every bucket of the range is present."`
	Series       []RevenueLine     `json:"series" doc:"Currencies with most orders first; in each the values with most gross first, then (other) and (none)."`
	TopCustomers []RevenueCustomer `json:"top_customers" doc:"Highest net first, currency by currency."`
	Incomplete   []int             `json:"incomplete" doc:"Indexes of buckets that the range cuts or that may still change."`
}

// RevenueLine has one figure per bucket in each list. Money is a decimal string.
type RevenueLine struct {
	Currency     *string        `json:"currency" doc:"Null for events that carry none." example:"INR"`
	Breakdown    string         `json:"breakdown,omitempty"`
	Gross        []string       `json:"gross" doc:"Sum of purchases." example:"[\"499\"]"`
	Refunds      []string       `json:"refunds" doc:"Sum of refunds."`
	Net          []string       `json:"net" doc:"gross less refunds."`
	Orders       []uint64       `json:"orders" doc:"Purchases."`
	Customers    []uint64       `json:"customers" doc:"Different users who made them."`
	AverageOrder []*string      `json:"average_order" doc:"gross by orders that carry an amount, to the sixth decimal; null where there is none."`
	PerCustomer  []*string      `json:"per_customer" doc:"gross by customers."`
	Total        RevenueFigures `json:"total" doc:"Over the whole range; each customer counts once."`
}

// RevenueFigures is the revenue of the whole range.
type RevenueFigures struct {
	Gross        string  `json:"gross" example:"499.5"`
	Refunds      string  `json:"refunds"`
	Net          string  `json:"net"`
	Orders       uint64  `json:"orders"`
	Customers    uint64  `json:"customers"`
	AverageOrder *string `json:"average_order"`
	PerCustomer  *string `json:"per_customer"`
}

// RevenueCustomer is one of the best customers.
type RevenueCustomer struct {
	UserID   string  `json:"user_id" example:"u1"`
	Currency *string `json:"currency"`
	Gross    string  `json:"gross"`
	Refunds  string  `json:"refunds"`
	Net      string  `json:"net"`
	Orders   uint64  `json:"orders"`
}

// WindowsQuery asks for the 10-minute tumbling windows.
type WindowsQuery struct {
	From     string      `json:"from,omitempty" default:"-1d" doc:"Start, included: a time, a date, or relative." example:"-6h"`
	To       string      `json:"to,omitempty" default:"now" doc:"End, excluded."`
	Timezone string      `json:"timezone,omitempty" default:"UTC" doc:"IANA name; dates are local to it, and so are the stamps of windows, which themselves are tenths of minutes of UTC."`
	Where    string      `json:"where,omitempty" doc:"An expression over the fields of the event; the windows are then counted anew."`
	Interval string      `json:"interval,omitempty" enum:"10m" default:"10m"`
	Kind     string      `json:"kind" enum:"windows"`
	Event    EventChoice `json:"event,omitempty" doc:"Which types get rows; null means all."`
}

// WindowsAnswer is the answer to a question about windows.
type WindowsAnswer struct {
	Kind   string        `json:"kind" enum:"windows"`
	Result WindowsResult `json:"result"`
	Meta   AnswerMeta    `json:"meta"`
}

// WindowsResult holds the windows by type, and what each came to.
type WindowsResult struct {
	Windows []WindowRow     `json:"windows" doc:"One per window and type that has events, by time and type."`
	Summary []WindowSummary `json:"summary" doc:"Every window of the range."`
}

// WindowRow is what happened of one type in one window.
type WindowRow struct {
	WindowStart time.Time       `json:"window_start"`
	WindowEnd   time.Time       `json:"window_end"`
	Type        string          `json:"type" example:"purchase"`
	Events      uint64          `json:"events"`
	Users       uint64          `json:"users" doc:"Different users."`
	Revenue     []WindowRevenue `json:"revenue" doc:"Amounts of purchases, and those of refunds below zero, by currency; empty for other types."`
	Final       bool            `json:"final" doc:"The range holds the whole window and the watermark has passed it."`
}

// WindowRevenue is money in one currency.
type WindowRevenue struct {
	Currency *string `json:"currency" doc:"Null for events that carry none." example:"INR"`
	Amount   string  `json:"amount" doc:"A decimal." example:"499.5"`
}

// WindowSummary counts who viewed, carted and bought in one window; they need
// not be the same users.
type WindowSummary struct {
	WindowStart  time.Time `json:"window_start"`
	WindowEnd    time.Time `json:"window_end"`
	View         uint64    `json:"view" doc:"Different users."`
	AddToCart    uint64    `json:"add_to_cart" doc:"Different users."`
	Purchase     uint64    `json:"purchase" doc:"Different users."`
	CartRate     *float64  `json:"cart_rate" doc:"add_to_cart by view."`
	PurchaseRate *float64  `json:"purchase_rate" doc:"purchase by add_to_cart."`
	OverallRate  *float64  `json:"overall_rate" doc:"purchase by view."`
	Final        bool      `json:"final"`
}

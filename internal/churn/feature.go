package churn

import (
	"math"
	"time"
)

// scale is how a feature's value enters the model.
type scale string

const (
	scaleLog    scale = "log"    // ln(1 + value), for what has a long tail
	scaleLinear scale = "linear" // as it is
)

func (s scale) of(value float64) float64 {
	if s == scaleLog {
		return math.Log1p(max(value, 0))
	}
	return value
}

// Feature is one thing that is known of a user at a date, from the events before
// that date.
type Feature struct {
	Name string
	// Meaning is a sentence for people.
	Meaning string
	scale   scale
}

// daysSinceLastEvent is the feature that the recency rule looks at.
const daysSinceLastEvent = "days_since_last_event"

// Features are those that a new model is trained on. Their values are never
// negative, except that of activity_trend.
func Features() []Feature {
	return []Feature{
		{daysSinceLastEvent, "Days since the latest event.", scaleLog},
		{"days_since_first_event", "Days since the first event.", scaleLog},
		{"active_days", "Days with an event.", scaleLog},
		{"active_days_7d", "Days with an event among the last 7.", scaleLinear},
		{"active_days_14d", "Days with an event among the last 14.", scaleLinear},
		{"active_days_30d", "Days with an event among the last 30.", scaleLinear},
		{"days_per_active_day", "Days since the first event, per day with an event: the usual gap.", scaleLog},
		{"silence_in_usual_gaps", "Days since the latest event, in usual gaps.", scaleLog},
		{"activity_trend", "Logarithm of the events of the last 7 days over those of the 7 days before; 0 is steady.", scaleLinear},
		{"sessions", "Sessions.", scaleLog},
		{"sessions_30d", "Sessions in the last 30 days.", scaleLog},
		{"events", "Events of all types.", scaleLog},
		{"events_7d", "Events in the last 7 days.", scaleLog},
		{"events_30d", "Events in the last 30 days.", scaleLog},
		{"views", "Views of pages and products.", scaleLog},
		{"views_7d", "Views in the last 7 days.", scaleLog},
		{"views_30d", "Views in the last 30 days.", scaleLog},
		{"carts", "Additions to the cart.", scaleLog},
		{"carts_7d", "Additions to the cart in the last 7 days.", scaleLog},
		{"carts_30d", "Additions to the cart in the last 30 days.", scaleLog},
		{"purchases", "Purchases.", scaleLog},
		{"purchases_7d", "Purchases in the last 7 days.", scaleLog},
		{"purchases_30d", "Purchases in the last 30 days.", scaleLog},
		{"logins", "Logins.", scaleLog},
		{"logins_7d", "Logins in the last 7 days.", scaleLog},
		{"logins_30d", "Logins in the last 30 days.", scaleLog},
		{"videos", "Events of playing videos.", scaleLog},
		{"videos_7d", "Events of playing videos in the last 7 days.", scaleLog},
		{"videos_30d", "Events of playing videos in the last 30 days.", scaleLog},
		{"revenue", "Money spent, in average purchases of its currency.", scaleLog},
		{"revenue_30d", "Money spent in the last 30 days, in average purchases of its currency.", scaleLog},
	}
}

// Names are the names of [Features], in their order.
func Names() []string {
	features := Features()
	names := make([]string, len(features))
	for i, f := range features {
		names[i] = f.Name
	}
	return names
}

// Example is one user at one date.
type Example struct {
	At time.Time
	// Values are the features' values, in the order of the names beside which the
	// examples are given.
	Values []float64
	// Churned tells that no event followed within the horizon.
	Churned bool
}

package traffic

import (
	"fmt"
	"time"
	_ "time/tzdata" // the zones below must exist on a machine without zone files
)

// place is a country as the traffic sees it.
type place struct {
	country  string // ISO 3166-1 alpha-2
	zone     string // IANA name
	locale   string
	currency string  // ISO 4217
	perUSD   float64 // units of the currency for one dollar, roughly
	digits   int     // of the minor unit
	weight   float64 // share of users, relative
}

// placeTable lists where users live.
func placeTable() []place {
	return []place{
		{"IN", "Asia/Kolkata", "en-IN", "INR", 83, 2, 24},
		{"US", "America/New_York", "en-US", "USD", 1, 2, 14},
		{"US", "America/Los_Angeles", "en-US", "USD", 1, 2, 8},
		{"BR", "America/Sao_Paulo", "pt-BR", "BRL", 5.4, 2, 7},
		{"DE", "Europe/Berlin", "de-DE", "EUR", 0.92, 2, 6},
		{"GB", "Europe/London", "en-GB", "GBP", 0.79, 2, 6},
		{"ID", "Asia/Jakarta", "id-ID", "IDR", 15800, 2, 5},
		{"FR", "Europe/Paris", "fr-FR", "EUR", 0.92, 2, 4},
		{"JP", "Asia/Tokyo", "ja-JP", "JPY", 150, 0, 4},
		{"MX", "America/Mexico_City", "es-MX", "MXN", 18, 2, 3},
		{"NG", "Africa/Lagos", "en-NG", "NGN", 1500, 2, 3},
		{"ES", "Europe/Madrid", "es-ES", "EUR", 0.92, 2, 3},
		{"CA", "America/Toronto", "en-CA", "CAD", 1.37, 2, 3},
		{"AU", "Australia/Sydney", "en-AU", "AUD", 1.52, 2, 2},
		{"KR", "Asia/Seoul", "ko-KR", "KRW", 1380, 0, 2},
		{"AE", "Asia/Dubai", "ar-AE", "AED", 3.67, 2, 1.5},
		{"SG", "Asia/Singapore", "en-SG", "SGD", 1.34, 2, 1.5},
		{"ZA", "Africa/Johannesburg", "en-ZA", "ZAR", 18.5, 2, 1},
		{"PL", "Europe/Warsaw", "pl-PL", "PLN", 3.95, 2, 1},
		{"NP", "Asia/Kathmandu", "ne-NP", "NPR", 133, 2, 0.5},
		{"NZ", "Pacific/Auckland", "en-NZ", "NZD", 1.65, 2, 0.5},
	}
}

// hourWeights is how likely somebody is to come at an hour of the local day,
// relative to the busiest hour.
func hourWeights() [24]float64 {
	return [24]float64{
		0.22, 0.12, 0.07, 0.05, 0.05, 0.08, 0.18, 0.35, 0.48, 0.55, 0.60, 0.64,
		0.72, 0.70, 0.62, 0.60, 0.62, 0.68, 0.78, 0.90, 1.00, 0.98, 0.75, 0.42,
	}
}

// weekdayFactor is the same for the days of a week, Sunday first.
func weekdayFactor(day time.Weekday) float64 {
	return [7]float64{1.00, 0.80, 0.78, 0.80, 0.84, 0.92, 0.98}[day]
}

// rhythmRefresh is how long a place's weight stays valid, in milliseconds.
const rhythmRefresh = 10 * 60 * 1000

// rhythm knows how awake each place is.
type rhythm struct {
	zones   []*time.Location
	hours   [24]float64
	weights []float64
	until   int64 // the weights hold before this instant, Unix milliseconds
}

// newRhythm loads the zones of the places.
func newRhythm(places []place) (*rhythm, error) {
	r := &rhythm{hours: hourWeights(), weights: make([]float64, len(places))}
	for _, p := range places {
		zone, err := time.LoadLocation(p.zone)
		if err != nil {
			return nil, fmt.Errorf("time zone %s: %w", p.zone, err)
		}
		r.zones = append(r.zones, zone)
	}
	return r, nil
}

// weight is how likely a user in the place is to be active at the instant, 0
// to 1. Instants may not go back by more than rhythmRefresh.
func (r *rhythm) weight(place int, now int64) float64 {
	if now >= r.until {
		r.refresh(now)
	}
	return r.weights[place]
}

func (r *rhythm) refresh(now int64) {
	for i, zone := range r.zones {
		local := time.UnixMilli(now).In(zone)
		hour, part := local.Hour(), float64(local.Minute())/60
		between := r.hours[hour]*(1-part) + r.hours[(hour+1)%24]*part
		r.weights[i] = between * weekdayFactor(local.Weekday())
	}
	r.until = now + rhythmRefresh
}

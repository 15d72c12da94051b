package fraud

import (
	"hash/fnv"
	"math"
)

// Kind says what an event means to the profile.
type Kind uint8

const (
	// KindPresence is any event that shows its user somewhere, on something.
	KindPresence Kind = iota
	// KindPurchase is a payment that went through, or is about to.
	KindPurchase
	// KindDeclined is a payment that failed.
	KindDeclined
)

// Event is what the profile needs of a user event.
type Event struct {
	Kind Kind
	// ID is the event's id; a payment whose ID is among the last attempts of its
	// user is a repeat. Empty where the event has no id yet.
	ID string
	// At is the event time, in milliseconds since 1970, UTC.
	At int64
	// Amount is in units of Currency, such as 499.00; 0 where it is unknown.
	Amount float64
	// Currency is an ISO 4217 code, in capitals.
	Currency string
	// Country is an ISO 3166-1 alpha-2 code; empty where it is unknown.
	Country string
	// Device tells devices of one user apart, see [DeviceKey]; 0 where it is unknown.
	Device uint32
}

// DeviceKey is a device as far as events show it. The same texts give the same
// key; it is 0 where all are empty.
func DeviceKey(platform, device, os, browser string) uint32 {
	if platform == "" && device == "" && os == "" && browser == "" {
		return 0
	}
	h := fnv.New32a()
	for _, text := range [...]string{platform, device, os, browser} {
		h.Write([]byte(text))
		h.Write([]byte{0})
	}
	return max(h.Sum32(), 1)
}

// named marks the key of a country that is written as a name and not as a code.
const named = 1 << 31

// countryKey is the country as a number, 0 where there is none.
func countryKey(country string) uint32 {
	if len(country) > 3 {
		h := fnv.New32a()
		h.Write([]byte(country))
		return h.Sum32() | named
	}
	key := uint32(0)
	for i := range len(country) {
		key = key<<8 | uint32(country[i])
	}
	return key
}

// countryCode is the code that countryKey was made of, as far as it can be told.
func countryCode(key uint32) string {
	if key&named != 0 {
		return "another country"
	}
	var code []byte
	for shift := 16; shift >= 0; shift -= 8 {
		if c := byte(key >> shift); c != 0 {
			code = append(code, c)
		}
	}
	return string(code)
}

// idKey is an event id as the profile remembers it.
func idKey(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}

// Dollars is the amount in about US dollars, 0 where it is unknown.
func (e *Event) Dollars() float64 { return e.Amount / perDollar(e.Currency) }

// logAmount is the natural logarithm of the amount in about US dollars; ok is
// false where the amount is unknown.
func (e *Event) logAmount() (log float64, ok bool) {
	if !(e.Amount > 0) || math.IsInf(e.Amount, 0) {
		return 0, false
	}
	return math.Log(e.Dollars()), true
}

// perDollar is how many units of a currency make about one US dollar. The
// figures are rough, of 2024, and serve to compare, never to account; of a
// currency that is not listed one unit counts as a dollar, which is right among
// amounts of that currency.
func perDollar(currency string) float64 {
	switch currency {
	case "EUR":
		return 0.92
	case "GBP":
		return 0.79
	case "CHF":
		return 0.88
	case "INR":
		return 83
	case "NPR":
		return 133
	case "PKR":
		return 280
	case "BDT":
		return 115
	case "LKR":
		return 300
	case "JPY":
		return 150
	case "CNY":
		return 7.2
	case "HKD":
		return 7.8
	case "TWD":
		return 32
	case "KRW":
		return 1350
	case "IDR":
		return 15_800
	case "VND":
		return 25_000
	case "THB":
		return 36
	case "PHP":
		return 57
	case "MYR":
		return 4.6
	case "SGD":
		return 1.34
	case "AUD":
		return 1.52
	case "NZD":
		return 1.65
	case "CAD":
		return 1.37
	case "MXN":
		return 18
	case "BRL":
		return 5.4
	case "ARS":
		return 900
	case "CLP":
		return 930
	case "COP":
		return 4000
	case "PEN":
		return 3.75
	case "ZAR":
		return 18.5
	case "NGN":
		return 1500
	case "KES":
		return 130
	case "EGP":
		return 48
	case "AED", "SAR", "QAR":
		return 3.7
	case "ILS":
		return 3.7
	case "TRY":
		return 33
	case "RUB":
		return 90
	case "UAH":
		return 40
	case "PLN":
		return 3.95
	case "CZK":
		return 23
	case "HUF":
		return 360
	case "RON":
		return 4.6
	case "SEK", "NOK":
		return 10.6
	case "DKK":
		return 6.9
	}
	return 1
}

package fraud

import (
	"strings"

	"millrace/internal/event"
)

// EventOf is what the profile needs of row i. Its strings are borrowed from the
// batch.
func EventOf(b *event.Batch, i int) Event {
	e := Event{
		Kind:    kindOf(b, i),
		ID:      b.EventID.At(i),
		At:      b.Timestamp[i],
		Country: short(b.Country.At(i)),
		Device:  DeviceKey(b.Platform.At(i), b.Device.At(i), b.OS.At(i), b.Browser.At(i)),
	}
	if e.Kind != KindPresence && b.HasAmount[i] {
		e.Amount, e.Currency = float64(b.Amount[i])/event.MicrosPerUnit, b.Currency.At(i)
	}
	return e
}

// kindOf reads the type. A failed payment is an event of a type of its own, or
// an error whose properties name it.
func kindOf(b *event.Batch, i int) Kind {
	switch b.Type.At(i) {
	case "purchase":
		return KindPurchase
	case "payment_declined", "payment_failed":
		return KindDeclined
	case "error":
		properties := b.Properties.At(i)
		if strings.Contains(properties, `"payment_declined"`) || strings.Contains(properties, `"payment_failed"`) {
			return KindDeclined
		}
	}
	return KindPresence
}

// short keeps a country from filling the sentences that name it.
func short(country string) string {
	const most = 64
	if len(country) <= most {
		return country
	}
	return strings.ToValidUTF8(country[:most], "")
}

package fraud

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestSummaryTellsWhatWasSeen(t *testing.T) {
	p, all := new(Profile), new(Population)
	at := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	for n := range 40 { // more than are remembered
		e := Event{Kind: KindPurchase, ID: string(rune('A' + n)), At: at.AddDate(0, 0, n).UnixMilli(), Amount: 20, Currency: "USD", Country: "DE", Device: 7}
		p.learn(&e, false)
	}
	last := at.AddDate(0, 0, 40)
	p.learn(&Event{Kind: KindDeclined, ID: "no", At: last.UnixMilli(), Amount: 900, Currency: "USD", Country: "IN", Device: 8}, false)

	got := p.Summary(all)
	if !got.FirstSeen.Equal(at) || !got.LastPurchase.Equal(at.AddDate(0, 0, 39)) {
		t.Errorf("first seen %v, last purchase %v; want %v and 39 days later", got.FirstSeen, got.LastPurchase, at)
	}
	if got.Purchases != 40 || got.Attempts != keptAttempts || got.Declined != 1 {
		t.Errorf("%d purchases, %d attempts, %d declined; want 40, %d, 1", got.Purchases, got.Attempts, got.Declined, keptAttempts)
	}
	if math.Abs(got.Usual-20) > 2 || math.Abs(got.Largest-20) > 0.01 {
		t.Errorf("usual %v, largest %v; want about 20", got.Usual, got.Largest)
	}
	if want := []string{"DE", "IN"}; !slices.Equal(got.Countries, want) || got.Devices != 2 {
		t.Errorf("countries %v, %d devices; want %v, 2", got.Countries, got.Devices, want)
	}
	if got.Presence != 41 || got.Hours[10] != 41 {
		t.Errorf("%d hours of presence, %d at 10; want 41 of both", got.Presence, got.Hours[10])
	}
}

func TestSummaryOfSomebodyNew(t *testing.T) {
	got := new(Profile).Summary(new(Population))
	if !got.FirstSeen.IsZero() || !got.LastPurchase.IsZero() || got.Purchases != 0 || got.Largest != 0 || len(got.Countries) != 0 {
		t.Errorf("nothing is known, and the summary says %+v", got)
	}
	if got.Usual <= 0 {
		t.Errorf("usual is %v, want what everybody spends", got.Usual)
	}
}

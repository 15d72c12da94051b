package olap

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPurchases(t *testing.T) {
	s := newStore(t)
	if span, err := s.PurchaseSpan(t.Context()); err != nil || !span.Last.IsZero() {
		t.Errorf("an empty store: got %+v, %v", span, err)
	}
	buy := func(user, when, amount, currency string) row {
		return row{kind: "purchase", user: user, at: at(when), amount: amount, currency: currency}
	}
	write(t, s, "t1", []row{
		buy("a", "2026-01-01T08:00:00Z", "5", "EUR"), buy("a", "2026-01-01T09:00:00Z", "6", "EUR"), // one day
		buy("a", "2026-01-15T00:00:00Z", "20", "EUR"), buy("a", "2026-01-15T23:59:59.999Z", "10", "EUR"),
		buy("a", "2026-01-20T08:00:00Z", "7", "USD"), // a repeat, of no amount that counts
		buy("a", "2026-02-01T00:00:00Z", "1", "EUR"), buy("a", "2026-02-01T01:00:00Z", "1", "EUR"), buy("a", "2026-02-03T00:00:00Z", "1", "EUR"),
		buy("b", "2026-01-31T23:00:00Z", "9", "EUR"),
		buy("c", "2026-02-02T00:00:00Z", "9", "EUR"), // no customer yet
		{kind: "view", user: "b", at: at("2026-01-10T00:00:00Z")},
	})
	span, err := s.PurchaseSpan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (PurchaseSpan{at("2026-01-01T00:00:00Z"), at("2026-02-03T00:00:00Z"), "EUR"}); span != want {
		t.Errorf("span: got %+v, want %+v", span, want)
	}
	got := map[string]PurchaseHistory{}
	for h, err := range s.Purchases(t.Context(), PurchaseSelection{Until: at("2026-01-31T00:00:00Z"), End: at("2026-02-02T00:00:00Z"), Currency: "EUR"}) {
		if err != nil {
			t.Fatal(err)
		}
		got[h.UserID] = h
	}
	want := map[string]PurchaseHistory{
		"a": {UserID: "a", Repeats: 2, RecencyDays: 19, AgeDays: 30, Later: 1, PricedDays: 1, Spent: 30},
		"b": {UserID: "b"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

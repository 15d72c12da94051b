package olap

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestDaily counts a history small enough to count by hand.
func TestDaily(t *testing.T) {
	s := newStore(t)
	if e, err := s.Extent(t.Context(), at("2027-01-01T00:00:00Z")); err != nil || e != (Extent{}) {
		t.Errorf("extent of nothing: %+v, %v", e, err)
	}
	write(t, s, "t1", []row{
		{kind: "cart", user: "a", at: at("2026-01-02T10:00:00Z"), platform: "web", properties: `{"plan":"free"}`},
		{kind: "cart", user: "a", at: at("2026-01-02T10:05:00Z"), platform: "web"},
		{kind: "purchase", user: "a", at: at("2026-01-02T10:03:00Z"), platform: "web", amount: "5", currency: "EUR"},
		{kind: "purchase", user: "b", at: at("2026-01-02T09:00:00Z"), platform: "app", amount: "7.5", currency: "INR"}, // before its cart
		{kind: "cart", user: "b", at: at("2026-01-02T09:30:00Z"), platform: "app"},
		{kind: "purchase", user: "b", at: at("2026-01-03T09:00:00Z"), platform: "app"}, // another day
	})
	first, second := at("2026-01-02T00:00:00Z"), at("2026-01-03T00:00:00Z")
	from, to := first, at("2026-01-04T00:00:00Z")
	whole, err := s.DailyActivity(t.Context(), from, to, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []DayRow{
		{first, "", "", 2, 5}, {first, "", "cart", 2, 3}, {first, "", "purchase", 2, 2},
		{second, "", "", 1, 1}, {second, "", "purchase", 1, 1},
	}
	if diff := cmp.Diff(want, whole); diff != "" {
		t.Errorf("activity (-want +got):\n%s", diff)
	}
	for _, name := range []string{"platform", "properties.plan"} {
		parts, err := s.DailyActivity(t.Context(), from, second, name)
		if err != nil {
			t.Fatal(err)
		}
		value := map[string]string{"platform": "web", "properties.plan": "free"}[name]
		if !slices.ContainsFunc(parts, func(d DayRow) bool { return d.Value == value && d.Type == "cart" && d.Users == 1 }) {
			t.Errorf("by %s there is no cart of %q: %+v", name, value, parts)
		}
	}
	steps, err := s.DailySteps(t.Context(), from, to, "platform", "purchase")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]StepRow{{first, "app", "cart", 1, 0}, {first, "web", "cart", 1, 1}}, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	revenue, err := s.DailyRevenue(t.Context(), from, to, "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]DayRevenue{{first, "", "EUR", 5}, {first, "", "INR", 7.5}}, revenue); diff != "" {
		t.Errorf("revenue (-want +got):\n%s", diff)
	}
	extent, err := s.Extent(t.Context(), second)
	if err != nil || extent.Events != 5 || !extent.First.Equal(first.Add(9*time.Hour)) || !extent.Last.Equal(first.Add(10*time.Hour+5*time.Minute)) {
		t.Errorf("extent %+v, %v", extent, err)
	}
	if _, err := s.DailyActivity(t.Context(), from, to, "no such; name"); err == nil {
		t.Error("a name that is none is taken")
	}
}

package churn

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTotalsSpreadEvenly holds a user of 20 days, silent for 4 of them: 16 events,
// so 3 within the last 7 days, 7 in the 7 before, and all within 30.
func TestTotalsSpreadEvenly(t *testing.T) {
	now := time.Date(2026, 3, 21, 0, 0, 0, 0, time.UTC)
	totals := Totals{
		First: now.AddDate(0, 0, -20), Last: now.AddDate(0, 0, -4), ActiveDays: 8, Sessions: 9, Revenue: 2,
		ByType: map[string]uint64{"view": 10, "page_view": 2, "purchase": 2, "mine": 2},
	}
	values := totals.Values(now)
	for name, want := range map[string]float64{
		"days_since_last_event": 4, "days_since_first_event": 20, "days_per_active_day": 2.5, "silence_in_usual_gaps": 1.6,
		"events": 16, "events_7d": 3, "events_30d": 16, "views": 12, "purchases_7d": 0.375, "active_days_14d": 5,
		"sessions_30d": 9, "revenue_30d": 2, "logins": 0, "activity_trend": math.Log(4. / 8),
	} {
		if got := values[slices.Index(Names(), name)]; math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	// Who left long ago has done nothing lately, and who comes this moment has a day.
	later := totals.Values(now.AddDate(0, 0, 40))
	for i, name := range Names() {
		recent := name == "activity_trend" || strings.HasSuffix(name, "_7d") || strings.HasSuffix(name, "_14d") || strings.HasSuffix(name, "_30d")
		if recent != (later[i] == 0) && name != "carts" && name != "logins" && name != "videos" {
			t.Errorf("40 days later: %s is %v", name, later[i])
		}
	}
	for i, v := range (Totals{First: now, Last: now, ByType: map[string]uint64{"view": 1}}).Values(now) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("of a moment ago: %s is %v", Names()[i], v)
		}
	}
}

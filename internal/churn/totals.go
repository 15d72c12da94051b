package churn

import (
	"math"
	"time"
)

// Totals are what is known of a user without their single events.
type Totals struct {
	First, Last time.Time // of the events
	ByType      map[string]uint64
	Sessions    uint64
	ActiveDays  uint64
	// Revenue is the money spent, in average purchases of its currency.
	Revenue float64
}

// Values estimates the features at an instant, in the order of [Names]. What
// happened within the last days is taken as if it had been spread evenly from the
// user's first to their last event. So it is right for who came within those days,
// or not at all, and a guess between. Events after the instant are not known of.
func (t Totals) Values(at time.Time) []float64 {
	silence, tenure := daysUntil(at, t.Last), daysUntil(at, t.First)
	share := func(window float64) float64 { return shareWithin(window, silence, tenure) }
	total := func(types ...string) (n float64) {
		for _, name := range types {
			n += float64(t.ByType[name])
		}
		return n
	}
	f := map[string]float64{
		daysSinceLastEvent: silence, "days_since_first_event": tenure,
		"active_days": float64(t.ActiveDays), "sessions": float64(t.Sessions), "revenue": t.Revenue,
		"views": total("view", "page_view"), "carts": total("add_to_cart"), "purchases": total("purchase"), "logins": total("login"),
		"videos": total("video_play", "video_progress", "video_complete"),
	}
	for _, n := range t.ByType {
		f["events"] += float64(n)
	}
	f["days_per_active_day"] = max(tenure, 1) / max(f["active_days"], 1)
	f["silence_in_usual_gaps"] = silence / f["days_per_active_day"]
	f["activity_trend"] = math.Log((1 + f["events"]*share(7)) / (1 + f["events"]*(share(14)-share(7))))
	f["active_days_14d"] = f["active_days"] * share(14)
	for _, name := range []string{"active_days", "events", "views", "carts", "purchases", "logins", "videos"} {
		f[name+"_7d"], f[name+"_30d"] = f[name]*share(7), f[name]*share(30)
	}
	f["sessions_30d"], f["revenue_30d"] = f["sessions"]*share(30), f["revenue"]*share(30)
	values := make([]float64, 0, len(f))
	for _, name := range Names() {
		values = append(values, f[name])
	}
	return values
}

// daysUntil is how many days before the instant the other is; 0 where it is later.
func daysUntil(at, before time.Time) float64 { return max(0, at.Sub(before).Hours()/24) }

// shareWithin is the part of the time from tenure to silence, in days ago, that
// lies within the window.
func shareWithin(window, silence, tenure float64) float64 {
	switch {
	case tenure <= window:
		return 1
	case silence > window:
		return 0
	}
	return (window - silence) / (tenure - silence)
}

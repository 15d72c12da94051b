package olap

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/internal/churn"
)

// refChurn is the slow, obvious way to a user's features at a date. It is given
// the user's whole history, the future included.
func refChurn(history []row, average map[string]float64, date time.Time) map[string]float64 {
	var past []row
	for _, e := range history {
		if e.at.Before(date) {
			past = append(past, e)
		}
	}
	slices.SortStableFunc(past, func(a, b row) int { return a.at.Compare(b.at) })
	last := func(days float64) []row {
		return slices.DeleteFunc(slices.Clone(past), func(e row) bool { return daysBetween(e.at, date) > days })
	}
	f := map[string]float64{
		"days_since_last_event":  daysBetween(past[len(past)-1].at, date),
		"days_since_first_event": daysBetween(past[0].at, date),
		"active_days":            refActiveDays(past, date),
		"active_days_7d":         refActiveDays(last(7), date),
		"active_days_14d":        refActiveDays(last(14), date),
		"active_days_30d":        refActiveDays(last(30), date),
		"activity_trend":         math.Log(float64(1+len(last(7))) / float64(1+len(last(14))-len(last(7)))),
		"sessions":               refSessionsOf(past),
		"sessions_30d":           refSessionsOf(last(30)),
	}
	f["days_per_active_day"] = math.Max(f["days_since_first_event"], 1) / f["active_days"]
	f["silence_in_usual_gaps"] = f["days_since_last_event"] / f["days_per_active_day"]
	for name, kinds := range map[string][]string{
		"events": nil, "views": {"view", "page_view"}, "carts": {"add_to_cart"}, "purchases": {"purchase"}, "logins": {"login"},
		"videos": {"video_play", "video_progress", "video_complete"},
	} {
		count := func(rows []row) (n float64) {
			for _, e := range rows {
				if kinds == nil || slices.Contains(kinds, e.kind) {
					n++
				}
			}
			return n
		}
		f[name], f[name+"_7d"], f[name+"_30d"] = count(past), count(last(7)), count(last(30))
	}
	f["revenue"], f["revenue_30d"] = refSpent(past, average), refSpent(last(30), average)
	return f
}

func daysBetween(a, b time.Time) float64 { return b.Sub(a).Hours() / 24 }

// refActiveDays counts the days with an event, back from the date: an event 24
// hours ago belongs to the first of them.
func refActiveDays(rows []row, date time.Time) float64 {
	days := map[float64]bool{}
	for _, e := range rows {
		days[math.Ceil(daysBetween(e.at, date))] = true
	}
	return float64(len(days))
}

func refSessionsOf(rows []row) float64 {
	ids := map[string]bool{}
	visits := 0
	var before time.Time
	for _, e := range rows {
		if e.session != "" {
			ids[e.session] = true
			continue
		}
		if e.at.Sub(before) > 30*time.Minute {
			visits++
		}
		before = e.at
	}
	return float64(len(ids) + visits)
}

func refSpent(rows []row, average map[string]float64) (sum float64) {
	for _, e := range rows {
		if amount, err := strconv.ParseFloat(e.amount, 64); err == nil && e.kind == "purchase" && average[e.currency] > 0 {
			sum += amount / average[e.currency]
		}
	}
	return sum
}

// refAverages are the average purchases of the 10-minute windows that are over.
func refAverages(rows []row, date time.Time) map[string]float64 {
	sums, counts := map[string]float64{}, map[string]float64{}
	for _, e := range rows {
		amount, err := strconv.ParseFloat(e.amount, 64)
		if err == nil && e.kind == "purchase" && !e.at.Truncate(10*time.Minute).Add(10*time.Minute).After(date) {
			sums[e.currency] += amount
			counts[e.currency]++
		}
	}
	for currency := range sums {
		sums[currency] /= counts[currency]
	}
	return sums
}

// churnRows are random histories, dense around the edges of days.
func churnRows(r *rand.Rand, users int, start time.Time) []row {
	kinds := []string{"view", "page_view", "add_to_cart", "purchase", "login", "video_play", "video_progress", "video_complete", "error"}
	var rows []row
	for u := range users {
		when := start.Add(time.Duration(r.Int64N(int64(60 * 24 * time.Hour)))).Truncate(time.Millisecond)
		for range 1 + r.IntN(30) {
			e := row{user: fmt.Sprintf("u%03d", u), kind: kinds[r.IntN(len(kinds))], at: when}
			if r.IntN(2) == 0 {
				e.session = fmt.Sprintf("s%d", r.IntN(6))
			}
			if e.kind != "view" && r.IntN(4) > 0 {
				e.amount, e.currency = fmt.Sprintf("%d.%02d", r.IntN(90), 1+r.IntN(99)), []string{"INR", "USD", ""}[r.IntN(3)]
			}
			rows = append(rows, e)
			switch r.IntN(4) {
			case 0: // the next visit
				when = when.Add(time.Duration(r.Int64N(int64(12 * 24 * time.Hour)))).Truncate(time.Millisecond)
			case 1: // whole days later
				when = when.Add(time.Duration(r.IntN(8)) * 24 * time.Hour)
			case 2: // at the edge of a visit
				when = when.Add(30*time.Minute + time.Duration(r.IntN(2))*time.Millisecond)
			}
		}
	}
	return rows
}

func TestChurnFeaturesAgreeWithTheReference(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, 0))
	start := at("2026-01-01T00:00:00Z")
	rows := churnRows(r, 250, start)
	s := newStore(t)
	write(t, s, "churn", rows)
	byUser := map[string][]row{}
	for _, e := range rows {
		byUser[e.user] = append(byUser[e.user], e)
	}
	for _, date := range []time.Time{start.Add(20*24*time.Hour + 4*time.Minute), rows[len(rows)/2].at, rows[len(rows)/3].at.Add(24 * time.Hour)} {
		t.Run(date.Format(time.RFC3339Nano), func(t *testing.T) {
			sel := ChurnSelection{At: date, Until: date.Add(7 * 24 * time.Hour), ActiveSince: date.Add(-30 * 24 * time.Hour)}
			checkChurn(t, s, byUser, refAverages(rows, date), sel)
		})
	}
	t.Logf("seed %d", seed)
}

func checkChurn(t *testing.T, s *Store, byUser map[string][]row, average map[string]float64, sel ChurnSelection) {
	var want []string
	for user, history := range byUser {
		if slices.ContainsFunc(history, func(e row) bool { return e.at.Before(sel.At) && !e.at.Before(sel.ActiveSince) }) {
			want = append(want, user)
		}
	}
	names := slices.Sorted(maps.Keys(refChurn([]row{{at: sel.At.Add(-time.Hour)}}, average, sel.At)))
	var got []string
	for u := range churnOf(t, s, names, sel) {
		got = append(got, u.UserID)
		ref := refChurn(byUser[u.UserID], average, sel.At)
		for i, name := range names {
			if math.Abs(u.Values[i]-ref[name]) > 1e-9*(1+math.Abs(ref[name])) {
				t.Errorf("%s: %s is %v, want %v", u.UserID, name, u.Values[i], ref[name])
			}
		}
		stays := slices.ContainsFunc(byUser[u.UserID], func(e row) bool { return !e.at.Before(sel.At) && e.at.Before(sel.Until) })
		if u.Churned == stays {
			t.Errorf("%s: churned %v", u.UserID, u.Churned)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(want) < 10 {
		t.Errorf("users: got %d, want %d: %v", len(got), len(want), want)
	}
}

// churnOf reads the features of all users.
func churnOf(t *testing.T, s *Store, names []string, sel ChurnSelection) func(func(ChurnRow) bool) {
	return func(yield func(ChurnRow) bool) {
		for u, err := range s.ChurnFeatures(t.Context(), names, sel) {
			if err != nil {
				t.Fatal(err)
			}
			if !yield(u) {
				return
			}
		}
	}
}

// What happens after the date may change who has churned, and nothing else.
func TestChurnFeaturesDoNotLookAhead(t *testing.T) {
	const seed = 12
	r := rand.New(rand.NewPCG(seed, 0))
	start := at("2026-01-01T00:00:00Z")
	rows := churnRows(r, 60, start)
	date := start.Add(40 * 24 * time.Hour)
	names := []string{"days_since_last_event", "events", "sessions", "active_days", "revenue", "activity_trend"}
	features := func(rows []row) string {
		s := newStore(t)
		write(t, s, "churn", rows)
		var lines []string
		for u := range churnOf(t, s, names, ChurnSelection{At: date, Until: date.Add(7 * 24 * time.Hour)}) {
			lines = append(lines, fmt.Sprint(u.UserID, u.Values))
		}
		slices.Sort(lines)
		return fmt.Sprint(lines)
	}
	past := slices.DeleteFunc(slices.Clone(rows), func(e row) bool { return !e.at.Before(date) })
	if len(past) == len(rows) {
		t.Fatalf("seed %d has no future", seed)
	}
	if with, without := features(rows), features(past); with != without {
		t.Errorf("seed %d: features change with the future:\n%s\n%s", seed, with, without)
	}
}

func TestChurnFeaturesOfSomeUsers(t *testing.T) {
	s := newStore(t)
	rows := churnRows(rand.New(rand.NewPCG(13, 0)), 200, at("2026-01-01T00:00:00Z"))
	write(t, s, "churn", rows)
	names := []string{"events"}
	users := func(sel ChurnSelection) map[string]float64 {
		found := map[string]float64{}
		sel.At = at("2027-01-01T00:00:00Z")
		for u := range churnOf(t, s, names, sel) {
			found[u.UserID] = u.Values[0]
		}
		return found
	}
	all, some := users(ChurnSelection{}), users(ChurnSelection{OneIn: 4})
	if len(all) != 200 || len(some) < 20 || len(some) > 80 {
		t.Errorf("got %d users, and %d as one in four", len(all), len(some))
	}
	for _, err := range s.ChurnFeatures(t.Context(), []string{"shoe_size"}, ChurnSelection{At: at("2027-01-01T00:00:00Z")}) {
		if err == nil {
			t.Error("an unknown feature was read")
		}
	}
}

func TestHistory(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-02-01T00:00:00Z") } })
	if h, err := s.History(t.Context(), time.Hour); err != nil || h != (History{}) {
		t.Errorf("of nothing: %+v %v", h, err)
	}
	write(t, s, "t", []row{
		{kind: "view", user: "a", at: at("2026-01-01T00:00:00.001Z")},
		{kind: "view", user: "b", at: at("2026-01-30T00:00:00Z")},
		{kind: "view", user: "c", at: at("2026-01-30T12:00:00.002Z")},
		{kind: "view", user: "d", at: at("2026-02-01T10:00:00Z")}, // not yet
	})
	want := History{at("2026-01-01T00:00:00.001Z"), at("2026-01-30T12:00:00.002Z"), 2}
	if h, err := s.History(t.Context(), 24*time.Hour); err != nil || h != want {
		t.Errorf("got %+v %v, want %+v", h, err, want)
	}
}

// TestTotalsOfUsersStandInForTheirEvents compares features from user statistics
// with those from the events, for users of whom both know the same: who came
// within the last days, and who left before them. Days are counted otherwise, by
// UTC and back from the date: one of the former touches two of the latter at most.
func TestTotalsOfUsersStandInForTheirEvents(t *testing.T) {
	const seed = 14
	r := rand.New(rand.NewPCG(seed, 0))
	rows := churnRows(r, 300, at("2026-01-01T00:00:00Z"))
	newest := slices.MaxFunc(rows, func(a, b row) int { return a.at.Compare(b.at) }).at
	rows = slices.DeleteFunc(rows, func(e row) bool { return e.at.After(newest.AddDate(0, 0, -60)) && e.user < "u150" }) // they left
	for i := range rows {
		if rows[i].user >= "u150" {
			rows[i].at = newest.Add(-newest.Sub(rows[i].at) / 200) // they came in the last day
		}
	}
	s := newStore(t)
	start := time.Now().Add(-time.Hour)
	write(t, s, "churn", rows)
	date := newest.Add(time.Millisecond)
	average, err := s.AveragePurchases(t.Context(), date)
	if err != nil {
		t.Fatal(err)
	}
	stats, compared := statsOf(t, s, start, time.Now().Add(time.Hour)), 0
	for u := range churnOf(t, s, churn.Names(), ChurnSelection{At: date}) {
		known := stats[u.UserID]
		totals := churn.Totals{First: known.FirstSeen, Last: known.LastSeen, ByType: known.EventsByType, Sessions: known.Sessions, ActiveDays: known.ActiveDays}
		for currency, text := range known.RevenueByCurrency {
			if amount, _ := strconv.ParseFloat(text, 64); average[currency] > 0 {
				totals.Revenue += amount / average[currency]
			}
		}
		for i, name := range churn.Names() {
			got, want := totals.Values(date)[i], u.Values[i]
			switch days := strings.HasPrefix(name, "active_days"); {
			case days && got <= 2*want && want <= 2*got, name == "days_per_active_day", name == "silence_in_usual_gaps":
			case days, math.Abs(got-want) > 1e-9*(1+math.Abs(want)):
				t.Errorf("%s: %s is %v, want %v", u.UserID, name, got, want)
			}
		}
		compared++
	}
	if compared < 200 || len(average) != 3 {
		t.Errorf("compared %d users, with %d currencies", compared, len(average))
	}
}

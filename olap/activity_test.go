package olap

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var activityQuestions = flag.Int("activity", 4, "random questions about retention, lifecycle and stickiness each, per zone, over 1250 users each")

// activityUsers is how many histories there are in each of the eight zones.
const activityUsers = 1250

// zones are places and times at which clocks do something.
func zones() []scene {
	return []scene{
		{"UTC", "2026-02-20T00:00:00Z"},
		{"America/New_York", "2026-03-05T00:00:00Z"},    // an hour is skipped at 2
		{"America/New_York", "2026-10-29T00:00:00Z"},    // an hour is repeated
		{"America/Sao_Paulo", "2018-11-01T00:00:00Z"},   // midnight is skipped
		{"Asia/Kolkata", "2026-01-30T00:00:00Z"},        // half hours
		{"Australia/Lord_Howe", "2026-04-02T00:00:00Z"}, // half an hour is repeated
		{"Africa/Cairo", "2023-04-25T00:00:00Z"},        // midnight is skipped
		{"America/St_Johns", "2006-10-26T00:00:00Z"},    // clocks went back at 00:01, to the day before
	}
}

// activityRows are histories that are dense for six days, with a past and a
// future, ties, repeats, and users who do nothing of note.
func activityRows(r *rand.Rand, start time.Time) []row {
	var rows []row
	for u := range activityUsers {
		user := fmt.Sprintf("u%04d", u)
		for range r.IntN(12) {
			span := int64(6 * 24 * time.Hour / time.Minute)
			e := row{user: user, kind: []string{"signup", "view", "view", "buy", "other"}[r.IntN(5)], at: start.Add(time.Duration(r.Int64N(span)) * time.Minute)}
			switch r.IntN(8) {
			case 0: // long before
				e.at = start.Add(-time.Duration(r.Int64N(40*24*60)) * time.Minute)
			case 1: // long after
				e.at = start.Add(time.Duration(r.Int64N(60*24*60)) * time.Minute)
			case 2: // to the millisecond
				e.at = e.at.Add(time.Duration(r.Int64N(60_000)) * time.Millisecond)
			}
			e.country = []string{"", "IN", "US", "DE", labelOther}[r.IntN(5)]
			rows = append(rows, e)
			for r.IntN(3) == 0 { // more at the same instant
				e.kind, e.country = []string{"signup", "view", "buy"}[r.IntN(3)], []string{"", "IN", "US"}[r.IntN(3)]
				rows = append(rows, e)
			}
		}
	}
	for i := range rows {
		rows[i].id = fmt.Sprintf("e%05d", (i*7919)%100_003) // not in the order of time
	}
	return rows
}

// randomEvents chooses events and a condition, as a question and as a function.
func randomEvents(r *rand.Rand) (map[string]any, func(row) bool) {
	question, fits := map[string]any{"event": nil}, func(row) bool { return true }
	switch r.IntN(5) {
	case 0:
		question["event"] = map[string]any{"any_of": []string{"signup", "buy"}}
		fits = func(e row) bool { return e.kind == "signup" || e.kind == "buy" }
	case 1, 2, 3:
		kind := []string{"signup", "view", "buy"}[r.IntN(3)]
		question["event"], fits = kind, func(e row) bool { return e.kind == kind }
	}
	if r.IntN(4) == 0 {
		question["where"] = `not country in ("IN", "DE")`
		fits = also(fits, func(e row) bool { return e.country != "IN" && e.country != "DE" })
	}
	return question, fits
}

// randomRange chooses a range and buckets in the dense days of a scene.
func randomRange(r *rand.Rand, sc scene) (map[string]any, refTrend) {
	zone, err := time.LoadLocation(sc.zone)
	if err != nil {
		panic(err)
	}
	f := refTrend{zone: zone, weekStart: []time.Weekday{time.Monday, time.Sunday}[r.IntN(2)]}
	f.interval = []interval{byMinute, by10m, byHour, byHour, byDay, byDay, byDay, byWeek, byMonth}[r.IntN(9)]
	if sc.zone == "America/St_Johns" && f.interval != byMinute { // its dates do not run in order
		f.interval = by10m
	}
	span := map[interval]time.Duration{byMinute: time.Hour, by10m: 6 * time.Hour, byHour: 2 * 24 * time.Hour, byDay: 5 * 24 * time.Hour, byWeek: 20 * 24 * time.Hour, byMonth: 50 * 24 * time.Hour}[f.interval]
	f.from = at(sc.start).Add(time.Duration(r.IntN(60*60)) * time.Minute)
	f.to = f.from.Add(span + time.Duration(r.IntN(600))*time.Minute)
	if r.IntN(3) == 0 { // whole buckets
		cut := calendar{interval: f.interval, zone: zone, weekday: f.weekStart}
		f.from, f.to = cut.start(f.from).UTC(), cut.next(cut.start(f.to)).UTC()
	}
	return f.question(""), f
}

// question has the range and the buckets.
func (f refTrend) question(kind string) map[string]any {
	return map[string]any{
		"kind": kind, "from": f.from.Format(time.RFC3339Nano), "to": f.to.Format(time.RFC3339Nano), "timezone": f.zone.String(),
		"interval": f.interval, "week_start": strings.ToLower(f.weekStart.String()),
	}
}

// TestActivityOfRealData compares retention, lifecycle and stickiness with their
// references on what others measured.
func TestActivityOfRealData(t *testing.T) {
	t.Run("ecom", func(t *testing.T) {
		rows := ecomRows(t)
		s := newStore(t)
		write(t, s, "ecom", rows)
		zone, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		span := refTrend{from: at("2024-01-31T23:00:00Z"), to: at("2024-06-30T22:00:00Z"), zone: zone, interval: byWeek, weekStart: time.Sunday}
		ecomRetention(t, s, rows, span)
		realLifecycle(t, s, rows, span)
		span.interval = byDay // with the change of clocks in March
		realStickiness(t, s, rows, span)
	})
	t.Run("cdnow", func(t *testing.T) {
		rows := cdnowRows(t)
		s := newStore(t)
		write(t, s, "cdnow", rows)
		span := refTrend{from: at("1997-01-01T00:00:00Z"), to: at("1998-07-01T00:00:00Z"), zone: time.UTC, interval: byMonth}
		cdnowRetention(t, s, rows)
		realLifecycle(t, s, rows, span)
		realStickiness(t, s, rows, span)
	})
}

// watermarkOf is what the store says with these rows.
func watermarkOf(rows []row) time.Time {
	newest := rows[0].at
	for _, e := range rows {
		if e.at.After(newest) {
			newest = e.at
		}
	}
	return newest.Add(-DefaultConfig().Lateness)
}

// TestActivityAgreesWithTheReference asks random questions about the same
// histories, 10,000 for each kind.
func TestActivityAgreesWithTheReference(t *testing.T) {
	kinds := map[string]func(*testing.T, *Store, *rand.Rand, scene, []row){
		"retention": retentionAgrees, "lifecycle": lifecycleAgrees, "stickiness": stickinessAgrees,
	}
	for i, sc := range zones() {
		t.Run(sc.zone, func(t *testing.T) {
			rows := activityRows(rand.New(rand.NewPCG(*seed, uint64(30+i))), at(sc.start))
			s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2027-01-01T00:00:00Z") } }) // after every scene
			write(t, s, "histories", rows)
			for _, kind := range sortedKeys(kinds) {
				t.Run(kind, func(t *testing.T) {
					r := rand.New(rand.NewPCG(*seed, uint64(40+i)))
					for n := range *activityQuestions {
						kinds[kind](t, s, r, sc, rows)
						if t.Failed() {
							t.Fatalf("question %d of -seed %d", n, *seed)
						}
					}
				})
			}
		})
	}
	t.Logf("%d histories", len(zones())*activityUsers)
}

// newRandomActivity asks about one choice of events, as lifecycle and stickiness do.
func newRandomActivity(r *rand.Rand, sc scene, kind string) (map[string]any, refActivity) {
	question, span := randomRange(r, sc)
	events, fits := randomEvents(r)
	maps.Copy(question, events)
	question["kind"] = kind
	return question, refActivity{calendar: newRefCalendar(span, 0), fits: fits}
}

func textOf(t testing.TB, question map[string]any) string {
	t.Helper()
	text, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wantPeople compares the users listed behind a cell with those that want holds.
func wantPeople(t *testing.T, s *Store, question string, cell map[string]any, want map[string]bool) {
	t.Helper()
	q, err := ParseQuery([]byte(question))
	if err != nil {
		t.Fatal(err)
	}
	text := textOf(t, cell)
	page, err := s.People(t.Context(), q, json.RawMessage(text), "", 100_000)
	if err != nil {
		t.Fatalf("%s\ncell %s: %v", question, text, err)
	}
	if users := sortedKeys(want); !slices.Equal(page.Users, users) || page.Total != uint64(len(users)) {
		t.Errorf("%s\ncell %s: %d users %v, want %d %v", question, text, page.Total, page.Users, len(users), users)
	}
}

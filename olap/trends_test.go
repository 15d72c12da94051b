package olap

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// scene is a zone and a time at which its clocks do something.
type scene struct {
	zone  string
	start string // UTC
}

func TestTrendsAgreeWithTheReference(t *testing.T) {
	for i, sc := range []scene{
		{"UTC", "2026-02-20T00:00:00Z"},
		{"America/New_York", "2026-03-06T00:00:00Z"},    // an hour is skipped at 2
		{"America/New_York", "2026-10-30T00:00:00Z"},    // an hour is repeated
		{"America/Sao_Paulo", "2018-11-02T00:00:00Z"},   // midnight is skipped
		{"Asia/Kolkata", "2026-01-30T00:00:00Z"},        // half hours
		{"Australia/Lord_Howe", "2026-04-03T00:00:00Z"}, // half an hour is repeated
		{"Africa/Cairo", "2023-04-26T00:00:00Z"},        // midnight is skipped
		{"America/St_Johns", "2006-10-27T00:00:00Z"},    // clocks went back at 00:01, to the day before
	} {
		t.Run(sc.zone, func(t *testing.T) {
			r := rand.New(rand.NewPCG(*seed, uint64(i)))
			rows := trendRows(r, at(sc.start))
			s := newStore(t)
			write(t, s, "trends", rows)
			for range 14 {
				checkTrend(t, s, newRandomTrend(r, sc), rows)
			}
		})
	}
}

// trendRows is forty days of events, dense in the first four, with ties, absent
// values and numbers in many forms.
func trendRows(r *rand.Rand, start time.Time) []row {
	var rows []row
	for i := range 700 {
		span := 4 * 24 * time.Hour
		if i%3 == 0 {
			span = 40 * 24 * time.Hour
		}
		e := row{id: fmt.Sprintf("e%04d", r.IntN(10000)*1000+i), user: fmt.Sprint("u", r.IntN(25)), kind: []string{"view", "cart", "buy"}[r.IntN(3)],
			at: start.Add(time.Duration(r.Int64N(int64(span/time.Minute))) * time.Minute)}
		e.session = []string{"", "s1", "s2"}[r.IntN(3)]
		e.country = []string{"", "IN", "US", "DE", "FR"}[r.IntN(5)]
		if r.IntN(2) == 0 {
			e.amount = fmt.Sprintf("%d.%02d", r.IntN(50), r.IntN(100))
		}
		e.properties = `{"n":` + []string{"1", "2.5", "-3e1", `"4"`, `"4.50"`, `"x"`, `""`, "true", "null", `{"m":7}`, `"nan"`, "[1]"}[r.IntN(12)] + `}`
		if r.IntN(6) == 0 {
			e.properties = "{}"
		}
		rows = append(rows, e)
	}
	return rows
}

// textOfN is properties.n as the store's text.
func textOfN(r row) (string, bool) {
	var p map[string]json.RawMessage
	json.Unmarshal([]byte(r.properties), &p)
	raw := string(p["n"])
	switch {
	case raw == "" || raw == "null":
		return "", false
	case raw == "-3e1":
		return "-30", true
	case strings.HasPrefix(raw, `"`):
		return strings.Trim(raw, `"`), true
	}
	return raw, true
}

type randomTrend struct {
	question map[string]any
	ref      refTrend
	limit    int
	compare  bool
}

func newRandomTrend(r *rand.Rand, sc scene) randomTrend {
	zone, err := time.LoadLocation(sc.zone)
	if err != nil {
		panic(err)
	}
	f := refTrend{zone: zone, weekStart: []time.Weekday{time.Monday, time.Sunday}[r.IntN(2)]}
	f.interval = []interval{byMinute, by10m, byHour, byHour, byDay, byDay, byWeek, byMonth}[r.IntN(8)]
	if sc.zone == "America/St_Johns" && f.interval != byMinute { // its dates do not run in order
		f.interval = by10m
	}
	span := map[interval]time.Duration{byMinute: 3 * time.Hour, by10m: 12 * time.Hour, byHour: 3 * 24 * time.Hour, byDay: 8 * 24 * time.Hour, byWeek: 30 * 24 * time.Hour, byMonth: 50 * 24 * time.Hour}[f.interval]
	f.from = at(sc.start).Add(time.Duration(r.IntN(60*48)) * time.Minute)
	f.to = f.from.Add(span + time.Duration(r.IntN(600))*time.Minute)
	series := map[string]any{}
	f.choose(r, series)
	q := randomTrend{limit: 1 + r.IntN(3), compare: r.IntN(4) == 0, question: map[string]any{
		"kind": "trends", "from": f.from.Format(time.RFC3339), "to": f.to.Format(time.RFC3339), "timezone": sc.zone,
		"interval": f.interval, "week_start": strings.ToLower(f.weekStart.String()), "series": []any{series},
	}}
	if r.IntN(2) == 0 {
		f.breakdown = func(r row) string { return r.country }
		q.question["breakdown"] = map[string]any{"property": "country", "limit": q.limit}
	}
	if q.compare {
		q.question["compare"] = "previous"
	}
	if r.IntN(4) == 0 && f.per == perEvent && f.measure.activeDays() == 0 {
		f.sum = true
		q.question["cumulative"] = true
	}
	q.ref = f
	return q
}

// choose chooses what to measure.
func (f *refTrend) choose(r *rand.Rand, series map[string]any) {
	all := append(append(countingMeasures(), measureUnique), numericMeasures()...)
	f.measure, f.per = all[r.IntN(len(all))], perEvent
	if f.measure.numeric() {
		f.per = []unit{perEvent, perUser, perSession}[r.IntN(3)]
	}
	series["measure"], series["per"] = f.measure, f.per
	if f.measure == measureUnique || f.measure.numeric() && (f.per == perEvent || r.IntN(2) == 0) {
		series["property"], f.property = "properties.n", textOfN
		if r.IntN(2) == 0 {
			series["property"], f.property = "amount", func(r row) (string, bool) { return r.amount, r.amount != "" }
		}
	}
	event, kind := any(nil), ""
	if r.IntN(2) == 0 {
		event, kind = "view", "view"
	}
	series["event"] = event
	f.fits = func(e row) bool { return kind == "" || e.kind == kind }
	if r.IntN(3) == 0 {
		series["where"] = `not country in ("IN", "DE")`
		f.fits = also(f.fits, func(e row) bool { return e.country != "IN" && e.country != "DE" })
	}
}

func checkTrend(t *testing.T, s *Store, q randomTrend, rows []row) {
	t.Helper()
	text, _ := json.Marshal(q.question)
	got := askTrends(t, s, string(text))
	keys, _ := q.ref.buckets()
	if len(got.Buckets) != len(keys) {
		t.Errorf("%s: %d buckets %v, want %d %v", text, len(got.Buckets), got.Buckets, len(keys), keys)
		return
	}
	for _, l := range got.Series {
		in := func(row) bool { return true }
		if q.ref.breakdown != nil {
			in = groupOf(got, q.ref.breakdown, *l.Breakdown)
		}
		values, total := q.ref.series(rows, in)
		if q.ref.measure == measureNewUsers {
			values, total = q.ref.newUsers(rows, in)
		}
		for i := range values {
			if !sameNumber(l.Values[i], values[i]) {
				t.Errorf("%s: %v at %s (%s): got %v, want %v", text, jsonOf(t, l.Breakdown), got.Buckets[i], keys[i], l.Values[i], values[i])
				return
			}
		}
		if before := q.ref.before(); q.compare && before != nil {
			values, total := before.series(rows, in)
			if q.ref.measure == measureNewUsers {
				values, total = before.newUsers(rows, in)
			}
			for i := range l.Previous {
				if !sameNumber(l.Previous[i], values[i]) || !sameNumber(*l.PreviousTotal, total) {
					t.Errorf("%s: previous: got %v, %v; want %v, %v", text, l.Previous, l.PreviousTotal, values, total)
					return
				}
			}
		}
		if !sameNumber(l.Total, total) {
			t.Errorf("%s: %v total: got %v, want %v", text, jsonOf(t, l.Breakdown), l.Total, total)
		}
	}
}

// groupOf tells which events a line of a breakdown holds. Lines come in the
// order named values, (other), (none), so a value that reads "(other)" is
// told apart by its place.
func groupOf(got *TrendsResult, of func(row) string, label string) func(row) bool {
	named := map[string]bool{}
	for _, l := range got.Series {
		named[*l.Breakdown] = true
	}
	switch {
	case label == labelNone:
		return func(r row) bool { return of(r) == "" }
	case label == labelOther:
		return func(r row) bool { return of(r) != "" && !(named[of(r)] && of(r) != labelOther) }
	}
	return func(r row) bool { return of(r) == label }
}

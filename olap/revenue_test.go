package olap

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func askRevenue(t testing.TB, s *Store, question string) *RevenueResult {
	t.Helper()
	return ask(t, s, question).Result.(*RevenueResult)
}

func TestCdnowRevenue(t *testing.T) {
	rows := cdnowRows(t)
	s := newStore(t)
	write(t, s, "cdnow", rows)
	const question = `{"kind":"revenue","from":"1997-01-01","to":"1998-07-01","interval":"month"`
	got := askRevenue(t, s, question+`}`)
	f := refRevenue{from: at("1997-01-01T00:00:00Z"), to: at("1998-07-01T00:00:00Z"), fits: func(row) bool { return true }}
	f.bounds = calendar{interval: byMonth, zone: time.UTC}.bounds(f.from, f.to, 100)
	if got, want := jsonOf(t, got.Series), jsonOf(t, f.lines(rows)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := jsonOf(t, got.TopCustomers), jsonOf(t, f.top(rows, 10)); got != want {
		t.Errorf("top customers: got %s\nwant %s", got, want)
	}
	total := got.Series[0].Total
	if total.Gross.text != "2500315.63" || total.Orders != 69659 || total.Customers != 23570 {
		t.Errorf("total %s, want 2500315.63 by 69659 orders of 23570 customers", jsonOf(t, total))
	}
	if raw := askRevenue(t, s, question+`,"where":"event_id exists"}`); jsonOf(t, raw) != jsonOf(t, got) {
		t.Errorf("raw events say  %s\nwindows say %s", jsonOf(t, raw), jsonOf(t, got))
	}
}

// saleRows is three days of sales in several currencies, with ties, events on
// the edges of windows, and amounts that are absent.
func saleRows(r *rand.Rand, start time.Time, users int) []row {
	var rows []row
	for u := range users {
		for range r.IntN(6) {
			e := row{user: fmt.Sprintf("u%03d", u), kind: []string{"purchase", "purchase", "refund", "view"}[r.IntN(4)],
				at: start.Add(time.Duration(r.IntN(3*24*6)) * 10 * time.Minute), currency: []string{"", "USD", "EUR", "INR"}[r.IntN(4)]}
			if r.IntN(2) == 0 {
				e.at = e.at.Add(time.Duration(r.IntN(600_000)) * time.Millisecond)
			}
			if r.IntN(6) > 0 {
				e.amount = []string{fmt.Sprint(r.IntN(90)), fmt.Sprintf("%d.%02d", r.IntN(500), r.IntN(100)), fmt.Sprintf("0.%06d", r.IntN(1e6))}[r.IntN(3)]
			}
			e.category = []string{"", "books", "toys", "(other)", "food"}[r.IntN(5)]
			e.country = []string{"", "IN", "US"}[r.IntN(3)]
			rows = append(rows, e)
			if r.IntN(5) == 0 {
				rows = append(rows, e) // again at the same instant
			}
		}
	}
	return rows
}

type randomRevenue struct {
	question map[string]any
	ref      refRevenue
	top      int
}

func newRandomRevenue(r *rand.Rand, sc scene) randomRevenue {
	zone, err := time.LoadLocation(sc.zone)
	if err != nil {
		panic(err)
	}
	c := calendar{interval: []interval{byMinute, by10m, byHour, byHour, byDay, byDay, byWeek, byMonth}[r.IntN(8)], zone: zone, weekday: time.Monday}
	f := refRevenue{fits: func(row) bool { return true }, limit: 1 + r.IntN(3)}
	f.from = at(sc.start).Add(time.Duration(r.IntN(30*60_000)) * time.Millisecond)
	if r.IntN(3) == 0 {
		f.from = at(sc.start)
	}
	f.to = f.from.Add(time.Duration(1+r.IntN(60*60)) * time.Minute)
	if c.interval == byMinute {
		f.to = f.from.Add(3 * time.Hour)
	}
	f.bounds = c.bounds(f.from, f.to, maxBuckets)
	q := randomRevenue{top: r.IntN(4), question: map[string]any{
		"kind": "revenue", "from": f.from.Format(time.RFC3339Nano), "to": f.to.Format(time.RFC3339Nano), "timezone": sc.zone, "interval": c.interval,
	}}
	q.question["top"] = q.top
	if r.IntN(4) == 0 {
		q.question["currency"] = "USD"
		f.fits = also(f.fits, func(e row) bool { return e.currency == "USD" })
	}
	if r.IntN(4) == 0 {
		q.question["where"] = `country != "IN"`
		f.fits = also(f.fits, func(e row) bool { return e.country != "IN" })
	}
	if r.IntN(2) == 0 {
		by := []string{"category", "country", "currency", "type"}[r.IntN(4)]
		q.question["breakdown"] = map[string]any{"property": by, "limit": f.limit}
		f.value = func(e row) string {
			return map[string]string{"category": e.category, "country": e.country, "currency": e.currency, "type": e.kind}[by]
		}
	}
	q.ref = f
	return q
}

// scenes are zones around changes of their clocks.
func scenes() []scene {
	return []scene{
		{"UTC", "2026-02-20T00:00:00Z"},
		{"America/New_York", "2026-03-07T00:00:00Z"},
		{"America/New_York", "2026-10-31T00:00:00Z"},
		{"Asia/Kathmandu", "2026-01-30T00:00:00Z"}, // no whole windows in a day
		{"Australia/Lord_Howe", "2026-04-03T00:00:00Z"},
	}
}

var histories = flag.Int("histories", 10_000, "random histories to compare with the reference, per kind of question")

// TestRevenueAgreesWithTheReference also asks each question in a way that the
// windows cannot answer.
func TestRevenueAgreesWithTheReference(t *testing.T) {
	const users = 200
	for i, sc := range scenes() {
		r := rand.New(rand.NewPCG(*seed, uint64(100+i)))
		rows := saleRows(r, at(sc.start), users)
		s := newStore(t)
		for part := range slices.Chunk(rows, 1+len(rows)/3) { // windows come in several parts
			write(t, s, part[0].at.String()+part[0].user, part)
		}
		for n := range *histories / users / len(scenes()) {
			checkRevenue(t, s, newRandomRevenue(r, sc), rows)
			if t.Failed() {
				t.Fatalf("%s, question %d of -seed %d", sc.zone, n, *seed)
			}
		}
	}
}

func checkRevenue(t *testing.T, s *Store, q randomRevenue, rows []row) {
	t.Helper()
	text, err := json.Marshal(q.question)
	if err != nil {
		t.Fatal(err)
	}
	got := askRevenue(t, s, string(text))
	for _, pair := range [][2]string{
		{jsonOf(t, got.Series), jsonOf(t, q.ref.lines(rows))},
		{jsonOf(t, got.TopCustomers), jsonOf(t, q.ref.top(rows, q.top))},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s\ngot  %s\nwant %s", text, pair[0], pair[1])
		}
	}
	if q.question["where"] == nil {
		q.question["where"] = "event_id exists"
		text, _ = json.Marshal(q.question)
		if raw := askRevenue(t, s, string(text)); jsonOf(t, raw) != jsonOf(t, got) {
			t.Errorf("%s\nraw events say %s\nwindows say    %s", text, jsonOf(t, raw), jsonOf(t, got))
		}
	}
}

// The customers of each line and bucket are as many as it says.
func TestUsersBehindRevenue(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 110))
	s := newStore(t)
	write(t, s, "sales", saleRows(r, at("2026-02-20T00:00:00Z"), 60))
	q, err := ParseQuery([]byte(`{"kind":"revenue","from":"2026-02-20T05:00:00Z","to":"2026-02-22T07:00:00Z","timezone":"Asia/Kathmandu","breakdown":{"property":"category","limit":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	result := answer.Result.(*RevenueResult)
	for _, l := range result.Series {
		cell := map[string]any{"currency": deref(l.Currency), "breakdown": *l.Breakdown}
		countPeople(t, s, q, jsonOf(t, cell), l.Total.Customers)
		for i, n := range l.Customers {
			cell["bucket"] = result.Buckets[i]
			countPeople(t, s, q, jsonOf(t, cell), n)
		}
	}
}

// A breakdown with more values than are read at once is ranked first.
func TestRevenueOfManyValues(t *testing.T) {
	s := newStore(t)
	start := at("2026-02-20T00:00:00Z")
	var rows []row
	for place := range 150 {
		for hour := range 140 {
			rows = append(rows, row{user: fmt.Sprint("u", (place*7+hour)%90), kind: "purchase", at: start.Add(time.Duration(hour) * time.Hour),
				currency: "EUR", country: fmt.Sprintf("C%03d", place), amount: fmt.Sprint(1 + place*hour%17)})
		}
	}
	write(t, s, "many", rows)
	question := `{"kind":"revenue","from":"2026-02-20","to":"2026-02-27","interval":"hour","top":0,"breakdown":{"property":"country","limit":3}`
	got := ask(t, s, question+`}`)
	if n := len(got.Meta.SQL); n != 3 {
		t.Errorf("%d statements, want 3: the values, their ranks, their lines", n)
	}
	f := refRevenue{from: start, to: start.Add(7 * day), fits: func(row) bool { return true }, limit: 3, value: func(e row) string { return e.country }}
	f.bounds = calendar{interval: byHour, zone: time.UTC}.bounds(f.from, f.to, maxBuckets)
	if got, want := jsonOf(t, got.Result.(*RevenueResult).Series), jsonOf(t, f.lines(rows)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

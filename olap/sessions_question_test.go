package olap

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func askSessions(t testing.TB, s *Store, question string) *SessionsResult {
	t.Helper()
	return ask(t, s, question).Result.(*SessionsResult)
}

func TestEcomSessions(t *testing.T) {
	rows := ecomRows(t)
	s := newStore(t)
	write(t, s, "ecom", rows)
	f := refSessions{from: at("2024-01-01T00:00:00Z"), to: at("2024-08-01T00:00:00Z"), gap: 30 * time.Minute, fits: func(row) bool { return true },
		value: func(r row) string { return r.platform }, limit: 10}
	f.bounds = calendar{interval: byMonth, zone: time.UTC}.bounds(f.from, f.to, 100)
	const question = `{"kind":"sessions","from":"2024-01-01","to":"2024-08-01","interval":"month"`
	sameSessions(t, question, askSessions(t, s, question+`,"breakdown":{"property":"platform"}}`).Series, f.lines(rows))
	f.value = nil
	got := askSessions(t, s, question+`}`)
	sameSessions(t, question, got.Series, f.lines(rows))
	t.Logf("%s", jsonOf(t, got.Series[0].Total))
}

// sameSessions compares lines; averages may differ in their last digits.
func sameSessions(t testing.TB, question string, got, want []SessionsLine) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s\ngot  %s\nwant %s", question, jsonOf(t, got), jsonOf(t, want))
		return
	}
	for i := range got {
		same := deref(got[i].Breakdown) == deref(want[i].Breakdown) && sameSessionFigures(got[i].Total, want[i].Total) && len(got[i].Count) == len(want[i].Count)
		for b := range want[i].Count {
			same = same && sameSessionFigures(got[i].at(b), want[i].at(b))
		}
		if !same {
			t.Errorf("%s\ngot  %s\nwant %s", question, jsonOf(t, got[i]), jsonOf(t, want[i]))
			return
		}
	}
}

func (l SessionsLine) at(i int) SessionsFigures {
	return SessionsFigures{l.Count[i], l.Users[i], l.MedianSeconds[i], l.AverageSeconds[i], l.EventsPerSession[i], l.BounceRate[i]}
}

func sameSessionFigures(a, b SessionsFigures) bool {
	return a.Count == b.Count && a.Users == b.Users && sameNumber(a.MedianSeconds, b.MedianSeconds) && sameNumber(a.AverageSeconds, b.AverageSeconds) &&
		sameNumber(a.EventsPerSession, b.EventsPerSession) && sameNumber(a.BounceRate, b.BounceRate)
}

// visitRows is four days of visits, with gaps around half an hour, ties, and
// session ids that some of the events lack.
func visitRows(r *rand.Rand, start time.Time, users int) []row {
	var rows []row
	for u := range users {
		when := start.Add(time.Duration(r.IntN(3*24*60)) * time.Minute)
		for range r.IntN(9) {
			e := row{user: fmt.Sprintf("u%03d", u), kind: []string{"view", "cart"}[r.IntN(2)], at: when, session: []string{"", "", "s1", "s2"}[r.IntN(4)]}
			e.country = []string{"", "IN", "US", "(none)", "DE"}[r.IntN(5)]
			e.page = []string{"/", "/a"}[r.IntN(2)]
			rows = append(rows, e)
			when = when.Add([]time.Duration{0, time.Second, 10 * time.Minute, 30 * time.Minute, 30*time.Minute + time.Millisecond, 2 * time.Hour, 13 * time.Hour}[r.IntN(7)])
		}
	}
	return rows
}

func TestSessionsAgreeWithTheReference(t *testing.T) {
	const users = 200
	for i, sc := range scenes() {
		r := rand.New(rand.NewPCG(*seed, uint64(300+i)))
		rows := visitRows(r, at(sc.start), users)
		s := newStore(t)
		write(t, s, "visits", rows)
		for n := range *histories / users / len(scenes()) {
			question, f := newRandomSessions(r, sc)
			got := askSessions(t, s, question)
			sameSessions(t, question, got.Series, f.lines(rows))
			if t.Failed() {
				t.Fatalf("%s, question %d of -seed %d", sc.zone, n, *seed)
			}
		}
	}
}

func newRandomSessions(r *rand.Rand, sc scene) (string, refSessions) {
	zone, err := time.LoadLocation(sc.zone)
	if err != nil {
		panic(err)
	}
	c := calendar{interval: []interval{byHour, byDay, byDay, byWeek}[r.IntN(4)], zone: zone, weekday: time.Monday}
	f := refSessions{from: at(sc.start).Add(time.Duration(r.IntN(40*60)) * time.Minute), fits: func(row) bool { return true }, limit: 1 + r.IntN(3)}
	f.to = f.from.Add(time.Duration(1+r.IntN(60*60)) * time.Minute)
	f.gap = []time.Duration{30 * time.Minute, 10 * time.Minute, 5 * time.Second, 24 * time.Hour}[r.IntN(4)]
	f.bounds = c.bounds(f.from, f.to, maxBuckets)
	q := map[string]any{"kind": "sessions", "from": f.from.Format(time.RFC3339Nano), "to": f.to.Format(time.RFC3339Nano), "timezone": sc.zone,
		"interval": c.interval, "gap": fmt.Sprintf("%ds", int(f.gap.Seconds()))}
	if r.IntN(3) == 0 {
		q["where"] = `page = "/"`
		f.fits = func(e row) bool { return e.page == "/" }
	}
	if r.IntN(2) == 0 {
		q["breakdown"] = map[string]any{"property": "country", "limit": f.limit}
		f.value = func(e row) string { return e.country }
	}
	text, err := json.Marshal(q)
	if err != nil {
		panic(err)
	}
	return string(text), f
}

// The users of each line and bucket are as many as it says.
func TestUsersBehindSessions(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 310))
	s := newStore(t)
	write(t, s, "visits", visitRows(r, at("2026-02-20T00:00:00Z"), 100))
	q, err := ParseQuery([]byte(`{"kind":"sessions","from":"2026-02-20T05:00:00Z","to":"2026-02-22T07:00:00Z","timezone":"Asia/Kathmandu","breakdown":{"property":"country","limit":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	result := answer.Result.(*SessionsResult)
	for _, l := range result.Series {
		cell := map[string]any{"breakdown": *l.Breakdown}
		countPeople(t, s, q, jsonOf(t, cell), l.Total.Users)
		for i, n := range l.Users {
			cell["bucket"] = result.Buckets[i]
			countPeople(t, s, q, jsonOf(t, cell), n)
		}
	}
}

package olap

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// windowEvents is three days of sales, views and carts.
func windowEvents(r *rand.Rand, start time.Time, users int) []row {
	rows := saleRows(r, start, users)
	for i := range rows {
		if rows[i].kind == "view" && r.IntN(2) == 0 {
			rows[i].kind = "add_to_cart"
		}
		if rows[i].country == "" { // closer together, so that windows hold several users
			rows[i].at = start.Add(rows[i].at.Sub(start) / 20).Truncate(time.Millisecond)
		}
	}
	return rows
}

// TestWindowsAgreeWithTheReference also asks each question in a way that the
// rollup cannot answer.
func TestWindowsAgreeWithTheReference(t *testing.T) {
	const users = 400
	for i, sc := range scenes() {
		r := rand.New(rand.NewPCG(*seed, uint64(200+i)))
		rows := windowEvents(r, at(sc.start), users)
		s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at(sc.start).Add(1000 * time.Hour) } })
		for part := range slices.Chunk(rows, 1+len(rows)/3) {
			write(t, s, part[0].at.String()+part[0].user, part)
		}
		for n := range *histories / users / len(scenes()) {
			checkWindows(t, s, r, sc, rows)
			if t.Failed() {
				t.Fatalf("%s, question %d of -seed %d", sc.zone, n, *seed)
			}
		}
	}
}

func checkWindows(t *testing.T, s *Store, r *rand.Rand, sc scene, rows []row) {
	t.Helper()
	zone, err := time.LoadLocation(sc.zone)
	if err != nil {
		t.Fatal(err)
	}
	newest := slices.MaxFunc(rows, func(a, b row) int { return a.at.Compare(b.at) }).at
	f := refWindows{from: at(sc.start).Add(time.Duration(r.IntN(40*60_000)) * time.Millisecond), zone: zone, watermark: newest.Add(-10 * time.Minute), fits: func(row) bool { return true }}
	f.to = f.from.Add(time.Duration(1+r.IntN(80*3600)) * time.Second)
	if r.IntN(3) == 0 {
		f.to = f.from.Add(time.Duration(1+r.IntN(1200)) * time.Second)
	}
	question := map[string]any{"kind": "windows", "from": f.from.Format(time.RFC3339Nano), "to": f.to.Format(time.RFC3339Nano), "timezone": sc.zone}
	if r.IntN(2) == 0 {
		f.types = []string{"purchase", "refund"}[:1+r.IntN(2)]
		question["event"] = map[string]any{"any_of": f.types}
	}
	want := jsonOf(t, f.answer(rows))
	for _, where := range []string{"", "event_id exists"} {
		if where != "" {
			question["where"] = where
		}
		text, _ := json.Marshal(question)
		if got := jsonOf(t, ask(t, s, string(text)).Result); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

// The users of each row are as many as the row says.
func TestUsersBehindWindows(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 210))
	start := at("2026-02-20T00:00:00Z")
	s := newStore(t)
	write(t, s, "windows", windowEvents(r, start, 200))
	q, err := ParseQuery([]byte(`{"kind":"windows","from":"2026-02-20T00:03:00Z","to":"2026-02-20T04:07:00Z","timezone":"Asia/Kathmandu"}`))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range answer.Result.(*WindowsResult).Windows[:40] {
		countPeople(t, s, q, fmt.Sprintf(`{"window_start":%q,"type":%q}`, w.WindowStart, w.Type), w.Users)
	}
}

// countPeople lists the users behind a number.
func countPeople(t *testing.T, s *Store, q Query, cell string, want uint64) []string {
	t.Helper()
	p, err := s.People(t.Context(), q, json.RawMessage(cell), "", 1000)
	if err != nil {
		t.Fatalf("%s: %v", cell, err)
	}
	if p.Total != want || uint64(len(p.Users)) != want || len(p.Users) != len(slices.Compact(slices.Clone(p.Users))) {
		t.Errorf("%s: %d users %q, want %d", cell, p.Total, p.Users, want)
	}
	return p.Users
}

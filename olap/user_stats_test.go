package olap

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// statsOf collects the statistics of the users touched in [from, to).
func statsOf(t *testing.T, s *Store, from, to time.Time) map[string]UserStats {
	t.Helper()
	users := map[string]UserStats{}
	for u, err := range s.UserStats(t.Context(), from, to) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := users[u.UserID]; twice {
			t.Errorf("%s comes twice", u.UserID)
		}
		users[u.UserID] = u
	}
	return users
}

func TestUserStats(t *testing.T) {
	s := newStore(t)
	start := time.Now().Add(-time.Hour)
	write(t, s, "t1", []row{
		{kind: "view", user: "a", session: "s1", at: at("2026-01-02T23:50:00Z"), country: "IN", platform: "web"},
		{kind: "view", user: "a", session: "s1", at: at("2026-01-03T00:10:00Z")},
		{kind: "purchase", user: "a", session: "s2", at: at("2026-01-05T10:00:00Z"), amount: "19.99", currency: "EUR", country: "DE"},
		{kind: "purchase", user: "a", session: "s2", at: at("2026-01-05T10:00:01Z"), amount: "500.01", currency: "EUR"},
		{kind: "purchase", user: "a", session: "s2", at: at("2026-01-05T10:00:02Z"), amount: "7", currency: "INR"},
		{kind: "purchase", user: "a", at: at("2026-01-05T12:00:00Z")}, // without an amount
		{kind: "refund", user: "a", session: "s2", at: at("2026-01-05T11:00:00Z"), amount: "500.01", currency: "EUR"},
		{kind: "refund", user: "a", session: "s2", at: at("2026-01-05T11:00:00Z"), amount: "1", currency: "USD"},
		{kind: "view", user: "b", at: at("2026-01-05T12:00:00Z")},
		{kind: "view", user: "b", at: at("2026-01-05T12:30:00Z")},     // 30 minutes: the same visit
		{kind: "view", user: "b", at: at("2026-01-05T13:00:00.001Z")}, // more: the next
	})
	users := statsOf(t, s, start, time.Now().Add(time.Hour))
	want := UserStats{
		UserID: "a", FirstSeen: at("2026-01-02T23:50:00Z"), LastSeen: at("2026-01-05T12:00:00Z"),
		Events: 8, EventsByType: map[string]uint64{"view": 2, "purchase": 4, "refund": 2},
		Sessions: 3, ActiveDays: 3, Orders: 4,
		RevenueByCurrency: map[string]string{"EUR": "520", "INR": "7"},
		LargestOrder:      map[string]string{"EUR": "500.01", "INR": "7"},
		AverageOrder:      map[string]string{"EUR": "260", "INR": "7"},
		RefundsByCurrency: map[string]string{"EUR": "500.01", "USD": "1"},
		ValueByCurrency:   map[string]string{"EUR": "19.99", "INR": "7", "USD": "-1"},
		Country:           "DE", Platform: "web",
	}
	if diff := cmp.Diff(want, users["a"]); diff != "" {
		t.Errorf("user a (-want +got):\n%s", diff)
	}
	if got := users["b"]; got.Sessions != 2 || got.Events != 3 || len(got.RevenueByCurrency) != 0 {
		t.Errorf("user b: %+v", got)
	}

	// Values are absolute, and only touched users come.
	touched := time.Now().Add(-time.Second)
	for s.mustCount(t) < 12 {
		write(t, s, "t2", []row{{id: "late", kind: "view", user: "b", at: at("2026-01-01T00:00:00Z")}})
	}
	var before time.Time
	if err := s.conn.QueryRow(t.Context(), "SELECT min(stored_at) FROM events WHERE event_id = 'late'").Scan(&before); err != nil {
		t.Fatal(err)
	}
	if before.Before(touched) {
		t.Fatalf("stored_at %v lies before the insert", before)
	}
	users = statsOf(t, s, before, before.Add(time.Millisecond))
	if got := users["b"]; len(users) > 2 || got.Events != 4 || !got.FirstSeen.Equal(at("2026-01-01T00:00:00Z")) {
		t.Errorf("after a late event: %+v", users)
	}
	if got := statsOf(t, s, before.Add(time.Hour), before.Add(2*time.Hour)); len(got) != 0 {
		t.Errorf("an empty range touches %v", got)
	}
}

// TestUserStatsInPages copies more users than fit a page: each comes once, with
// all of their events, also those stored long before.
func TestUserStatsInPages(t *testing.T) {
	s := newStore(t)
	const users, events = 2*statsPage + 7, 3
	fill := fmt.Sprintf(`INSERT INTO events (event_id, type, user_id, timestamp, received_at, stored_at)
SELECT toString(number), 'view', concat('u', toString(intDiv(number, %d))), toDateTime64('2026-01-01', 3, 'UTC') + number AS at, at,
    if(number %% %d = 0, toDateTime64('2026-03-01', 3, 'UTC'), toDateTime64('2026-02-01', 3, 'UTC')) FROM numbers(%d)`, events, events, users*events)
	if err := s.conn.Exec(t.Context(), fill); err != nil {
		t.Fatal(err)
	}
	got := statsOf(t, s, at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z"))
	if len(got) != users {
		t.Errorf("got %d users, want %d", len(got), users)
	}
	for id, u := range got {
		if u.Events != events {
			t.Fatalf("%s has %d events, want %d", id, u.Events, events)
		}
	}
}

func (s *Store) mustCount(t *testing.T) uint64 {
	t.Helper()
	n, err := s.CountStored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestUserEventsPagesWithoutGapOrOverlap(t *testing.T) {
	s := newStore(t)
	var rows []row
	for n := range 50 {
		rows = append(rows, row{kind: "view", user: "a", at: at("2026-01-01T00:00:00Z").Add(time.Duration(n/4) * time.Second), properties: `{"n":1}`})
	}
	write(t, s, "t", append(rows, row{kind: "view", user: "b", at: at("2026-01-01T00:00:00Z")}))
	seen := map[string]bool{}
	var before Cursor
	last := at("2100-01-01T00:00:00Z")
	for {
		page, err := s.UserEvents(t.Context(), "a", before, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			if seen[e.ID] || e.Timestamp.After(last) || e.UserID != "a" || string(e.Properties) != `{"n":1}` {
				t.Errorf("event %s at %v is out of place", e.ID, e.Timestamp)
			}
			seen[e.ID], last = true, e.Timestamp
		}
		if len(page) < 7 {
			break
		}
		if before, err = ParseCursor(page[len(page)-1].Cursor.String()); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 50 {
		t.Errorf("pages hold %d events, want 50", len(seen))
	}
}

func TestParseCursorRefusesOtherText(t *testing.T) {
	for _, text := range []string{"x", "1.2.3", "a.b.c.d", "1.99999999999.3.events"} {
		if _, err := ParseCursor(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
	if c, err := ParseCursor(""); err != nil || !c.IsZero() {
		t.Errorf("an empty cursor: %v %v", c, err)
	}
}

func TestLive(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return now } })
	empty, err := s.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(empty.Series) != 60 || empty.EventsTotal != 0 || len(empty.Funnel) != 3 {
		t.Errorf("with nothing stored: %+v", empty)
	}
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	write(t, s, "t", []row{
		{kind: "view", user: "a", at: ago(3 * time.Minute)},
		{kind: "add_to_cart", user: "a", at: ago(2 * time.Minute)},
		{kind: "purchase", user: "a", at: ago(time.Minute), amount: "19.99", currency: "EUR"},
		{kind: "view", user: "b", at: ago(time.Hour)},
		{kind: "view", user: "old", at: ago(48 * time.Hour)},
	})
	s.live = liveCache{} // the figures of the window may be older: ask for fresh ones
	l, err := s.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Live{
		At: l.At, EventsTotal: 5, EventsPerSecond: l.EventsPerSecond, Series: l.Series, WindowSeconds: 86400, Users: 2,
		Funnel:    []LiveStep{{"view", 2}, {"add_to_cart", 1}, {"purchase", 1}},
		TopEvents: []LiveType{{"view", 2}, {"add_to_cart", 1}, {"purchase", 1}},
		Revenue:   []LiveRevenue{{"EUR", "19.99", 1}},
	}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	for i := range 59 {
		if gap := l.Series[i+1].At.Sub(l.Series[i].At); gap != time.Second {
			t.Errorf("series has a gap of %v", gap)
		}
	}
}

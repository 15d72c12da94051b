package olap

import (
	"testing"
	"time"
)

// What was stored before the column existed reads as sealed when it was
// stored, and the seconds count on.
func TestSealedAtComesToATableWithRows(t *testing.T) {
	s := openStore(t)
	known, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.migrate(t.Context(), known[:5]); err != nil {
		t.Fatal(err)
	}
	if err := s.conn.Exec(t.Context(), "INSERT INTO events (event_id, type, user_id, timestamp) VALUES ('old', 'view', 'u', '2026-01-02 03:04:05')"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	batch := batchOf([]row{{kind: "view", user: "u", at: at("2026-01-02T03:04:05Z")}, {kind: "view", user: "u", at: at("2026-01-03T03:04:05Z")}})
	batch.SealedAt = 1_790_000_000_123
	for range 2 {
		if err := s.Writer().Write(t.Context(), batch, "t1"); err != nil {
			t.Fatal(err)
		}
	}
	var old, fresh, counted uint64
	if err := s.conn.QueryRow(t.Context(), `SELECT countIf(event_id = 'old' AND sealed_at = stored_at), countIf(toUnixTimestamp64Milli(sealed_at) = 1790000000123),
		(SELECT sum(events) FROM stored_seconds WHERE second = toDateTime(1790000000)) FROM events`).Scan(&old, &fresh, &counted); err != nil {
		t.Fatal(err)
	}
	if old != 1 || fresh != 2 || counted != 2 {
		t.Errorf("%d old rows, %d new ones, %d counted in their second; want 1, 2 and 2", old, fresh, counted)
	}
	if _, err := s.settleWindows(t.Context()); err != nil { // they are younger than the first row
		t.Fatal(err)
	}
	sameAsWindows(t, s)
}

func TestLiveSeriesCountsInTheSecondOfTheSeal(t *testing.T) {
	s := newStore(t)
	rows := []row{{kind: "view", user: "u", at: time.Now()}, {kind: "view", user: "v", at: time.Now()}}
	sealed := time.Now().Add(-5 * time.Second)
	for i, at := range []time.Time{sealed, time.Now().Add(time.Minute)} { // a second that is not complete
		batch := batchOf(rows)
		batch.SealedAt = at.UnixMilli()
		if err := s.Writer().Write(t.Context(), batch, []string{"a", "b"}[i]); err != nil {
			t.Fatal(err)
		}
	}
	live, err := s.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	total := uint64(0)
	for _, second := range live.Series {
		if total += second.Events; second.Events > 0 && second.At.Unix() != sealed.Unix() {
			t.Errorf("%d events at %v, want them at %v", second.Events, second.At, sealed)
		}
	}
	last := live.Series[len(live.Series)-1].At
	if over := live.At.Sub(last.Add(time.Second)); over < 2*time.Second || over >= 3*time.Second {
		t.Errorf("the last second of the series has been over for %v at %v", over, live.At)
	}
	if total != 2 || live.EventsPerSecond != 0.2 || live.EventsTotal != 4 {
		t.Errorf("series %d, rate %v, total %d; want 2, 0.2 and 4", total, live.EventsPerSecond, live.EventsTotal)
	}
}

package olap

import (
	"strings"
	"testing"
	"time"

	"millrace/internal/event"
)

// TestOldEventsGo: what is older than events are kept goes from the rows and from
// all that was computed from them, the rest stays, and answers say so.
func TestOldEventsGo(t *testing.T) {
	s := newStore(t)
	now := time.Now().UTC().Truncate(time.Second)
	ago := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	var rows []row
	for _, days := range []int{900, 500, 20, 0} {
		user := "u" + ago(days).Format("2006")
		rows = append(rows, row{user: user, kind: "identify", at: ago(days).Add(-time.Hour), properties: `{"plan":"pro"}`}, row{user: "all", kind: "view", at: ago(days).Add(-time.Hour)})
	}
	write(t, s, "rows", rows)
	if err := s.Writer().WriteDeadLetters(t.Context(), []event.DeadLetter{{Position: event.Position{Topic: "events", ReceivedAt: ago(500).UnixMilli()}, Payload: []byte("x")}}, "letter"); err != nil {
		t.Fatal(err)
	}
	q, err := ParseText("lifecycle from 2020-01-01 by month")
	if err != nil {
		t.Fatal(err)
	}
	if a, err := s.Ask(t.Context(), q); err != nil || len(a.Meta.Warnings) > 0 {
		t.Fatalf("before: %v, %v", a, err)
	}
	if err := s.Keep(t.Context(), 395); err != nil {
		t.Fatal(err)
	}
	wantKept(t, s, "events", 4)
	wantKept(t, s, "windows_by_type FINAL", 8) // each window twice
	wantKept(t, s, "user_traits FINAL", len(map[string]bool{ago(20).Format("2006"): true, ago(0).Format("2006"): true}))
	wantKept(t, s, "dead_letters", 0)
	a, err := s.Ask(t.Context(), q)
	if err != nil || len(a.Meta.Warnings) != 2 || !strings.Contains(a.Meta.Warnings[0], "are not kept") || !strings.Contains(a.Meta.Warnings[1], "first that is kept") {
		t.Errorf("%v %v", a.Meta.Warnings, err)
	}
	recent := ask(t, s, `{"kind":"lifecycle","from":"-30d"}`)
	if len(recent.Meta.Warnings) != 1 {
		t.Errorf("of what is kept: %v", recent.Meta.Warnings)
	}
	other := openSame(t, s)
	execAll(t, s, "ALTER TABLE windows_by_type REMOVE TTL") // as if it came with a later version
	if days, err := other.Kept(t.Context()); days != 395 || err != nil {
		t.Errorf("another process is told %d days (%v), want 395", days, err)
	}
	if tables, _, err := s.schemaTables(t.Context()); err != nil || keptDays(tables[s.database+".windows_by_type"].full) != 395 {
		t.Errorf("windows are kept for %d days (%v), want 395", keptDays(tables[s.database+".windows_by_type"].full), err)
	}
	if err := s.Keep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if days, err := other.Kept(t.Context()); days != 0 || err != nil {
		t.Errorf("for ever is %d days (%v)", days, err)
	}
	if err := s.Keep(t.Context(), 5); err == nil || !strings.Contains(err.Error(), "at least 62") {
		t.Errorf("5 days: %v", err)
	}
}

// openSame is another process on the same database.
func openSame(t *testing.T, s *Store) *Store {
	t.Helper()
	cfg := s.cfg
	cfg.Database = s.database
	other, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return other
}

// wantKept merges a table until it has so many rows.
func wantKept(t *testing.T, s *Store, table string, want int) {
	t.Helper()
	name, _, _ := strings.Cut(table, " ")
	deadline := time.Now().Add(30 * time.Second)
	for {
		if err := s.conn.Exec(t.Context(), "OPTIMIZE TABLE "+name+" FINAL SETTINGS optimize_skip_merged_partitions = 0"); err != nil {
			t.Fatal(err)
		}
		var n uint64
		if err := s.conn.QueryRow(t.Context(), "SELECT count() FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if int(n) == want {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s keeps %d rows, want %d", table, n, want)
			return
		}
	}
}

// TestLedgerDoesNotCheckWhatMayBeGone: where rows may have been dropped for their
// age, an hour is said not to be known rather than wrong.
func TestLedgerDoesNotCheckWhatMayBeGone(t *testing.T) {
	now := ledgerStart.Add(20 * time.Hour)
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return now } })
	log := logOf(1000, 2)
	storeLog(t, s, log, 0, 1000)
	if err := s.Keep(t.Context(), 3650); err != nil { // the rows stay: the server has a clock of its own
		t.Fatal(err)
	}
	for _, later := range []struct {
		by        time.Duration
		checkable bool
	}{{0, true}, {LedgerMost, false}} {
		now = ledgerStart.Add(20*time.Hour + later.by)
		l, err := s.Ledger(t.Context(), []TopicLog{log}, ledgerStart, ledgerStart.Add(2*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if l.Hours[0].Checkable != later.checkable || !l.Balanced() || l.Views[0].Stored != nil {
			t.Errorf("%s later: checkable %v, balanced %v, views %+v", later.by, l.Hours[0].Checkable, l.Balanced(), l.Views)
		}
	}
}

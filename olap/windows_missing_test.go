package olap

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestWindowsFromBefore is a database whose events are older than its windows:
// months are answered from raw events at first, their windows are made anew, and
// read once they have been at rest. Answers are the same all the time.
func TestWindowsFromBefore(t *testing.T) {
	s := newStore(t)
	rows := saleRows(rand.New(rand.NewPCG(*seed, 12)), at("2026-01-30T00:00:00Z"), 300)
	for i := range rows {
		rows[i].at = rows[i].at.Add(time.Duration(i) * 20 * time.Minute) // into February
	}
	write(t, s, "before", rows)
	questions := []string{
		`{"kind":"revenue","from":"2026-01-30T01:03:00Z","to":"2026-02-08T01:00:00Z","breakdown":{"property":"country","limit":2}}`,
		`{"kind":"windows","from":"2026-01-30T01:03:00Z","to":"2026-02-03T01:07:00Z"}`,
		`{"kind":"trends","from":"2026-01-31","to":"2026-02-02","series":[{"measure":"users"}]}`,
	}
	var want []string
	for _, q := range questions {
		want = append(want, jsonOf(t, ask(t, s, q).Result))
	}
	same := func(when string) {
		t.Helper()
		for i, q := range questions {
			if got := jsonOf(t, ask(t, s, q).Result); got != want[i] {
				t.Errorf("%s: %s\ngot  %s\nwant %s", when, q, got, want[i])
			}
		}
	}
	// The view sees but the events of this block that come in from now on.
	execAll(t, s, "TRUNCATE TABLE windows_by_type; INSERT INTO windows_missing (month) SELECT DISTINCT toYYYYMM(timestamp) FROM events")
	s.forgetMissing()
	late := []row{{id: "late", user: "u1", kind: "login", at: at("2026-03-05T00:00:00Z")}}
	write(t, s, "late", late)
	same("before the windows are made")
	if views, err := s.viewTotals(t.Context()); err != nil || views[0].Stored != nil {
		t.Errorf("the ledger compares windows that are still to be made: %+v, %v", views[0], err)
	}

	if months, err := s.Settle(t.Context()); err != nil || fmt.Sprint(months) != "[202601 202602]" {
		t.Fatalf("settled %v, %v; want [202601 202602]", months, err)
	}
	sameAsWindows(t, s)
	if listed := missingMonths(t, s); len(listed) == 0 {
		t.Error("windows are read before they have been at rest")
	}
	same("while they rest")

	rested := "TRUNCATE TABLE windows_missing; INSERT INTO windows_missing SELECT arrayJoin([202601, 202602]), now64(3) - 3700"
	execAll(t, s, rested)
	// A block that was in doubt comes again: the rows know it, the new view does not.
	execAll(t, s, "INSERT INTO windows_by_type (type, window_start, events) SELECT 'login', '2026-02-01 00:00:00', 1")
	if months, err := s.Settle(t.Context()); err != nil || fmt.Sprint(months) != "[202602]" {
		t.Fatalf("settled %v, %v; want the month with the block, 202602", months, err)
	}
	if listed := missingMonths(t, s); len(listed) != 1 {
		t.Errorf("%d months are listed, want the one that was made anew", len(listed))
	}
	// Half hours are gone, as after an older version has made the month.
	execAll(t, s, rested+"; ALTER TABLE windows_by_type DELETE WHERE by_country > 1 AND toYYYYMM(window_start) = 202602 SETTINGS mutations_sync = 2")
	if months, err := s.Settle(t.Context()); err != nil || fmt.Sprint(months) != "[202602]" {
		t.Fatalf("settled %v, %v; want the month without half hours, 202602", months, err)
	}
	execAll(t, s, rested)
	if months, err := s.Settle(t.Context()); err != nil || len(months) != 0 {
		t.Errorf("settled %v, %v; want nothing left to do", months, err)
	}
	if listed := missingMonths(t, s); len(listed) != 0 {
		t.Errorf("%v are still listed", listed)
	}
	sameAsWindows(t, s)
	same("from windows")
}

func missingMonths(t *testing.T, s *Store) []timeRange {
	t.Helper()
	months, err := s.missingWindows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return months
}

// TestWindowPieces lists what is read where of a range.
func TestWindowPieces(t *testing.T) {
	march := timeRange{at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z")}
	may := timeRange{at("2026-05-01T00:00:00Z"), at("2026-06-01T00:00:00Z")}
	for _, tt := range []struct {
		from, to  string
		missing   []timeRange
		raw       bool
		kept, cut string
	}{
		{from: "2026-01-05T00:00", to: "2026-01-06T00:00", kept: "01-05T00:00 01-06T00:00;"},
		{from: "2026-01-05T00:03", to: "2026-01-06T00:07", kept: "01-05T00:10 01-06T00:00;", cut: "01-05T00:03 01-05T00:10; 01-06T00:00 01-06T00:07;"},
		{from: "2026-01-05T00:03", to: "2026-01-05T00:12", cut: "01-05T00:03 01-05T00:12;"},
		{from: "2026-01-05T00:00", to: "2026-01-06T00:00", raw: true, cut: "01-05T00:00 01-06T00:00;"},
		{from: "2026-02-05T00:00", to: "2026-06-06T00:00", missing: []timeRange{march, may},
			kept: "02-05T00:00 03-01T00:00; 04-01T00:00 05-01T00:00; 06-01T00:00 06-06T00:00;", cut: "03-01T00:00 04-01T00:00; 05-01T00:00 06-01T00:00;"},
		{from: "2026-03-05T00:03", to: "2026-03-06T00:00", missing: []timeRange{march, may}, cut: "03-05T00:03 03-05T00:10; 03-05T00:10 03-06T00:00;"},
	} {
		w := windowRows{timeRange: timeRange{at(tt.from + ":00Z"), at(tt.to + ":00Z")}, missing: tt.missing, raw: tt.raw}
		kept, cut := w.pieces()
		if got := piecesText(kept); got != tt.kept {
			t.Errorf("%s to %s: %q from windows, want %q", tt.from, tt.to, got, tt.kept)
		}
		if got := piecesText(cut); got != tt.cut {
			t.Errorf("%s to %s: %q from raw events, want %q", tt.from, tt.to, got, tt.cut)
		}
	}
}

func piecesText(pieces []timeRange) string {
	text := ""
	for i, p := range pieces {
		if i > 0 {
			text += " "
		}
		text += p.from.Format("01-02T15:04") + " " + p.to.Format("01-02T15:04") + ";"
	}
	return text
}

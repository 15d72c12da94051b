package olap

import (
	"fmt"
	"testing"
	"time"
)

// TestSettle builds the second order for a month that is over, once, leaves the
// month that goes on alone, and changes no answer.
func TestSettle(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-03-02T12:00:00Z") } })
	if err := s.conn.Exec(t.Context(), fmt.Sprintf(`INSERT INTO events (event_id, type, user_id, timestamp, amount, currency, properties)
SELECT toString(number), ['view', 'add_to_cart', 'purchase'][1 + number %% 3], concat('u', toString(number %% 997)),
    toDateTime64('2026-02-01 00:00:00', 3, 'UTC') + toIntervalSecond(number * 20), if(number %% 3 = 2, 1.5, NULL), 'EUR', '{}'
FROM numbers(%d)`, settleRows+50_000)); err != nil { // the last of them lie in March
		t.Fatal(err)
	}
	questions := []string{
		`{"kind":"funnel","from":"2026-02-01","to":"2026-04-01","window":"1d","steps":[{"event":"view"},{"event":"add_to_cart"},{"event":"purchase"}]}`,
		`{"kind":"trends","from":"2026-02-01","to":"2026-04-01","series":[{"event":"purchase","measure":"sum","property":"amount"},{"event":"view","measure":"users"}],"breakdown":{"property":"currency"}}`,
	}
	var before []string
	for _, q := range questions {
		before = append(before, jsonOf(t, ask(t, s, q).Result))
	}
	if months, err := s.Settle(t.Context()); err != nil || fmt.Sprint(months) != "[202602]" {
		t.Fatalf("settled %v, %v; want [202602]", months, err)
	}
	until(t, "the month is settled", func() bool { return settledRows(t, s) > settleRows })
	if got, want := orderColumns(t, s), "amount country currency person platform timestamp type user_id"; got != want {
		t.Errorf("the second order holds %s\nwant %s", got, want)
	}
	if months, err := s.Settle(t.Context()); err != nil || len(months) != 0 {
		t.Errorf("settled again: %v, %v", months, err)
	}
	for i, q := range questions {
		a := ask(t, s, q)
		if got := jsonOf(t, a.Result); got != before[i] {
			t.Errorf("%s\nbefore %s\nafter  %s", q, before[i], got)
		}
	}
}

// TestSettleMergesWindows: one part for a month that is over, the same windows, and
// nothing to do afterwards.
func TestSettleMergesWindows(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-03-02T12:00:00Z") } })
	exec := func(statement string) {
		if err := s.conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("SYSTEM STOP MERGES windows_by_type")
	for part := range 3 {
		exec(fmt.Sprintf(`INSERT INTO events (event_id, type, user_id, timestamp, amount, currency, country, properties)
SELECT toString(number), ['view', 'purchase'][1 + number %% 2], concat('u', toString(number %% 997)),
    toDateTime64('2026-02-01 00:00:00', 3, 'UTC') + toIntervalSecond(number * 119 + %d), if(number %% 2 = 1, 1.5, NULL), 'EUR', 'DE', '{}'
FROM numbers(20000)`, part))
	}
	exec("SYSTEM START MERGES windows_by_type")
	question := `{"kind":"revenue","from":"2026-02-01","to":"2026-03-01","top":0,"breakdown":{"property":"country"}}`
	before := jsonOf(t, ask(t, s, question).Result)
	if months, err := s.Settle(t.Context()); err != nil || fmt.Sprint(months) != "[202602]" {
		t.Fatalf("settled %v, %v; want [202602]", months, err)
	}
	var parts uint64
	if err := s.conn.QueryRow(t.Context(), "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'windows_by_type' AND active AND partition = '202602'").Scan(&parts); err != nil || parts != 1 {
		t.Errorf("%d parts, %v; want 1", parts, err)
	}
	if after := jsonOf(t, ask(t, s, question).Result); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	if months, err := s.Settle(t.Context()); err != nil || len(months) != 0 {
		t.Errorf("settled again: %v, %v", months, err)
	}
}

// settledRows counts raw rows that lie in the second order as well.
func settledRows(t *testing.T, s *Store) uint64 {
	t.Helper()
	var rows uint64
	err := s.conn.QueryRow(t.Context(), "SELECT sum(rows) FROM system.parts WHERE database = currentDatabase() AND table = 'events' AND active AND has(projections, 'by_person')").Scan(&rows)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// orderColumns lists what the second order stores. The server leaves out
// expressions there without a word: questions would work them out each time.
func orderColumns(t *testing.T, s *Store) string {
	t.Helper()
	var columns string
	err := s.conn.QueryRow(t.Context(), "SELECT arrayStringConcat(arraySort(groupUniqArray(column)), ' ') FROM system.projection_parts_columns WHERE database = currentDatabase() AND table = 'events' AND name = 'by_person' AND active").Scan(&columns)
	if err != nil {
		t.Fatal(err)
	}
	return columns
}

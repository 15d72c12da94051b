package olap

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestFunnelTwins asks about users whose hashes agree in all bits that a slice's
// numbers keep. One of each pair views, the other purchases: taken for one user,
// they would complete the funnel.
func TestFunnelTwins(t *testing.T) {
	s := newStore(t)
	const question = `{"kind":"funnel","from":"2010-01-01","to":"2026-01-01","window":"1d","steps":[{"event":"view"},{"event":"purchase"}]}`
	// 39 bits of time and 2 of the step leave 23 of the hash, beside 10 of the slice.
	alike := fmt.Sprintf("bitAnd(sipHash64(once), %d)", uint64(1023<<54|1<<23-1))
	insert := func(from, to int) {
		t.Helper()
		err := s.conn.Exec(t.Context(), fmt.Sprintf(`INSERT INTO events (event_id, type, user_id, timestamp)
SELECT concat(name, kind), kind, name, toDateTime64('2025-02-01 00:00:00', 3, 'UTC') + toIntervalMinute(kind = 'purchase')
FROM (SELECT arraySort(groupArray(once)) AS names FROM (SELECT concat('user-', toString(number)) AS once FROM numbers(%d, %d)) GROUP BY %s HAVING length(names) = 2)
ARRAY JOIN names AS name, ['view', 'purchase'] AS kind`, from, to-from, alike))
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(want string, statements int) {
		t.Helper()
		a := ask(t, s, question)
		if got := fmt.Sprint(funnelCountsOf(a)); got != want {
			t.Errorf("counts %s, want %s", got, want)
		}
		if len(a.Meta.SQL) != statements {
			t.Errorf("%d statements, want %d:\n%s", len(a.Meta.SQL), statements, strings.Join(a.Meta.SQL, "\n\n"))
		}
	}
	insert(0, 300_000)
	pairs := rowsOf(t, s, "SELECT intDiv(count(), 2) FROM events")
	if pairs < 2 {
		t.Fatalf("%d pairs of twins are too few for this test", pairs)
	}
	check(fmt.Sprintf("[%d 0]", pairs), 3) // fails, looks, and is run again
	check(fmt.Sprintf("[%d 0]", pairs), 1)
	insert(300_000, 600_000)
	more := rowsOf(t, s, "SELECT intDiv(count(), 2) FROM events")
	check(fmt.Sprintf("[%d 0]", more), 3)
	check(fmt.Sprintf("[%d 0]", more), 1)

	for i := range uint64(mostTwins + 1) {
		s.twins.hashes = append(s.twins.hashes, i)
	}
	check(fmt.Sprintf("[%d 0]", more), 1) // too many to be told apart: by whole hashes
}

// TestSettledTwins asks about months that are over, whose twins Settle knows, and
// again when events of one came in since.
func TestSettledTwins(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-03-02T12:00:00Z") } })
	const question = `{"kind":"funnel","from":"2026-02-01","to":"2026-03-01","window":"1d","steps":[{"event":"view"},{"event":"purchase"}]}`
	insert := func(kind, name string) {
		t.Helper()
		if err := s.conn.Exec(t.Context(), fmt.Sprintf("INSERT INTO events (event_id, type, user_id, timestamp) VALUES ('%[1]s-%[2]s', '%[1]s', '%[2]s', '2026-02-03 00:00:00')", kind, name)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(counts bool, statements int) {
		t.Helper()
		a := ask(t, s, question)
		if got := fmt.Sprint(funnelCountsOf(a)); got != "[1 0]" {
			t.Errorf("counts %s, want [1 0]", got)
		}
		if got := len(a.Meta.SQL); got != statements {
			t.Fatalf("%d statements, want %d", got, statements)
		}
		last := a.Meta.SQL[statements-1]
		if got := strings.Contains(last, "uniqExact"); got != counts {
			t.Errorf("counts whole hashes: %v, want %v\n%s", got, counts, last)
		}
	}
	settle := func() {
		t.Helper()
		if _, err := s.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	insert("view", "one")
	check(true, 1)
	settle()
	check(false, 1)
	insert("purchase", "two")
	check(true, 2) // it relied on what Settle had found, and was asked again
	check(true, 1) // nothing relies on it any more
	settle()
	check(false, 1)
}

func funnelCountsOf(a *Answer) []uint64 {
	var counts []uint64
	for _, step := range a.Result.(*FunnelResult).Steps {
		counts = append(counts, step.Count)
	}
	return counts
}

func rowsOf(t *testing.T, s *Store, sql string) uint64 {
	t.Helper()
	var n uint64
	if err := s.conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

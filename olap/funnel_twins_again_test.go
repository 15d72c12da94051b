package olap

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// TestFunnelTwinsAgain lets twins come in after those from before were looked for:
// the second statement meets them, and whole hashes decide in the third.
func TestFunnelTwinsAgain(t *testing.T) {
	s := newStore(t)
	// As in TestFunnelTwins: 16 years and two steps leave 23 bits of the hash beside
	// the slice's. The first of a pair views, the second purchases.
	q, err := ParseQuery([]byte(`{"kind":"funnel","from":"2010-01-01","to":"2026-01-01","window":"1d","steps":[{"event":"view"},{"event":"purchase"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	insert := func(from, to int) {
		t.Helper()
		err := s.conn.Exec(t.Context(), fmt.Sprintf(`INSERT INTO events (event_id, type, user_id, timestamp)
SELECT concat(name, kind), kind, name, toDateTime64('2025-02-01 00:00:00', 3, 'UTC') + toIntervalMinute(kind = 'purchase')
FROM (SELECT arraySort(groupArray(once)) AS names FROM (SELECT concat('user-', toString(number)) AS once FROM numbers(%d, %d)) GROUP BY bitAnd(sipHash64(once), %d) HAVING length(names) = 2)
ARRAY JOIN names AS name, ['view', 'purchase'] AS kind`, from, to-from, bitsOfSlices(23)))
		if err != nil {
			t.Fatal(err)
		}
	}
	insert(0, 300_000)
	before := rowsOf(t, s, "SELECT intDiv(count(), 2) FROM events")
	var rows []funnelRow
	meta, err := s.running(t.Context(), func(ctx context.Context, r *run) error {
		p, err := q.(*funnel).begin(r)
		if err != nil {
			return err
		}
		statements := 0
		rows, err = p.read(ctx, r, func() error {
			if statements++; statements == 2 {
				insert(300_000, 900_000)
			}
			return p.whole()
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pairs := rowsOf(t, s, "SELECT intDiv(count(), 2) FROM events")
	if before == 0 || pairs == before {
		t.Fatalf("%d pairs of twins, then %d: too few for this test", before, pairs)
	}
	if got, want := fmt.Sprint(rows[0].counts), fmt.Sprintf("[%d 0]", pairs); len(rows) != 1 || got != want {
		t.Errorf("%d rows, counts %s; want one, %s", len(rows), got, want)
	}
	if n := len(meta.SQL); n != 4 { // meets twins, looks for them, meets others, and tells all apart
		t.Fatalf("%d statements, want 4:\n%s", n, strings.Join(meta.SQL, "\n\n"))
	}
	for i, sliced := range []bool{true, false, true, false} {
		if strings.Contains(meta.SQL[i], twinsMessage) != sliced {
			t.Errorf("statement %d: sliced should be %v\n%s", i+1, sliced, meta.SQL[i])
		}
	}
}

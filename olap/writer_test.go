package olap

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"millrace/internal/event"
)

func TestWriteStoresEveryColumn(t *testing.T) {
	s := newStore(t)
	r := row{id: "é\x00'\\", kind: "purchase", user: "u1", session: "s1", at: at("2026-01-02T03:04:05.678Z"), amount: "499.000001",
		currency: "INR", country: "IN", platform: "ios", page: "/cart", properties: `{"a":"\u00e9\n"}`}
	write(t, s, "t1", []row{r})
	var id, kind, user, properties, amount string
	var when time.Time
	err := s.conn.QueryRow(t.Context(), "SELECT event_id, type, user_id, properties, toString(amount), timestamp FROM events").Scan(&id, &kind, &user, &properties, &amount, &when)
	if err != nil {
		t.Fatal(err)
	}
	if id != r.id || kind != r.kind || user != r.user || properties != r.properties || amount != r.amount || !when.Equal(r.at) {
		t.Errorf("stored %q %q %q %q %q %v", id, kind, user, properties, amount, when)
	}
}

func TestWriteIsOnceByToken(t *testing.T) {
	s := newStore(t)
	rows := randomRows(rand.New(rand.NewPCG(1, 1)), 5000)
	for range 3 {
		write(t, s, "t1", rows)
	}
	if n, err := s.CountStored(t.Context()); err != nil || n != 5000 {
		t.Errorf("stored %d rows (%v), want 5000", n, err)
	}
	sameAsWindows(t, s)
	write(t, s, "t2", randomRows(rand.New(rand.NewPCG(2, 1)), 5000)) // late ones among them
	if n, err := s.CountStored(t.Context()); err != nil || n != 10000 {
		t.Errorf("stored %d rows (%v), want 10000", n, err)
	}
	sameAsWindows(t, s)
}

// sameAsWindows compares the view with the same aggregate over the raw rows.
func sameAsWindows(t *testing.T, s *Store) {
	t.Helper()
	var different, windows uint64
	err := s.conn.QueryRow(t.Context(), `
SELECT countIf(NOT same), count() FROM
(
    SELECT a.1 = b.1 AND a.2 = b.2 AND a.3 = b.3 AND a.4 = b.4 AS same FROM
    (
        SELECT by_country, if(by_country < 2, toStartOfInterval(timestamp, INTERVAL 10 MINUTE, 'UTC'), toStartOfInterval(timestamp, INTERVAL 30 MINUTE, 'UTC')) AS w,
            type, if(by_country IN (1, 3), country, '') AS place, currency,
            (count(), uniqExact(user_id), sum(ifNull(amount, toDecimal64(0, 6))), count(amount)) AS a
        FROM events ARRAY JOIN if(type IN ('purchase', 'refund'), [0, 1, 2, 3], [0, 1]) AS by_country GROUP BY by_country, w, type, place, currency
    ) AS raw
    FULL JOIN
    (
        SELECT by_country, window_start AS w, type, country AS place, currency, (sum(events), uniqExactArray(users), sum(revenue), sum(amounts)) AS b
        FROM windows_by_type GROUP BY by_country, w, type, place, currency
    ) AS rolled USING (by_country, w, type, place, currency)
)`).Scan(&different, &windows)
	if err != nil {
		t.Fatal(err)
	}
	if different != 0 || windows == 0 {
		t.Errorf("%d of %d windows differ from the raw rows", different, windows)
	}
	var raw, seconds uint64
	if err := s.conn.QueryRow(t.Context(), "SELECT (SELECT count() FROM events), (SELECT sum(events) FROM stored_seconds)").Scan(&raw, &seconds); err != nil {
		t.Fatal(err)
	}
	if raw != seconds {
		t.Errorf("stored_seconds counts %d, the table %d", seconds, raw)
	}
}

func randomRows(r *rand.Rand, n int) []row {
	rows := make([]row, n)
	start := at("1997-01-01T00:00:00Z")
	for i := range rows {
		rows[i] = row{
			id: fmt.Sprint(r.Uint64()), user: fmt.Sprint("u", r.IntN(300)),
			kind: []string{"view", "purchase", "click"}[r.IntN(3)],
			at:   start.Add(time.Duration(r.Int64N(int64(150 * 31 * 24 * time.Hour)))), // more than 100 months
		}
		if rows[i].kind == "purchase" {
			rows[i].amount = fmt.Sprintf("%d.%02d", r.IntN(1000), r.IntN(100))
			rows[i].currency = []string{"USD", "INR"}[r.IntN(2)]
		}
	}
	return rows
}

func TestWriteWantsAToken(t *testing.T) {
	s := &Store{cfg: DefaultConfig()}
	if err := s.Writer().Write(t.Context(), batchOf([]row{{kind: "view", user: "u"}}), ""); err == nil {
		t.Error("no error for an empty token")
	}
	if err := s.Writer().Write(t.Context(), &event.Batch{}, ""); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
}

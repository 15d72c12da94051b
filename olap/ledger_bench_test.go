package olap

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"
)

var ledgerRows = flag.Int64("ledger-rows", 1_000_000, "rows of BenchmarkLedger")

// bigLog is a topic of four partitions whose records came evenly over 30 days.
type bigLog struct{ rows int64 }

const bigLogDays = 30

func (bigLog) Topic() string { return "events" }

func (l bigLog) each(offset int64) map[int32]int64 {
	return map[int32]int64{0: offset, 1: offset, 2: offset, 3: offset}
}

func (l bigLog) Bounds(context.Context) (starts, stored, ends map[int32]int64, err error) {
	return l.each(0), l.each(l.rows / 4), l.each(l.rows / 4), nil
}

func (l bigLog) OffsetsAt(_ context.Context, at time.Time) (map[int32]int64, error) {
	share := float64(at.Sub(ledgerStart)) / float64(bigLogDays*24*time.Hour)
	return l.each(min(max(int64(share*float64(l.rows/4)), 0), l.rows/4)), nil
}

func (l bigLog) Read(_ context.Context, _ int32, first, last int64, each func(int64, bool)) error {
	for o := first; o <= last; o++ {
		each(o, false)
	}
	return nil
}

// BenchmarkLedger asks for the last hour, the last day and all 30 days of a
// store that is merged, so that every granule holds offsets of a whole month.
func BenchmarkLedger(b *testing.B) {
	s := newStore(b)
	log := bigLog{*ledgerRows}
	const step = 1_000_000
	for from := int64(0); from < log.rows; from += step {
		insert := fmt.Sprintf(`INSERT INTO events (event_id, type, user_id, timestamp, received_at, properties, kafka_topic, kafka_partition, kafka_offset)
SELECT toString(number), ['view', 'click', 'purchase'][number %% 3 + 1], 'u' || toString(cityHash64(number) %% 100000),
	toDateTime64('2026-01-02 03:00:00', 3, 'UTC') + toIntervalMillisecond(intDiv(number * %d, %d)) AS at, at, '{"a":1}', 'events', number %% 4, intDiv(number, 4)
FROM numbers(%d, %d)`, int64(bigLogDays*24*time.Hour/time.Millisecond), log.rows, from, min(step, log.rows-from))
		if err := s.conn.Exec(b.Context(), insert); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.conn.Exec(b.Context(), "OPTIMIZE TABLE events FINAL"); err != nil {
		b.Fatal(err)
	}
	end := ledgerStart.Add(bigLogDays * 24 * time.Hour)
	for _, span := range []time.Duration{time.Hour, 24 * time.Hour, bigLogDays * 24 * time.Hour} {
		b.Run(span.String(), func(b *testing.B) {
			for b.Loop() {
				ledger, err := s.Ledger(b.Context(), []TopicLog{log}, end.Add(-span), end)
				if err != nil || !ledger.Balanced() || ledger.Total.Stored == 0 {
					b.Fatal(err, ledger.Total)
				}
			}
			b.ReportMetric(float64(log.rows), "rows")
		})
	}
}

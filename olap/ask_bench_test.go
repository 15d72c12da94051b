package olap

import (
	"flag"
	"fmt"
	"testing"
)

var benchRows = flag.Int("rows", 1_000_000, "events in the store that BenchmarkAsk asks about")

// BenchmarkAsk answers questions over generated events of 60 days, ten per user
// and day of activity. It reports what the store read.
func BenchmarkAsk(b *testing.B) {
	s := newStore(b)
	fillForBench(b, s, *benchRows)
	const month = `"from":"2026-01-15","to":"2026-02-14"`
	for _, q := range []struct{ name, question string }{
		{"trend_by_day", `{"kind":"trends",` + month + `,"series":[{"event":"purchase"}]}`},
		{"trend_one_day_by_hour", `{"kind":"trends","from":"2026-01-20","to":"2026-01-21","interval":"hour","series":[{"event":"purchase"}]}`},
		{"users_by_day", `{"kind":"trends",` + month + `,"series":[{"measure":"users"}]}`},
		{"weekly_active", `{"kind":"trends",` + month + `,"series":[{"measure":"weekly_active"}]}`},
		{"revenue_by_country", `{"kind":"trends",` + month + `,"series":[{"event":"purchase","measure":"sum","property":"amount"}],"breakdown":{"property":"country"}}`},
		{"p95_of_a_property", `{"kind":"trends",` + month + `,"series":[{"measure":"p95","property":"properties.pos"}]}`},
		{"sessions", `{"kind":"trends",` + month + `,"series":[{"measure":"sessions"}]}`},
		{"funnel", `{"kind":"funnel",` + month + `,"window":"1d","steps":[{"event":"view"},{"event":"add_to_cart"},{"event":"purchase"}]}`},
		{"funnel_by_country", `{"kind":"funnel",` + month + `,"window":"1d","steps":[{"event":"view"},{"event":"add_to_cart"},{"event":"purchase"}],"breakdown":{"property":"country"}}`},
		{"funnel_ties", `{"kind":"funnel",` + month + `,"window":"1d","steps":[{"event":"view"},{"event":"view"},{"event":"purchase"}]}`},
		{"funnel_one_day", `{"kind":"funnel","from":"2026-01-20","to":"2026-01-21","window":"1d","steps":[{"event":"view"},{"event":"add_to_cart"},{"event":"purchase"}]}`},
		{"retention", `{"kind":"retention",` + month + `,"start":{"event":"view"},"return":{"event":"purchase"}}`},
		{"retention_in_range", `{"kind":"retention",` + month + `,"start":{"event":"view"},"return":{"event":"purchase"},"cohort":"first_in_range","count":"on_or_after"}`},
		{"retention_24h", `{"kind":"retention",` + month + `,"start":{"event":"view"},"return":{"event":"purchase"},"periods_from":"24h","min_occurrences":2}`},
		{"retention_recurring", `{"kind":"retention",` + month + `,"start":{"event":"view"},"return":{"event":"purchase"},"cohort":"recurring"}`},
		{"retention_recurring_any", `{"kind":"retention",` + month + `,"start":{},"return":{},"cohort":"recurring"}`},
		{"retention_recurring_24h", `{"kind":"retention",` + month + `,"start":{"event":"view"},"return":{"event":"purchase"},"cohort":"recurring","periods_from":"24h"}`},
		{"retention_by_country", `{"kind":"retention",` + month + `,"start":{"event":"view"},"return":{"event":"purchase"},"breakdown":{"property":"country"}}`},
		{"lifecycle", `{"kind":"lifecycle",` + month + `}`},
		{"lifecycle_by_hour", `{"kind":"lifecycle",` + month + `,"interval":"hour","event":"view"}`},
		{"stickiness", `{"kind":"stickiness",` + month + `}`},
		{"paths", `{"kind":"paths",` + month + `}`},
		{"paths_events_by_user", `{"kind":"paths",` + month + `,"items":"event","by":"user","start":"view"}`},
		{"session_figures", `{"kind":"sessions",` + month + `}`},
		{"session_figures_by_country", `{"kind":"sessions",` + month + `,"breakdown":{"property":"country"}}`},
		{"revenue", `{"kind":"revenue",` + month + `,"top":0}`},
		{"revenue_raw", `{"kind":"revenue",` + month + `,"top":0,"where":"event_id exists"}`},
		{"revenue_ragged", `{"kind":"revenue","from":"2026-01-15T00:03:00Z","to":"2026-02-14T00:07:00Z","top":0}`},
		{"revenue_by_country_top_10", `{"kind":"revenue",` + month + `,"breakdown":{"property":"country"}}`},
		{"video", `{"kind":"video",` + month + `}`},
		{"windows_day", `{"kind":"windows","from":"2026-01-20","to":"2026-01-21"}`},
		{"windows_day_raw", `{"kind":"windows","from":"2026-01-20","to":"2026-01-21","where":"event_id exists"}`},
	} {
		b.Run(q.name, func(b *testing.B) {
			var a *Answer
			for b.Loop() {
				a = ask(b, s, q.question)
			}
			b.ReportMetric(float64(a.Meta.RowsRead), "rows-read")
			b.ReportMetric(float64(a.Meta.BytesRead)/1e6, "MB-read")
		})
	}
}

// fillForBench makes events inside the store: what arrives there is not what is
// measured.
func fillForBench(b *testing.B, s *Store, n int) {
	b.Helper()
	const chunk = 1_000_000
	for done := 0; done < n; done += chunk {
		err := s.conn.Exec(b.Context(), fmt.Sprintf(`
INSERT INTO events (event_id, type, user_id, session_id, timestamp, received_at, amount, currency, country, platform, page, properties, kafka_offset)
SELECT toString(generateUUIDv7()),
    arrayElement(['page_view','page_view','page_view','page_view','view','view','view','click','click','add_to_cart','search','video_progress','video_progress','login','purchase','error'], 1 + rand(3) %% 16) AS type,
    concat('u', toString(toUInt32(%[3]d * pow(rand(1) / 4294967295., 1.6)))) AS user_id,
    concat('s', toString(intDiv(number, 400000)), user_id), toDateTime64('2026-01-01', 3, 'UTC') + toIntervalMillisecond(toUInt64(59. * 86400000 * (number / %[4]d)) + rand(2) %% 60000) AS t, t,
    if(type = 'purchase', toDecimal64((rand(5) %% 50000) / 100, 6), NULL), if(type = 'purchase', 'USD', ''),
    arrayElement(['IN','US','DE','BR','GB','FR','JP','NG'], 1 + toUInt32(7.99 * pow(rand(4) / 4294967296., 2))), arrayElement(['web','ios','android'], 1 + rand(8) %% 3), concat('/p/', toString(rand(9) %% 5000)),
    concat('{"a":', toString(rand(6) %% 1000), ',"item":"p', toString(rand(7) %% 10000), '","pos":', toString(rand(10) %% 50), ',"list":"search results","ab":"', toString(rand(11) %% 4), '"}'), number
FROM numbers(%[1]d, %[2]d)`, done, min(chunk, n-done), n/50, n))
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, table := range []string{"events", "windows_by_type"} {
		if err := s.conn.Exec(b.Context(), "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
			b.Fatal(err)
		}
	}
	sizes, err := s.TableSizes(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range sizes {
		b.Logf("%s: %d rows, %.1f MB, %d parts", t.Table, t.Rows, float64(t.Bytes)/1e6, t.Parts)
	}
}

package traffic

import (
	"testing"
	"time"
)

// BenchmarkNext makes events with their envelopes.
func BenchmarkNext(b *testing.B) {
	for _, c := range []struct {
		name  string
		users int
		rate  float64
	}{{"users=1k", 1000, 100}, {"users=100k", 100_000, 20_000}, {"users=50/flood", 50, 300_000}} {
		b.Run(c.name, func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Users, cfg.Rate = c.users, c.rate
			g, err := New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			pace := Pace{Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Rate: c.rate}
			n, size := int64(0), int64(0)
			var envelope []byte
			b.ReportAllocs()
			for b.Loop() {
				ev, _ := g.Next(pace.At(n))
				envelope = ev.AppendJSON(envelope[:0])
				size += int64(len(envelope))
				n++
			}
			b.ReportMetric(float64(size)/float64(n), "bytes/event")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

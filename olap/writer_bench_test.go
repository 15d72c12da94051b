package olap

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"millrace/internal/event"
)

// BenchmarkWrite inserts batches of 100,000 events of about 400 bytes. It
// reports the client's own work per row: CPU time of this process, which is
// not the store's.
func BenchmarkWrite(b *testing.B) {
	batch := benchBatch(b, 100_000)
	for _, compression := range Compressions()[1:] {
		b.Run(string(compression), func(b *testing.B) {
			w := newStore(b, func(cfg *Config) { cfg.Compression = compression }).Writer()
			n := 0
			before := cpuTime(b)
			b.ReportAllocs()
			for b.Loop() {
				n++
				if err := w.Write(b.Context(), batch, fmt.Sprint("bench ", n)); err != nil {
					b.Fatal(err)
				}
			}
			rows := float64(n * batch.Len())
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/rows, "cpu-ns/event")
			b.ReportMetric(rows/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkEncode makes the bytes of an insert and sends them nowhere.
func BenchmarkEncode(b *testing.B) {
	batch := benchBatch(b, 100_000)
	for _, compression := range Compressions()[1:] {
		b.Run(string(compression), func(b *testing.B) {
			sent := &counter{}
			conn := &insertConn{block: newBlockWriter(sent, compression), columns: insertColumns()}
			b.ReportAllocs()
			rows := 0
			before := cpuTime(b)
			for b.Loop() {
				rows += batch.Len()
				if err := conn.send(batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(rows), "cpu-ns/event")
			b.ReportMetric(float64(sent.bytes)/float64(rows), "bytes/event")
		})
	}
}

// counter is a connection that takes everything.
type counter struct{ bytes int }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += len(p)
	return len(p), nil
}

func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchBatch has n sample events, as the ingest would have decoded them.
func benchBatch(t testing.TB, n int) *event.Batch {
	t.Helper()
	b := &event.Batch{}
	for i := range n {
		ev := event.Sample(i)
		if reject := b.AppendEvent(&ev, event.Position{Topic: "events", Offset: int64(i), ReceivedAt: ev.Timestamp.UnixMilli()}); reject != nil {
			t.Fatal(reject)
		}
	}
	return b
}

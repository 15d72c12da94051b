package olap

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"millrace/internal/event"
)

// BenchmarkWrite inserts batches of 100,000 events of about 400 bytes. It
// reports the client's own work per row: CPU time of this process, which is
// not the store's.
func BenchmarkWrite(b *testing.B) {
	s := newStore(b)
	w := s.Writer()
	batch := benchBatch(100_000)
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
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/rows/1000, "cpu-µs/event")
	b.ReportMetric(rows/b.Elapsed().Seconds(), "events/s")
}

func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchBatch is like real traffic: unique ids, hot texts, a long tail.
func benchBatch(n int) *event.Batch {
	r := rand.New(rand.NewPCG(1, 2))
	b := &event.Batch{}
	start := at("2026-01-01T00:00:00Z")
	for i := range n {
		e := row{
			id: fmt.Sprintf("0190a2b4-7c1e-7%03x-%012x", i%4096, r.Uint64()>>16), user: fmt.Sprint("user_", r.IntN(20_000)),
			session: fmt.Sprint("s", r.IntN(50_000)), kind: []string{"page_view", "view", "click", "add_to_cart", "purchase"}[r.IntN(5)],
			at: start.Add(time.Duration(i) * time.Millisecond), country: []string{"IN", "US", "DE", "BR"}[r.IntN(4)],
			platform: []string{"web", "ios", "android"}[r.IntN(3)], page: fmt.Sprint("/product/", r.IntN(5000)),
			properties: fmt.Sprintf(`{"amount":%d.%02d,"product_id":"p%d","position":%d,"list":"search results","ab":"%d","query":"%x"}`, r.IntN(500), r.IntN(100), r.IntN(9999), r.IntN(50), r.IntN(4), r.Uint32()),
		}
		if e.kind == "purchase" {
			e.amount, e.currency = fmt.Sprintf("%d.%02d", r.IntN(500), r.IntN(100)), "INR"
		}
		appendRow(b, e, int64(i))
		b.IP[i] = fmt.Sprintf("203.0.%d.%d", r.IntN(256), r.IntN(256))
		b.UserAgent[i] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/" + fmt.Sprint(100+r.IntN(30))
		b.ProductID[i] = fmt.Sprint("p", r.IntN(9999))
		b.Device[i], b.OS[i], b.Browser[i] = "mobile", "Android", "Chrome"
	}
	return b
}

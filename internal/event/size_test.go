package event

import (
	"runtime"
	"testing"
)

// TestSizeIsWhatTheColumnsTake compares Size and Footprint with what the
// allocator says.
func TestSizeIsWhatTheColumnsTake(t *testing.T) {
	small := Event{Type: "v", UserID: "u1"}
	texts := map[string][]byte{"sample": nil, "small": small.AppendJSON(nil)}
	for name, text := range texts {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		d, b := NewDecoder(DefaultLimits()), &Batch{}
		for i := range 50_000 {
			if name == "sample" {
				ev := Sample(i)
				text = ev.AppendJSON(text[:0])
			}
			if reject := d.AppendTo(b, text, Position{Topic: "events", Offset: int64(i)}); reject != nil {
				t.Fatal(reject)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		took := float64(after.HeapAlloc) - float64(before.HeapAlloc)
		if ratio := took / float64(b.Size()); ratio < 0.9 || ratio > 1.5 {
			t.Errorf("%s: %d rows of size %d take %.0f bytes, %.2f times as much", name, b.Len(), b.Size(), took, ratio)
		}
		if ratio := took / float64(b.Footprint()); ratio < 0.95 || ratio > 1.1 {
			t.Errorf("%s: a footprint of %d, and %.0f bytes are taken", name, b.Footprint(), took)
		}
		runtime.KeepAlive(b)
	}
}

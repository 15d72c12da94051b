package event

import "testing"

// sampleTexts are the JSON texts of the first n sample events.
func sampleTexts(n int) (texts [][]byte, bytes int) {
	for i := range n {
		ev := Sample(i)
		texts = append(texts, ev.AppendJSON(nil))
		bytes += len(texts[i])
	}
	return texts, bytes
}

func BenchmarkAppendTo(b *testing.B) {
	texts, size := sampleTexts(4096)
	d, batch := NewDecoder(DefaultLimits()), &Batch{}
	b.SetBytes(int64(size / len(texts)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i == len(texts) {
			i = 0
			batch.Reset()
		}
		if rej := d.AppendTo(batch, texts[i], Position{Topic: "events", Offset: int64(i)}); rej != nil {
			b.Fatal(rej)
		}
		i++
	}
}

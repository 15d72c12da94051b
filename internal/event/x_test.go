package event

import "testing"

func benchN(b *testing.B, n int, scanOnly bool) {
	texts, _ := sampleTexts(n)
	d, batch := NewDecoder(DefaultLimits()), &Batch{}
	bufs := make([][]byte, n)
	for i := range texts {
		bufs[i] = texts[i]
	}
	for i := range 4096 {
		d.AppendTo(batch, texts[i%n], Position{Topic: "events"})
	}
	i := 0
	k := 0
	batch.Reset()
	for b.Loop() {
		if scanOnly {
			if !d.scan(bufs[i]) {
				b.Fatal()
			}
		} else {
			if k == 4096 {
				k = 0
				batch.Reset()
			}
			d.AppendTo(batch, texts[i], Position{Topic: "events", Offset: int64(i)})
			k++
		}
		if i++; i == n {
			i = 0
		}
	}
}
func BenchmarkX(b *testing.B) {
	b.Run("all/1", func(b *testing.B) { benchN(b, 1, false) })
	b.Run("all/16", func(b *testing.B) { benchN(b, 16, false) })
	b.Run("all/256", func(b *testing.B) { benchN(b, 256, false) })
	b.Run("all/4096", func(b *testing.B) { benchN(b, 4096, false) })
	b.Run("scan/1", func(b *testing.B) { benchN(b, 1, true) })
	b.Run("scan/16", func(b *testing.B) { benchN(b, 16, true) })
	b.Run("scan/256", func(b *testing.B) { benchN(b, 256, true) })
	b.Run("scan/4096", func(b *testing.B) { benchN(b, 4096, true) })
}
func BenchmarkY(b *testing.B) {
	for _, rows := range []int{1, 64, 512, 1024, 4096, 65536} {
		b.Run(itoa(rows), func(b *testing.B) {
			texts, _ := sampleTexts(64)
			d, batch := NewDecoder(DefaultLimits()), &Batch{}
			for i := range rows {
				d.AppendTo(batch, texts[i%64], Position{Topic: "events"})
			}
			i := 0
			k := 0
			batch.Reset()
			for b.Loop() {
				if k == rows {
					k = 0
					batch.Reset()
				}
				d.AppendTo(batch, texts[i], Position{Topic: "events", Offset: int64(i)})
				k++
				if i++; i == 64 {
					i = 0
				}
			}
		})
	}
}
func itoa(n int) string {
	s := ""
	for n > 0 {
		s = string(rune('0'+n%10)) + s
		n /= 10
	}
	return s
}
func BenchmarkZ(b *testing.B) {
	texts, _ := sampleTexts(64)
	d, batch := NewDecoder(DefaultLimits()), &Batch{}
	d.AppendTo(batch, texts[3], Position{Topic: "events"})
	amount := d.read(fieldAmount)
	ts := d.read(fieldTimestamp)
	b.Run("append", func(b *testing.B) {
		k := 0
		batch.Reset()
		for b.Loop() {
			if k == 512 {
				k = 0
				batch.Reset()
			}
			k++
			d.appendRow(batch, Position{Topic: "events"})
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			d.check(nil, 3)
		}
	})
	b.Run("micros", func(b *testing.B) {
		for b.Loop() {
			parseMicros(amount)
		}
	})
	b.Run("time", func(b *testing.B) {
		for b.Loop() {
			parseTimestamp(ts)
		}
	})
}

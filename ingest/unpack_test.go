package ingest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// frames are texts and LZ4 frames of them, written in many ways.
func frames(t testing.TB) (texts, packed [][]byte) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for _, text := range [][]byte{nil, []byte("a"), bytes.Repeat([]byte("event "), 100_000), noise, append(bytes.Repeat([]byte("x"), 70_000), noise...)} {
		for _, options := range [][]lz4.Option{
			{lz4.BlockSizeOption(lz4.Block64Kb)},
			{lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false)},
			{lz4.BlockSizeOption(lz4.Block256Kb), lz4.BlockChecksumOption(true)},
			{lz4.BlockSizeOption(lz4.Block4Mb), lz4.SizeOption(uint64(len(text)))},
		} {
			var out bytes.Buffer
			w := lz4.NewWriter(&out)
			if err := w.Apply(options...); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(text); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			texts, packed = append(texts, text), append(packed, out.Bytes())
		}
	}
	return texts, packed
}

func TestUnpackReadsEveryFrame(t *testing.T) {
	u := newUnpacker()
	texts, packed := frames(t)
	for round := range 3 { // from the second on with memory that was used before
		for i := range packed {
			if _, ok := openFrame(packed[i]); !ok {
				t.Errorf("frame %d is left to the client", i)
			}
			got, err := u.Decompress(packed[i], kgo.CodecLz4)
			if err != nil || !bytes.Equal(got, texts[i]) {
				t.Fatalf("round %d, frame %d: %d bytes, %v; want %d", round, i, len(got), err, len(texts[i]))
			}
			for j := range got { // as the client leaves it, or worse
				got[j] = byte(j)
			}
			u.PutDecompressBytes(got)
		}
	}
	if u.idle > idleText {
		t.Errorf("%d bytes are kept to be used again, the bound is %d", u.idle, idleText)
	}
	two := append(bytes.Clone(packed[4]), packed[8]...)
	if got, err := u.Decompress(two, kgo.CodecLz4); err != nil || len(got) != len(texts[4])+len(texts[8]) {
		t.Errorf("two frames in one batch: %d bytes, %v", len(got), err)
	}
	for _, codec := range []kgo.CompressionCodec{kgo.GzipCompression(), kgo.SnappyCompression(), kgo.ZstdCompression()} {
		c, err := kgo.DefaultCompressor(codec)
		if err != nil {
			t.Fatal(err)
		}
		out, kind := c.Compress(new(bytes.Buffer), texts[8])
		if got, err := u.Decompress(out, kind); err != nil || !bytes.Equal(got, texts[8]) {
			t.Errorf("codec %d: %d bytes, %v", kind, len(got), err)
		}
	}
}

// What is damaged is an error or another text, and never a panic.
func FuzzUnpack(f *testing.F) {
	_, packed := frames(f)
	for _, p := range packed {
		if len(p) < 10_000 {
			f.Add(p)
		}
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		u := newUnpacker()
		frame, ok := openFrame(packed)
		if !ok || frame.bound > 1<<24 {
			return
		}
		if text, err := u.Decompress(packed, kgo.CodecLz4); err == nil && len(text) > frame.bound {
			t.Fatalf("%d bytes, the bound is %d", len(text), frame.bound)
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	var text []byte
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 4000 {
		text = fmt.Appendf(text, `{"event_id":"019b%04x-%04x-7%03x-a%03x-%012x","type":"view","user_id":"u%d","context":{"user_agent":"Mozilla/5.0 (X11; Linux x86_64)"}}`,
			rng.IntN(1<<16), rng.IntN(1<<16), rng.IntN(1<<12), rng.IntN(1<<12), rng.IntN(1<<48), i)
	}
	var out bytes.Buffer
	w := lz4.NewWriter(&out)
	if _, err := w.Write(text); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	for name, d := range map[string]kgo.Decompressor{"millrace": newUnpacker(), "client": kgo.DefaultDecompressor()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				text, err := d.Decompress(out.Bytes(), kgo.CodecLz4)
				if err != nil {
					b.Fatal(err)
				}
				if pool, ok := d.(kgo.PoolDecompressBytes); ok {
					pool.PutDecompressBytes(text)
				}
			}
		})
	}
}

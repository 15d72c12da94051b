package event

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestParseMicros(t *testing.T) {
	const no = -1 << 62
	for _, tt := range []struct {
		text string
		want int64
	}{
		{"0", 0}, {"-0", 0}, {"1", 1e6}, {"499.00", 499e6}, {"-12.5", -12.5e6}, {"+7", 7e6}, {"007.50", 7.5e6},
		{"0.000001", 1}, {"0.0000004", 0}, {"0.0000006", 1},
		{"0.0000005", 0}, {"0.0000015", 2}, {"0.0000025", 2}, {"0.00000250000001", 3}, {"-0.0000015", -2},
		{"1e3", 1e9}, {"1.5E+2", 150e6}, {"125e-2", 1.25e6}, {"5e-7", 0}, {"15e-7", 2}, {"0e999999999999", 0}, {"1e-999999999999", 0},
		{"999999999999.999999", maxMicros}, {"-999999999999.999999", -maxMicros},
		{"999999999999.9999994", maxMicros}, {"999999999999.9999995", no}, {"1000000000000", no}, {"1e12", no}, {"1e999999999999", no},
		{"0.00000000000000000000000000000000000001e38", 1e6}, {"100000000000000000000000000e-26", 1e6},
		{"", no}, {"-", no}, {"+", no}, {"+-1", no}, {".5", no}, {"5.", no}, {"1e", no}, {"1e+", no}, {"1x", no}, {"1,5", no},
		{"1 ", no}, {" 1", no}, {"$1", no}, {"NaN", no}, {"Infinity", no}, {"0x10", no}, {"1_000", no}, {"١", no},
	} {
		got, ok := parseMicros([]byte(tt.text))
		if want := tt.want; ok != (want != no) || ok && got != want {
			t.Errorf("parseMicros(%q) = %d, %t, want %d", tt.text, got, ok, want)
		}
	}
}

// TestParseMicrosRandom writes integers of micros in many ways and reads them.
func TestParseMicrosRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		want := rng.Int64N(maxMicros+1) >> rng.IntN(60)
		texts := []string{
			fmt.Sprintf("%d.%06d", want/MicrosPerUnit, want%MicrosPerUnit),
			fmt.Sprintf("%de-6", want),
			fmt.Sprintf("%d000e-9", want),
			fmt.Sprintf("0.%020dE14", want),
			fmt.Sprintf("%d.%06d%03d", want/MicrosPerUnit, want%MicrosPerUnit, rng.IntN(499)),
		}
		for _, text := range texts {
			if got, ok := parseMicros([]byte(text)); !ok || got != want {
				t.Fatalf("parseMicros(%q) = %d, %t, want %d", text, got, ok, want)
			}
		}
	}
}

func FuzzParseMicros(f *testing.F) {
	for _, text := range []string{"0", "-12.50", "1e3", "0.0000015", "999999999999.9999995", "+00.1E-3", "1e-0000007"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := parseMicros(text)
		want, wantOK := referMicros(string(text))
		if got != want || ok != wantOK {
			t.Fatalf("parseMicros(%q) = %d, %t, want %d, %t", text, got, ok, want, wantOK)
		}
	})
}

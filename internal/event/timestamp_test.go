package event

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestDaysSince1970 counts every day of eleven centuries.
func TestDaysSince1970(t *testing.T) {
	day := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for want := int(day.Unix() / 86400); day.Year() < 2200; want++ {
		if got := daysSince1970(day.Year(), int(day.Month()), day.Day()); got != want {
			t.Fatalf("daysSince1970(%s) = %d, want %d", day.Format(time.DateOnly), got, want)
		}
		day = day.AddDate(0, 0, 1)
	}
}

func TestParseTimestamp(t *testing.T) {
	for _, text := range []string{
		"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.6Z", "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678999999Z",
		"2026-01-02t03:04:05z", "2026-01-02T03:04:05.678z", "2026-01-02T03:04:05+05:30", "2026-01-02T03:04:05.1-23:59",
		"0000-01-01T00:00:00Z", "0000-02-29T00:00:00Z", "9999-12-31T23:59:59.999Z", "2000-02-29T12:00:00.000Z", "1900-02-28T12:00:00.000Z",
	} {
		want, ok := referTime(text)
		got, fault := parseTimestamp([]byte(text))
		if !ok || fault != timeFine || got != want.UnixMilli() {
			t.Errorf("parseTimestamp(%q) = %d, %d, want %d", text, got, fault, want.UnixMilli())
		}
	}
}

func TestParseTimestampRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 30_000 {
		agreeOnTime(t, []byte(randomTime(rng)))
	}
}

func FuzzParseTimestamp(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 40 {
		f.Add([]byte(randomTime(rng)))
	}
	f.Fuzz(func(t *testing.T, text []byte) { agreeOnTime(t, text) })
}

func agreeOnTime(t *testing.T, text []byte) {
	t.Helper()
	want, ok := referTime(string(text))
	got, fault := parseTimestamp(text)
	if (fault == timeFine) != ok || ok && got != want.UnixMilli() {
		t.Fatalf("parseTimestamp(%q) = %d, %d, want %d, %t", text, got, fault, want.UnixMilli(), ok)
	}
}

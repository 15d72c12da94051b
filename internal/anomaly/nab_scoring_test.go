package anomaly

import (
	"math"
	"slices"
	"testing"
	"time"
)

// TestNABScoring checks the scorer on series small enough to work out by hand.
func TestNABScoring(t *testing.T) {
	one := []span{{100, 110}}
	two := []span{{100, 110}, {150, 160}}
	left := 1.0                                                       // a detection at a window's left edge
	middle := (2/(1+math.Exp(-2.5)) - 1) / (2/(1+math.Exp(-5.0)) - 1) // half a window later
	behind := 2/(1+math.Exp(5.0)) - 1                                 // one width behind a window
	tests := []struct {
		name         string
		windows      []span
		detections   []int
		want         float64
		found, wrong int
	}{
		{"silence", one, nil, -1, 0, 0},
		{"left edge", one, []int{100}, left, 1, 0},
		{"middle", one, []int{105}, middle, 1, 0},
		{"right edge", one, []int{110}, 0, 1, 0},
		{"only the earliest counts", one, []int{105, 106, 110}, middle, 1, 0},
		{"false, no window before", one, []int{50}, -1 - 0.11, 0, 1},
		{"false, one width behind", one, []int{120}, -1 + 0.11*behind, 0, 1},
		{"each false one costs", one, []int{50, 51, 100}, left - 0.22, 1, 2},
		{"behind the nearest window before", two, []int{100, 150, 170}, 2*left + 0.11*behind, 2, 1},
		{"probation is not scored", one, []int{0, 29, 100}, left, 1, 0},
		{"the first row after it is", one, []int{30, 100}, left - 0.11, 1, 1},
		{"no windows at all", nil, []int{100}, -0.11, 0, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := &labelled{times: make([]time.Time, 200), values: make([]float64, 200), windows: test.windows}
			got, found, wrong := nabRaw(l, func(row int) bool { return slices.Contains(test.detections, row) })
			if math.Abs(got-test.want) > 1e-12 || found != test.found || wrong != test.wrong {
				t.Errorf("got %v with %d found and %d wrong, want %v with %d and %d", got, found, wrong, test.want, test.found, test.wrong)
			}
		})
	}
	if got := []float64{nabScore(-4, 4), nabScore(4, 4), nabScore(0, 4)}; !slices.Equal(got, []float64{0, 100, 50}) {
		t.Errorf("silence, perfection and the middle score %v, want 0, 100 and 50", got)
	}
	if long := (&labelled{values: make([]float64, 10_000)}); long.probation() != 750 {
		t.Errorf("probation of a long series is %d rows, want 750", long.probation())
	}
}

package drift

import (
	"math"
	"slices"
	"testing"
)

func TestIndexOfHandExamples(t *testing.T) {
	for name, c := range map[string]struct {
		then []float64
		now  []float64 // values around the one edge, 0
		want float64
	}{
		"the same":     {[]float64{0.5, 0.5}, []float64{-1, 1}, 0},
		"moved":        {[]float64{0.5, 0.5}, []float64{0, 1, 1, 1}, 0.25*math.Log(2) + 0.25*math.Log(1.5)},
		"an empty bin": {[]float64{0, 1}, []float64{-1, 1}, (0.5-1e-4)*math.Log(0.5/1e-4) + 0.5*math.Log(2)},
		"nothing":      {[]float64{0.1, 0.9}, nil, 0},
	} {
		count := Histogram{Edges: []float64{0}, Shares: c.then}.Count()
		for _, v := range c.now {
			count.Add(v)
		}
		if got := count.Index(); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	none := Histogram{}.Count()
	if none.Add(3); none.Index() != 0 {
		t.Errorf("of no training: %v", none.Index())
	}
}

func TestHistogramOfManyEqualValues(t *testing.T) {
	values := append(make([]float64, 80), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)
	h := Of(values)
	if !slices.Equal(h.Edges, []float64{0, 10}) || !slices.Equal(h.Shares, []float64{0.8, 0.1, 0.1}) {
		t.Errorf("got %+v", h)
	}
	if one := Of([]float64{3, 3, 3}); len(one.Edges) != 0 || !slices.Equal(one.Shares, []float64{1}) {
		t.Errorf("of a constant: %+v", one)
	}
}

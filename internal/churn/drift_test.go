package churn

import (
	"math"
	"slices"
	"testing"
)

func TestStabilityOfHandExamples(t *testing.T) {
	near(t, "the same", stability([]float64{0.5, 0.5}, []float64{0.5, 0.5}), 0, 1e-12)
	near(t, "moved", stability([]float64{0.5, 0.5}, []float64{0.25, 0.75}), 0.25*math.Log(2)+0.25*math.Log(1.5), 1e-12)
	near(t, "an empty bin", stability([]float64{0, 1}, []float64{0.5, 0.5}), (0.5-1e-4)*math.Log(0.5/1e-4)+0.5*math.Log(2), 1e-12)
}

func TestHistogramOfManyEqualValues(t *testing.T) {
	values := append(make([]float64, 80), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)
	h := newHistogram(slices.Clone(values))
	if !slices.Equal(h.Edges, []float64{0, 10}) || !slices.Equal(h.Shares, []float64{0.8, 0.1, 0.1}) {
		t.Errorf("got %+v", h)
	}
	if one := newHistogram([]float64{3, 3, 3}); len(one.Edges) != 0 || !slices.Equal(one.Shares, []float64{1}) {
		t.Errorf("of a constant: %+v", one)
	}
}

func TestDriftSeesWhatMoved(t *testing.T) {
	data := history(9, 4000)
	m, _ := trained(t, data)
	scorer, err := m.For(data.Names)
	if err != nil {
		t.Fatal(err)
	}
	drift := func(change func([]float64)) Drift {
		tally := scorer.NewTally()
		for _, e := range data.Test {
			values := slices.Clone(e.Values)
			change(values)
			tally.Add(values, scorer.Probability(values))
		}
		return tally.Drift()
	}
	still := drift(func([]float64) {})
	if still.Score > 0.02 || slices.Max(valuesOf(still.Features)) > 0.02 {
		t.Errorf("nothing has moved: %+v", still)
	}
	recency := slices.Index(data.Names, daysSinceLastEvent)
	moved := drift(func(values []float64) { values[recency] *= 4 })
	if moved.Features[daysSinceLastEvent] < 0.25 || moved.Score < 0.1 || moved.Features["views"] > 0.02 {
		t.Errorf("silence is four times as long: %+v", moved)
	}
	if nobody := scorer.NewTally().Drift(); nobody.Users != 0 || nobody.Score != 0 {
		t.Errorf("without users: %+v", nobody)
	}
}

func valuesOf(m map[string]float64) []float64 {
	var values []float64
	for _, v := range m {
		values = append(values, v)
	}
	return values
}

package churn

import (
	"slices"
	"testing"
)

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

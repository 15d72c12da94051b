package churn

import (
	"math"
	"testing"
)

func TestMetricsOfHandExamples(t *testing.T) {
	for _, c := range []struct {
		name          string
		probabilities []float64
		churned       []bool
		auc, prAUC    float64
	}{
		{"perfect", []float64{0.9, 0.8, 0.2}, []bool{true, true, false}, 1, 1},
		{"upside down", []float64{0.1, 0.2, 0.8}, []bool{true, true, false}, 0, (1.0/2 + 2.0/3) / 2},
		{"one pair of two in order", []float64{0.9, 0.5, 0.3}, []bool{true, false, true}, 0.5, (1 + 2.0/3) / 2},
		{"all the same", []float64{0.4, 0.4, 0.4, 0.4}, []bool{true, false, false, false}, 0.5, 0.25},
		{"a tie across outcomes", []float64{0.9, 0.5, 0.5, 0.1}, []bool{true, true, false, false}, 3.5 / 4, (1 + 2.0/3) / 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Evaluate(c.probabilities, c.churned)
			near(t, "AUC", m.AUC, c.auc, 1e-12)
			near(t, "PR-AUC", m.PRAUC, c.prAUC, 1e-12)
		})
	}
	m := Evaluate([]float64{0.8, 0.4, 0.1}, []bool{true, true, false})
	near(t, "log loss", m.LogLoss, -(math.Log(0.8)+math.Log(0.4)+math.Log(0.9))/3, 1e-12)
	near(t, "Brier", m.Brier, (0.04+0.36+0.01)/3, 1e-12)
	near(t, "accuracy", m.Accuracy, 2.0/3, 1e-12)
	near(t, "churn rate", m.ChurnRate, 2.0/3, 1e-12)
}

func TestCalibrationKeepsEqualProbabilitiesTogether(t *testing.T) {
	probabilities := []float64{0.1, 0.5, 0.5, 0.5, 0.9, 0.9}
	churned := []bool{false, true, false, false, true, true}
	table := Calibration(probabilities, churned, 3)
	want := []CalibrationBin{{4, 0.4, 0.25}, {2, 0.9, 1}}
	if len(table) != len(want) {
		t.Fatalf("got %+v", table)
	}
	for i, bin := range table {
		if bin.Users != want[i].Users {
			t.Errorf("bin %d: got %+v, want %+v", i, bin, want[i])
		}
		near(t, "predicted", bin.Predicted, want[i].Predicted, 1e-12)
		near(t, "observed", bin.Observed, want[i].Observed, 1e-12)
	}
	near(t, "error", CalibrationError(table), (4*0.15+2*0.1)/6, 1e-12)
}

func TestLifts(t *testing.T) {
	var probabilities []float64
	var churned []bool
	for i := range 20 { // the four riskiest churn
		probabilities = append(probabilities, float64(i)/20)
		churned = append(churned, i >= 16)
	}
	table := Lifts(probabilities, churned)
	if len(table) != 10 {
		t.Fatalf("got %d deciles", len(table))
	}
	near(t, "lift of the first", table[0].Lift, 5, 1e-12)
	near(t, "captured by two", table[1].Captured, 1, 1e-12)
	near(t, "lift of the third", table[2].Lift, 0, 1e-12)
	near(t, "captured by all", table[9].Captured, 1, 1e-12)
}

package fraudlab

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"millrace/internal/fraud"
)

// TestRetrainingWithoutLabels makes a model of purchases whose labels it does not
// see, and counts with the labels what the thresholds then do on the newest ones.
func TestRetrainingWithoutLabels(t *testing.T) {
	shipped, err := fraud.DefaultModel()
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig(TuningSeeds()[0])
	cfg.Events = 400_000
	judged, err := Run(shipped, cfg)
	if err != nil {
		t.Fatal(err)
	}
	rates := fraud.DefaultRates()
	if _, _, err := fraud.Retrain(shipped, shipped, featuresOf(judged[:100]), rates); !errors.Is(err, fraud.ErrTooFewPurchases) {
		t.Errorf("of 100 purchases: got %v", err)
	}
	model, report, err := fraud.Retrain(shipped, shipped, featuresOf(judged), rates)
	if err != nil {
		t.Fatal(err)
	}
	count := func(m *fraud.Model) Counts {
		points := make([]Point, 0, len(judged)-report.Learnt)
		for _, j := range judged[report.Learnt:] {
			points = append(points, Point{m.Score(&j.Features), j.Label.Fraud})
		}
		return CountAt(points, m.Params().Review)
	}
	before, after := count(shipped), count(model)
	t.Logf("%+v", *report)
	t.Logf("with labels: %d purchases; false positives %.4f, recall %.3f; the model before: %.4f, %.3f", report.After.Purchases,
		after.FalsePositives(), after.Recall(), before.FalsePositives(), before.Recall())
	if report.Better {
		t.Error("thresholds that were chosen with labels would give way to others")
	}
	if after.FalsePositives() > 2*rates.Review || after.Recall() < before.Recall()-0.15 {
		t.Errorf("false positives %.4f, recall %.3f", after.FalsePositives(), after.Recall())
	}
	checkDrift(t, model, judged[:report.Learnt])
	checkRegistry(t, model, judged)
}

// checkDrift sees none in the purchases learnt from, and much where all amounts
// are thrice as far from the usual.
func checkDrift(t *testing.T, model *fraud.Model, learnt []Judged) {
	t.Helper()
	purchases := featuresOf(learnt)
	if d := model.Drift(purchases); d.Score > 1e-9 || d.Features["amount_distance"] > 1e-9 || d.Purchases != len(learnt) {
		t.Errorf("drift of the purchases learnt from: %+v", d)
	}
	for i := range purchases {
		purchases[i][fraud.AmountDistance] *= 3
	}
	if d := model.Drift(purchases); d.Features["amount_distance"] < 0.25 || d.Score < 0.01 || d.Features["haste"] > 1e-9 {
		t.Errorf("drift of other amounts: %+v", d)
	}
}

// checkRegistry holds a model that was kept and read again against the first.
func checkRegistry(t *testing.T, model *fraud.Model, judged []Judged) {
	t.Helper()
	text, err := json.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	again, err := fraud.Read(text, 7)
	if err != nil {
		t.Fatal(err)
	}
	for i := range judged[:1000] {
		if got, want := again.Score(&judged[i].Features), model.Score(&judged[i].Features); got != want || math.IsNaN(got) {
			t.Fatalf("purchase %d: got %v, want %v", i, got, want)
		}
	}
	if again.Params().Version != 7 || again.Drift(featuresOf(judged)).Score != model.Drift(featuresOf(judged)).Score {
		t.Errorf("read again: %+v", again.Params())
	}
	if _, err := fraud.Read([]byte(`{"params":{},"forest":"AAAA"}`), 1); !errors.Is(err, fraud.ErrUnreadable) {
		t.Errorf("of a forest that is none: got %v", err)
	}
}

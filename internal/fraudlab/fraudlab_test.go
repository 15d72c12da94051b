package fraudlab

import (
	"math"
	"testing"

	"millrace/internal/fraud"
)

// small is traffic for tests: a seed that neither tuning nor report uses.
func small(seed uint64) Config {
	cfg := DefaultConfig(seed)
	cfg.Events, cfg.Users = 150_000, 400
	cfg.Span /= 2
	cfg.Attacks *= 2
	return cfg
}

func TestTrafficIsRepeatable(t *testing.T) {
	first, err := New(small(7))
	if err != nil {
		t.Fatal(err)
	}
	second, _ := New(small(7))
	kinds := map[Kind]int{}
	for n := 0; ; n++ {
		a, label, more := first.Next()
		b, again, _ := second.Next()
		if !more {
			break
		}
		same := a.ID == b.ID && a.Timestamp.Equal(b.Timestamp) && string(a.Properties) == string(b.Properties) && a.Context == b.Context
		if !same || label != again {
			t.Fatalf("event %d differs:\n%s\n%s", n, a.AppendJSON(nil), b.AppendJSON(nil))
		}
		if label.Fraud != (a.Type == "purchase" && isAttack(label.Kind)) {
			t.Fatalf("event %d: a %s of %q is labelled fraud: %v", n, a.Type, label.Kind, label.Fraud)
		}
		kinds[label.Kind]++
	}
	for _, kind := range []Kind{Takeover, CardTesting, AmountSpike, Travel, NewDeviceHigh, Stealth,
		BigSpender, Traveller, NewPhone, GiftSpree, CardTrouble, DoubleOrder, TwoNetworks} {
		if kinds[kind] == 0 {
			t.Errorf("no %s in the traffic: %v", kind, kinds)
		}
	}
}

func isAttack(kind Kind) bool {
	switch kind {
	case Takeover, CardTesting, AmountSpike, Travel, NewDeviceHigh, Stealth:
		return true
	}
	return false
}

// TestModelFindsFraud holds the model that the binary carries to a part of what
// docs/fraud.md says, on traffic that it was not tuned on.
func TestModelFindsFraud(t *testing.T) {
	model, err := fraud.DefaultModel()
	if err != nil {
		t.Fatal(err)
	}
	judged, err := Run(model, small(8))
	if err != nil {
		t.Fatal(err)
	}
	points := Points(judged)
	review, block := CountAt(points, model.Params().Review), CountAt(points, model.Params().Block)
	t.Logf("%d purchases; review %+v, block %+v, PR-AUC %.3f", len(points), review, block, PRAUC(points))
	if len(points) < 1000 || review.Caught+review.Missed < 50 {
		t.Fatal("too few purchases to say anything")
	}
	if review.Recall() < 0.65 || review.FalsePositives() > 0.015 {
		t.Errorf("review: recall %.3f, false positives %.4f; want at least 0.65 and at most 0.015", review.Recall(), review.FalsePositives())
	}
	if block.Recall() < 0.35 || block.FalsePositives() > 0.003 {
		t.Errorf("block: recall %.3f, false positives %.4f; want at least 0.35 and at most 0.003", block.Recall(), block.FalsePositives())
	}
	if area := PRAUC(points); area < 0.65 {
		t.Errorf("PR-AUC %.3f, want at least 0.65", area)
	}
}

// Computed by hand: at each fraud found, in the order of scores, precision is
// 1/1, 2/3 and, two at once with one honest, 4/6.
func TestMeasures(t *testing.T) {
	points := []Point{{0.9, true}, {0.8, false}, {0.7, true}, {0.5, true}, {0.5, false}, {0.5, true}, {0.1, false}}
	if got, want := PRAUC(points), (1+2.0/3+2*4.0/6)/4; math.Abs(got-want) > 1e-12 {
		t.Errorf("PR-AUC: got %v, want %v", got, want)
	}
	c := CountAt(points, 0.7)
	if c != (Counts{Caught: 2, Missed: 2, Wronged: 1, Spared: 2}) || c.Recall() != 0.5 || c.FalsePositives() != 1.0/3 {
		t.Errorf("counts at 0.7: %+v", c)
	}
	for _, rate := range []float64{0, 0.34, 0.67, 1} {
		threshold := ThresholdFor(points, rate)
		if got := CountAt(points, threshold).FalsePositives(); got > rate {
			t.Errorf("threshold %v lets %v of the honest reach it, wanted at most %v", threshold, got, rate)
		}
	}
}

// The regression finds the effects that labels were drawn from.
func TestRegressFindsEffects(t *testing.T) {
	var rows []row
	for i := range 4000 {
		a, b := float64(i%2), float64(i/2%2)
		sum := -2 + 3*a - b // b speaks for a purchase, which no reason may
		rows = append(rows, row{x: []float64{a, b, 0}, fraud: float64(i%97)/97 < 1/(1+math.Exp(-sum))})
	}
	_, effects := regress(rows)
	if math.Abs(effects[0]-3) > 0.4 || effects[1] != 0 {
		t.Errorf("effects: got %v, want about 3, and 0", effects)
	}
}

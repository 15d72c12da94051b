package churn

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// history makes examples whose log-odds of churn are known: two features of the
// model say something, the others nothing.
func history(seed uint64, perPart int) Data {
	random := rand.New(rand.NewPCG(seed, 0))
	names := Names()
	recency, active := slices.Index(names, daysSinceLastEvent), slices.Index(names, "active_days_30d")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	part := func(week int) []Example {
		examples := make([]Example, perPart)
		for i := range examples {
			values := make([]float64, len(names))
			for j := range values {
				values[j] = math.Floor(random.ExpFloat64() * 5)
			}
			values[slices.Index(names, "logins")] = 0 // this shop has no logins
			values[recency], values[active] = random.ExpFloat64()*8, float64(random.IntN(31))
			examples[i] = Example{At: start.Add(time.Duration(week+i%4) * 7 * Day), Values: values}
			examples[i].Churned = random.Float64() < sigmoid(oddsOf(values[recency], values[active]))
		}
		return examples
	}
	return Data{Names: names, Train: part(0), Calibrate: part(4), Test: part(8)}
}

func oddsOf(recency, active float64) float64 {
	return -2.5 + 1.5*math.Log1p(recency) - 0.1*active
}

func trained(t *testing.T, data Data) (*Model, *Report) {
	t.Helper()
	m, report, err := Train(DefaultConfig(), data)
	if err != nil {
		t.Fatal(err)
	}
	return m, report
}

func TestTrainFindsWhatIsThere(t *testing.T) {
	const seed = 3
	data := history(seed, 6000)
	m, report := trained(t, data)
	names := Names()
	truth := make([]float64, len(data.Test))
	for i, e := range data.Test {
		truth[i] = sigmoid(oddsOf(e.Values[slices.Index(names, daysSinceLastEvent)], e.Values[slices.Index(names, "active_days_30d")]))
	}
	best := Evaluate(truth, Outcomes(data.Test))
	near(t, "AUC against the truth's", report.Metrics.AUC, best.AUC, 0.01)
	near(t, "log loss against the truth's", report.Metrics.LogLoss, best.LogLoss, 0.01)
	if report.CalibrationError > 0.03 {
		t.Errorf("calibration is off by %.3f", report.CalibrationError)
	}
	if rate := report.Metrics.ChurnRate; rate > 0.4 || rate < 0.05 {
		t.Errorf("the test should be of a rarer class, it has %.2f", rate)
	}
	for _, b := range report.Baselines {
		if b.Metrics.LogLoss <= report.Metrics.LogLoss || b.Metrics.AUC >= report.Metrics.AUC {
			t.Errorf("seed %d: the baseline %q is as good: %+v", seed, b.Name, b.Metrics)
		}
	}
	if report.Recent == nil || report.Recent.Users >= report.Metrics.Users {
		t.Errorf("users who are not silent: %+v", report.Recent)
	}
	if w := m.Weights[slices.Index(names, "logins")]; w.Coefficient != 0 {
		t.Errorf("a constant has a coefficient: %+v", w)
	}
}

func TestTheTestIsNotLookedAt(t *testing.T) {
	data := history(4, 1000)
	before, _ := trained(t, data)
	for i := range data.Test {
		data.Test[i].Churned = i%2 == 0
		data.Test[i].Values = data.Test[0].Values
	}
	after, _ := trained(t, data)
	if !reflect.DeepEqual(before, after) {
		t.Error("another test period gave another model")
	}
}

func TestReasonsMakeThePrediction(t *testing.T) {
	data := history(5, 1000)
	m, _ := trained(t, data)
	scorer, err := m.For(data.Names)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range data.Test[:50] {
		reasons := scorer.Reasons(e.Values)
		sum := m.PlattSlope*m.Intercept + m.PlattOffset
		for i, r := range reasons {
			sum += r.Effect
			if i > 0 && math.Abs(r.Effect) > math.Abs(reasons[i-1].Effect) {
				t.Error("the strongest reason does not come first")
			}
		}
		near(t, "probability", sigmoid(sum), scorer.Probability(e.Values), 1e-12)
	}
	lost := slices.Clone(data.Test[0].Values)
	lost[slices.Index(data.Names, daysSinceLastEvent)] = 60
	lost[slices.Index(data.Names, "active_days_30d")] = 0
	if first := scorer.Reasons(lost)[0]; first.Feature != daysSinceLastEvent || first.Effect <= 0 || !scorer.Churned(scorer.Probability(lost)) {
		t.Errorf("a user silent for 60 days: %+v, probability %v", first, scorer.Probability(lost))
	}
}

func TestModelSurvivesJSON(t *testing.T) {
	data := history(6, 1000)
	m, _ := trained(t, data)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var back Model
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*m, back) {
		t.Errorf("%s came back as %+v", text, back)
	}
}

func TestValuesInAnotherOrder(t *testing.T) {
	data := history(7, 1000)
	m, _ := trained(t, data)
	a, err := m.For(data.Names)
	if err != nil {
		t.Fatal(err)
	}
	names, values := slices.Clone(data.Names), slices.Clone(data.Test[0].Values)
	slices.Reverse(names)
	slices.Reverse(values)
	b, err := m.For(append(names, "a feature of tomorrow"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Probability(append(values, 1)), a.Probability(data.Test[0].Values); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := m.For(names[1:]); !errors.Is(err, ErrOtherFeatures) {
		t.Errorf("without a feature: got %v, want ErrOtherFeatures", err)
	}
}

func TestValuesBeyondTheTrainingCountAsTheNearest(t *testing.T) {
	w := Weight{Scale: scaleLog, Mean: 1, SD: 2, Low: 0, High: 3}
	for value, want := range map[float64]float64{1e9: 1, -5: -0.5, math.Inf(1): 1} {
		if got := w.standardise(value); got != want {
			t.Errorf("%v: got %v, want %v", value, got, want)
		}
	}
}

func TestTrainRefusesOneOutcome(t *testing.T) {
	data := history(8, 200)
	for i := range data.Calibrate {
		data.Calibrate[i].Churned = true
	}
	if _, _, err := Train(DefaultConfig(), data); !errors.Is(err, ErrOneOutcome) {
		t.Errorf("got %v, want ErrOneOutcome", err)
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{L2: []float64{-1}}.Validate()
	faults, ok := err.(interface{ Unwrap() []error })
	if !ok || len(faults.Unwrap()) != 7 {
		t.Errorf("got %v", err)
	}
}

package bench

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"millrace/internal/fraud"
	"millrace/internal/fraudlab"
)

var fraudReport = flag.Bool("fraud", false, "run TestFraud: how well labelled fraud is found, on seeds that nothing was chosen by")

var fraudTuning = flag.Bool("fraud-tuning", false, "let TestFraud measure on the tuning seeds instead: for changes to the method")

// detector gives a purchase a score; the threshold is chosen on the tuning
// seeds, for the same share of honest purchases as the model's.
type detector struct {
	name  string
	score func(*fraudlab.Judged) float64
}

// TestFraud prints precision, recall and PR-AUC of the model and of three
// simpler ways, each at the threshold that its scores on the tuning seeds give
// for the stated rate of false positives.
func TestFraud(t *testing.T) {
	if !*fraudReport {
		t.Skip("a report: run it with -fraud, or as `make bench-fraud`")
	}
	model, err := fraud.DefaultModel()
	if err != nil {
		t.Fatal(err)
	}
	seeds := fraudlab.HeldOutSeeds()
	tuning := judge(t, model, fraudlab.TuningSeeds())
	held := tuning
	if *fraudTuning {
		seeds = fraudlab.TuningSeeds()
	} else {
		held = judge(t, model, seeds)
	}
	params := model.Params()
	detectors := []detector{
		{"static amount", func(j *fraudlab.Judged) float64 { return j.Dollars }},
		{"rules only", func(j *fraudlab.Judged) float64 { return rulesAlone(params, j) }},
		{"forest only", func(j *fraudlab.Judged) float64 { return j.Unusual }},
		{"both (the model)", func(j *fraudlab.Judged) float64 { return j.Score }},
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nmodel %d; tuned on seeds %v, measured on seeds %v: %d purchases, %d of them fraud\n\n",
		params.Version, params.Seeds, seeds, len(held), frauds(held))
	b.WriteString("| | rate wanted | threshold | false positives | precision | recall | PR-AUC |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, rate := range []float64{params.ReviewRate, params.BlockRate} {
		for _, d := range detectors {
			threshold := fraudlab.ThresholdFor(points(tuning, d), rate)
			c := fraudlab.CountAt(points(held, d), threshold)
			fmt.Fprintf(&b, "| %s | %.2f %% | %.4g | %.2f %% | %.3f | %.3f | %.3f |\n", d.name, 100*rate, threshold,
				100*c.FalsePositives(), c.Precision(), c.Recall(), fraudlab.PRAUC(points(held, d)))
		}
	}
	b.WriteString(byKind(held))
	b.WriteString(retrained(t, model, held))
	t.Log(b.String())
}

func judge(t *testing.T, model *fraud.Model, seeds []uint64) (all []fraudlab.Judged) {
	t.Helper()
	for _, seed := range seeds {
		judged, err := fraudlab.Run(model, fraudlab.DefaultConfig(seed))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, judged...)
	}
	return all
}

func points(judged []fraudlab.Judged, d detector) []fraudlab.Point {
	points := make([]fraudlab.Point, len(judged))
	for i := range judged {
		points[i] = fraudlab.Point{Score: d.score(&judged[i]), Fraud: judged[i].Label.Fraud}
	}
	return points
}

// rulesAlone is the model's sum without the forest.
func rulesAlone(params fraud.Params, j *fraudlab.Judged) float64 {
	sum := 0.0
	for r, degree := range fraud.Degrees(&j.Features) {
		sum += degree * params.Rules[fraud.Rule(r).Name()]
	}
	return sum
}

func frauds(judged []fraudlab.Judged) (n int) {
	for _, j := range judged {
		if j.Label.Fraud {
			n++
		}
	}
	return n
}

// retrained makes a model anew of the purchases, without their labels, and compares
// it with the one before on the newest fifth, which it has not learnt from. The
// seeds follow each other as if they were one shop.
func retrained(t *testing.T, model *fraud.Model, judged []fraudlab.Judged) string {
	t.Helper()
	purchases := make([]fraud.Features, len(judged))
	for i := range judged {
		purchases[i] = judged[i].Features
	}
	again, report, err := fraud.Retrain(model, model, purchases, fraud.DefaultRates())
	if err != nil {
		t.Fatal(err)
	}
	newest := judged[report.Learnt:]
	var b strings.Builder
	fmt.Fprintf(&b, "\nmade anew of %d purchases without labels, %.2f %% presumed fraud; measured on the newest %d. %s\n\n", report.Learnt, 100*report.PresumedFraud, len(newest), report.Reason)
	b.WriteString("| on the newest | threshold | false positives | precision | recall | PR-AUC |\n|---|---|--:|--:|--:|--:|\n")
	for _, m := range []struct {
		name  string
		model *fraud.Model
	}{{"as it came", model}, {"made anew", again}} {
		points := make([]fraudlab.Point, len(newest))
		for i := range newest {
			points[i] = fraudlab.Point{Score: m.model.Score(&newest[i].Features), Fraud: newest[i].Label.Fraud}
		}
		params := m.model.Params()
		for at, threshold := range map[string]float64{"review": params.Review, "block": params.Block} {
			c := fraudlab.CountAt(points, threshold)
			fmt.Fprintf(&b, "| %s | %s | %.2f %% | %.3f | %.3f | %.3f |\n", m.name, at, 100*c.FalsePositives(), c.Precision(), c.Recall(), fraudlab.PRAUC(points))
		}
	}
	return b.String()
}

// byKind shows what is decided of each kind of purchase.
func byKind(judged []fraudlab.Judged) string {
	type row struct{ n, review, block int }
	rows := map[string]*row{}
	for _, j := range judged {
		name := fmt.Sprintf("honest, %s", j.Label.Kind)
		if j.Label.Fraud {
			name = fmt.Sprintf("fraud, %s", j.Label.Kind)
		} else if j.Label.Kind == "" {
			name = "honest, everyday"
		}
		if rows[name] == nil {
			rows[name] = new(row)
		}
		rows[name].n++
		switch j.Decision {
		case fraud.Review:
			rows[name].review++
		case fraud.Block:
			rows[name].block++
		}
	}
	var b strings.Builder
	b.WriteString("\n| kind | purchases | review | block | either |\n|---|--:|--:|--:|--:|\n")
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		r := rows[name]
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %.1f %% |\n", name, r.n, r.review, r.block, math.Round(1000*float64(r.review+r.block)/float64(r.n))/10)
	}
	return b.String()
}

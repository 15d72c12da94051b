package fraudlab

import (
	"fmt"
	"math"

	"millrace/internal/fraud"
)

// rounds is how often the traffic is judged and the numbers are fitted to it:
// what a profile learns depends on what the model blocks, so the second fit is
// to what the first model would have seen.
const rounds = 2

// Tune fits a model to the traffic: forest, effects and thresholds. start is the
// model to judge by at first.
func Tune(start *fraud.Model, traffic []Config, rates fraud.Rates, version int) (*fraud.Model, fraud.Params, *fraud.Forest, error) {
	var params fraud.Params
	var forest *fraud.Forest
	model := start
	for range rounds {
		judged, err := judgeAll(model, traffic)
		if err != nil {
			return nil, params, nil, err
		}
		if forest, err = growForest(judged); err != nil {
			return nil, params, nil, err
		}
		params = fit(judged, forest, rates)
		params.Version = version
		for _, cfg := range traffic {
			params.Seeds = append(params.Seeds, cfg.Seed)
		}
		if model, err = fraud.NewModel(params, forest); err != nil {
			return nil, params, nil, fmt.Errorf("tune: %w", err)
		}
	}
	return model, params, forest, nil
}

func judgeAll(model *fraud.Model, traffic []Config) (all []Judged, err error) {
	for _, cfg := range traffic {
		judged, err := Run(model, cfg)
		if err != nil {
			return nil, err
		}
		all = append(all, judged...)
	}
	return all, nil
}

// growForest sees purchases without labels.
func growForest(judged []Judged) (*fraud.Forest, error) {
	return fraud.GrowForest(featuresOf(judged), fraud.DefaultForestConfig())
}

func featuresOf(judged []Judged) []fraud.Features {
	purchases := make([]fraud.Features, len(judged))
	for i, j := range judged {
		purchases[i] = j.Features
	}
	return purchases
}

// fit chooses the effects by logistic regression, none of them negative, and the
// thresholds by the honest purchases' scores.
func fit(judged []Judged, forest *fraud.Forest, rates fraud.Rates) fraud.Params {
	params := fraud.Params{Rules: map[string]float64{}}
	unusual := make([]Point, len(judged))
	for i, j := range judged {
		unusual[i] = Point{forest.Score(&j.Features), j.Label.Fraud}
	}
	params.Scale(honestOf(unusual))
	rows := make([]row, len(judged))
	for i, j := range judged {
		degrees := fraud.Degrees(&j.Features)
		scaled := (unusual[i].Score - params.ForestFrom) / (params.ForestTo - params.ForestFrom)
		rows[i] = row{x: append(degrees[:], min(max(scaled, 0), 1)), fraud: j.Label.Fraud}
	}
	base, effects := regress(rows)
	for r := range fraud.Rule(fraud.RuleCount) {
		params.Rules[r.Name()] = round(effects[r], 3)
	}
	params.ForestEffect = round(effects[fraud.RuleCount], 3)
	sums := make([]Point, len(rows))
	for i := range rows {
		sums[i] = Point{rows[i].sum(base, effects), rows[i].fraud}
	}
	params.Place(base, honestOf(sums), rates)
	return params
}

// row is a purchase in the regression.
type row struct {
	x     []float64
	fraud bool
}

func (r *row) sum(base float64, effects []float64) float64 {
	for i, x := range r.x {
		base += effects[i] * x
	}
	return base
}

const (
	// sweeps of coordinate descent; the changes of the last are below 1e-3.
	sweeps = 60
	// ridge keeps an effect finite that never errs.
	ridge = 2.0
)

// regress fits a logistic regression with a ridge penalty, one effect at a time
// by Newton steps, each effect cut off at 0: what is named a reason against a
// purchase must not speak for it. The rules are fitted by themselves first, and
// the forest, the last column, to what they leave open: else it would take the
// place of what can be said in words.
func regress(rows []row) (base float64, effects []float64) {
	effects = make([]float64, len(rows[0].x))
	sums := make([]float64, len(rows))
	forest := len(effects) - 1
	for _, columns := range [][2]int{{0, forest}, {forest, forest + 1}} {
		for range sweeps {
			base += step(rows, sums, func(*row) float64 { return 1 }, 0, math.Inf(-1))
			for i := columns[0]; i < columns[1]; i++ {
				effects[i] += step(rows, sums, func(r *row) float64 { return r.x[i] }, effects[i], 0)
			}
		}
	}
	return base, effects
}

// step is the Newton step of one coefficient, at least to least; sums follow.
func step(rows []row, sums []float64, x func(*row) float64, now, least float64) float64 {
	gradient, curvature := 0.0, 1e-9
	if least == 0 {
		gradient, curvature = -ridge*now, ridge
	}
	for i := range rows {
		v := x(&rows[i])
		if v == 0 {
			continue
		}
		p := 1 / (1 + math.Exp(-sums[i]))
		y := 0.0
		if rows[i].fraud {
			y = 1
		}
		gradient += v * (y - p)
		curvature += v * v * p * (1 - p)
	}
	d := max(min(max(gradient/curvature, -2), 2), least-now)
	for i := range rows {
		sums[i] += d * x(&rows[i])
	}
	return d
}

// round keeps so many decimals: numbers that people read.
func round(v float64, decimals int) float64 {
	scale := math.Pow(10, float64(decimals))
	return math.Round(v*scale) / scale
}

package query

import (
	"math"
	"testing"
)

func TestFormula(t *testing.T) {
	names := []string{"A", "B", "zero", "none", "Sign ups"}
	figure := func(name string) float64 {
		return map[string]float64{"A": 4, "B": 2, "zero": 0, "none": math.NaN(), "Sign ups": 7}[name]
	}
	for text, want := range map[string]float64{
		"B / A": 0.5, "A + B * 3": 10, "(A+B)*3": 18, "-A - -B": -2, "A-B-1": 1, "A/B/2": 1,
		"1e2*.5": 50, `"Sign ups" / 7`: 1, "A / zero": math.NaN(), "0 * (A / zero)": math.NaN(),
		"none + 1": math.NaN(), "A / (B - 2)": math.NaN(), "zero / A": 0,
	} {
		f, err := ParseFormula(text, names)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := f.Evaluate(figure); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestFormulaErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":         `column 1: the expression is empty`,
		"A +":      `column 4: the formula ends, expected a series or a number`,
		"A B":      `column 3: found "B"; a formula has series, numbers, + - * / and brackets`,
		"A % B":    `column 3: found "%"; a formula has series, numbers, + - * / and brackets`,
		"(A":       `column 3: the formula ends, expected a series or a number`,
		"A / Viws": `column 5: there is no series "Viws"; did you mean "Views"? the series are "A", "Views"`,
		"C":        `column 1: there is no series "C"; did you mean "A"? the series are "A", "Views"`,
	} {
		if _, err := ParseFormula(text, []string{"A", "Views"}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

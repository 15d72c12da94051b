package olap

import "math"

// evaluate computes the formulas of a question, bucket by bucket and group by
// group. Where an operand has no figure, or the divisor is zero, neither has the
// result.
func (t *trends) evaluate(series [][]line, g groups) [][]line {
	var out [][]line
	for _, f := range t.Formulas {
		lines := make([]line, g.slots())
		for slot := range lines {
			lines[slot] = f.line(t, series, slot)
		}
		out = append(out, lines)
	}
	return out
}

func (f trendFormula) line(t *trends, series [][]line, slot int) line {
	l := line{values: make([]number, len(series[0][slot].values))}
	for i := range l.values {
		l.values[i] = f.at(t, func(s int) number { return series[s][slot].values[i] })
	}
	l.total = f.at(t, func(s int) number { return series[s][slot].total })
	return l
}

func (f trendFormula) at(t *trends, figure func(series int) number) number {
	return numberOf(f.formula.Evaluate(func(name string) float64 {
		for i, s := range t.Series {
			if s.Name == name {
				if v, ok := figure(i).float(); ok {
					return v
				}
			}
		}
		return math.NaN()
	}))
}

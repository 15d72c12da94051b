package incident

import (
	"math"
	"strings"
)

// Figure is one figure of the whole or of one value of a property.
type Figure struct {
	Measure         string
	Property, Value string
}

// Point is one window of a figure, with what was to be expected of it by the
// windows before. Seen is NaN of a share without users, the band while too
// little is known.
type Point struct {
	Window                    int
	Seen, Expected, Low, High float64
}

// Trace sees windows from number first on and tells of each what a watch that
// had begun there would have expected.
func (f Figure) Trace(cfg Config, grid Grid, first int, windows []Window) []Point {
	s := &series{Kind: f.kind()}
	bar := cfg.bar(1, grid.perDay)
	points := make([]Point, 0, len(windows))
	for i, win := range windows {
		n := first + i
		b := observe(win)[part{f.Property, f.Value}].bucket(f.Measure, s, grid, n)
		p := Point{Window: n, Seen: b.Seen, Expected: math.NaN(), Low: math.NaN(), High: math.NaN()}
		if s.Kind.shares() {
			p.Seen /= b.Exposed // NaN of nothing
		}
		if around, ok := s.expect(grid, b.Exposed); ok {
			p.Expected, p.Low, p.High = around.Expected, around.Low, around.High
		}
		points = append(points, p)
		s.step(grid, n, b, bar)
	}
	return points
}

// kind follows from the name.
func (f Figure) kind() Kind {
	switch {
	case f.Measure == UsersFigure, f.Measure == EventsFigure:
		return Count
	case f.Measure == revenueFigure, strings.HasPrefix(f.Measure, revenuePrefix):
		return Money
	case ShareOf(f.Measure) != "":
		return Share
	}
	return Chance
}

// ConversionOf is the steps of a conversion, ok false where the figure is another.
func ConversionOf(measure string) (from, to string, ok bool) {
	steps, ok := strings.CutPrefix(measure, conversionPrefix)
	if !ok {
		return "", "", false
	}
	return strings.Cut(steps, conversionMiddle)
}

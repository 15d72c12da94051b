package olap

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// maxBins bounds the bins of a view time_to_convert.
const maxBins = 1000

// checkTimes holds what the view time_to_convert needs, and keeps its fields to
// itself.
func (f *funnel) checkTimes() error {
	if f.View != viewTimes {
		for _, field := range []struct {
			name  string
			given int
		}{{"bins", f.Bins}, {"from_step", f.FromStep}, {"to_step", f.ToStep}} {
			if field.given != 0 {
				return faultf(CodeInvalidValue, "/"+field.name, `%s belongs to "view":"time_to_convert"; leave it out`, field.name)
			}
		}
		return nil
	}
	if f.Bins == 0 {
		f.Bins = 20
	}
	if f.Bins < 1 || f.Bins > maxBins {
		return faultf(CodeInvalidValue, "/bins", "%d is not between 1 and %d", f.Bins, maxBins)
	}
	required := f.required()
	if len(required) < 2 {
		return faultf(CodeInvalidValue, "/view", "the time to convert lies between two steps; this funnel has one that everybody must take")
	}
	if f.FromStep == 0 {
		f.FromStep = 1
	}
	if f.ToStep == 0 {
		f.ToStep = required[len(required)-1]
	}
	if err := f.checkStep(f.FromStep, "/from_step"); err != nil {
		return err
	}
	if err := f.checkStep(f.ToStep, "/to_step"); err != nil {
		return err
	}
	if f.FromStep >= f.ToStep {
		return faultf(CodeInvalidValue, "/to_step", "step %d does not come after step %d", f.ToStep, f.FromStep)
	}
	return nil
}

// FunnelTimes says how long users took from one step to a later one.
type FunnelTimes struct {
	FromStep int `json:"from_step"`
	ToStep   int `json:"to_step"`
	// Count is how many users (or sessions) got to ToStep.
	Count          uint64 `json:"count"`
	AverageSeconds number `json:"average_seconds"`
	MedianSeconds  number `json:"median_seconds"`
	// Bins cover all times without gaps; empty where nobody got there.
	Bins []FunnelBin `json:"bins"`
}

func (*FunnelTimes) result() {}

// FunnelBin counts the times in [FromSeconds, ToSeconds).
type FunnelBin struct {
	FromSeconds int64  `json:"from_seconds"`
	ToSeconds   int64  `json:"to_seconds"`
	Count       uint64 `json:"count"`
}

func (p *funnelPlan) times(ctx context.Context, r *run) (*FunnelTimes, error) {
	result := &FunnelTimes{FromStep: p.FromStep, ToStep: p.ToStep, Bins: []FunnelBin{}}
	err := p.each(ctx, r, p.durations, func(rows driver.Rows) error {
		var median, average string
		var first, width int64
		var counts []uint64
		if err := rows.Scan(&result.Count, &median, &average, &first, &width, &counts); err != nil {
			return err
		}
		result.MedianSeconds, result.AverageSeconds = parseNumber(median), parseNumber(average)
		for i, n := range counts {
			from := first + int64(i)*width
			result.Bins = append(result.Bins, FunnelBin{FromSeconds: from, ToSeconds: from + width, Count: n})
		}
		return nil
	})
	return result, err
}

// durations renders one row. The bins are as wide as the fewest whole seconds
// with which the asked number of them, from the whole second at or below the
// shortest time, holds the longest; those beyond it are left out.
func (p *funnelPlan) durations() error {
	bins := p.bind(int64(p.Bins))
	p.text("SELECT length(took) AS n, if(n = 0, 'nan', toString(arrayReduce('quantileExactInclusive(0.5)', took) / 1000)) AS median, if(n = 0, 'nan', toString(arrayAvg(took) / 1000)) AS average,",
		"\n    intDiv(arrayMin(took), 1000) AS first, intDiv(intDiv(arrayMax(took), 1000) - first, ", bins, ") + 1 AS width,",
		"\n    if(n = 0, emptyArrayUInt64(), arrayMap(bin -> toUInt64(arrayCount(t -> intDiv(intDiv(t, 1000) - first, width) = bin, took)), range(toUInt64(intDiv(intDiv(arrayMax(took), 1000) - first, width) + 1)))) AS counts",
		"\nFROM\n(\nSELECT groupArrayIf(", p.at(p.ToStep), " - ", p.at(p.FromStep), ", ", p.reached(p.ToStep), ") AS took\nFROM\n(\n")
	if err := p.users("", ""); err != nil {
		return err
	}
	p.text("\n)\n)")
	return nil
}

// inBin renders whether a user's time lies in [from, to) seconds.
func (p *funnelPlan) inBin(from, to int64) string {
	took := p.at(p.ToStep) + " - " + p.at(p.FromStep)
	return fmt.Sprintf("%s AND %s >= %s AND %s < %s", p.reached(p.ToStep), took, p.bind(from*1000), took, p.bind(to*1000))
}

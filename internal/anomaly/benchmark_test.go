package anomaly

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// TestBenchmark prints the scores of NAB, in total, by category and
// cross-validated, and holds the goal.
func TestBenchmark(t *testing.T) {
	corpus := readNAB(t)
	if len(corpus) != 31 {
		t.Fatalf("the corpus has %d series; has the file changed?", len(corpus))
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "DETECTOR\tNAB SCORE\tCROSS-VALIDATED\tFOUND\tFALSE\t%s\t\n", strings.Join(categories(corpus), "\t"))
	ours := contest(corpus, func() judge { return surprises(t) }, withRest, usualSurprise)
	ours.print(table, "millrace")
	contest(corpus, windowedGaussian, atOnce, 0).print(table, "windowed Gaussian")
	contest(corpus, staticThreshold, atOnce, 0).print(table, "static threshold")
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	fmt.Println("By category the score of its windows; where it has none, the false detections. Cross-validated: each category at")
	fmt.Println("the threshold that is best for the others. The baselines are given the threshold that is best for this very corpus.")
	if ours.total < 60 {
		t.Errorf("the NAB score is %.1f, below the goal of 60", ours.total)
	}
}

// judge takes a series in one pass and says how odd each point is.
type judge func(at time.Time, value float64) float64

// surprises is the detector without its alarm, so that one pass serves every
// threshold.
func surprises(t *testing.T) judge {
	d, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	return func(at time.Time, value float64) float64 { return d.Observe(at, value).Surprise }
}

// staticThreshold is what most people begin with: the distance from the mean
// of the first rows, in their standard deviations.
func staticThreshold() judge {
	const first = 150
	var seen []float64
	var mean, spread float64
	return func(_ time.Time, value float64) float64 {
		if len(seen) < first {
			seen = append(seen, value)
			mean, spread = meanAndSpread(seen)
			return 0
		}
		return math.Abs(value-mean) / spread
	}
}

// windowedGaussian is the baseline of NAB: how improbable a value is under a
// normal distribution fitted to the last 6,400 rows, refitted every 10.
func windowedGaussian() judge {
	const size, step = 6400, 10
	var window, fresh []float64
	var mean, spread float64
	return func(_ time.Time, value float64) float64 {
		var score float64
		if len(window) > 0 {
			score = 1 - math.Erfc(math.Abs(value-mean)/spread/math.Sqrt2)/2
		}
		if len(window) < size {
			window = append(window, value)
			mean, spread = meanAndSpread(window)
			return score
		}
		if fresh = append(fresh, value); len(fresh) == step {
			window = append(window[step:], fresh...)
			fresh = fresh[:0]
			mean, spread = meanAndSpread(window)
		}
		return score
	}
}

func meanAndSpread(values []float64) (mean, spread float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		spread += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, max(math.Sqrt(spread), 1e-6)
}

// decide says which rows of a series are detections at a threshold.
type decide func(odd []float64, threshold float64) []bool

func atOnce(odd []float64, threshold float64) []bool {
	rows := make([]bool, len(odd))
	for i, o := range odd {
		rows[i] = o >= threshold
	}
	return rows
}

func withRest(odd []float64, threshold float64) []bool {
	a := alarm{level: threshold}
	rows := make([]bool, len(odd))
	for i, o := range odd {
		rows[i] = a.score(o) >= 0.5
	}
	return rows
}

// outcome is how a contestant did, by category.
type outcome struct {
	corpus       []labelled
	odd          [][]float64
	decide       decide
	threshold    float64
	total, cross float64
	raw          map[string]float64
	windows      map[string]int
	found, wrong int
}

// contest runs a contestant over the corpus. Threshold 0 stands for the best.
func contest(corpus []labelled, newJudge func() judge, decide decide, threshold float64) *outcome {
	o := &outcome{corpus: corpus, decide: decide, threshold: threshold}
	for i := range corpus {
		judge := newJudge()
		odd := make([]float64, len(corpus[i].values))
		for row, value := range corpus[i].values {
			odd[row] = judge(corpus[i].times[row], value)
		}
		o.odd = append(o.odd, odd)
	}
	candidates := o.candidates()
	raws := make([]map[string]float64, len(candidates))
	for i, c := range candidates {
		raws[i], _, _ = o.score(c)
	}
	if threshold == 0 {
		o.threshold = candidates[best(raws, "")]
	}
	o.windows = windowsByCategory(corpus)
	o.raw, o.found, o.wrong = o.score(o.threshold)
	o.total = nabScore(sum(o.raw, ""), count(o.windows))
	var cross float64
	for category := range o.windows {
		cross += raws[best(raws, category)][category]
	}
	o.cross = nabScore(cross, count(o.windows))
	return o
}

// score is the raw score of each category at a threshold.
func (o *outcome) score(threshold float64) (raw map[string]float64, found, wrong int) {
	raw = map[string]float64{}
	for i := range o.corpus {
		rows := o.decide(o.odd[i], threshold)
		r, f, w := nabRaw(&o.corpus[i], func(row int) bool { return rows[row] })
		raw[o.corpus[i].category] += r
		found, wrong = found+f, wrong+w
	}
	return raw, found, wrong
}

// candidates are thresholds that the larger half of all points exceeds, ever
// wider apart.
func (o *outcome) candidates() []float64 {
	sorted := slices.Concat(o.odd...)
	slices.Sort(sorted)
	var thresholds []float64
	for share := 1.0; int(share) < len(sorted)/2; share = max(share+1, share*1.1) {
		thresholds = append(thresholds, sorted[len(sorted)-int(share)])
	}
	return slices.Compact(thresholds)
}

// best is the candidate with the highest score over all categories but one.
func best(raws []map[string]float64, but string) int {
	at, most := 0, math.Inf(-1)
	for i, raw := range raws {
		if s := sum(raw, but); s > most {
			at, most = i, s
		}
	}
	return at
}

func sum(raw map[string]float64, but string) float64 {
	var total float64
	for category, r := range raw {
		if category != but {
			total += r
		}
	}
	return total
}

func count(windows map[string]int) int {
	n := 0
	for _, w := range windows {
		n += w
	}
	return n
}

func windowsByCategory(corpus []labelled) map[string]int {
	windows := map[string]int{}
	for i := range corpus {
		windows[corpus[i].category] += len(corpus[i].windows)
	}
	return windows
}

func categories(corpus []labelled) []string {
	var names []string
	for i := range corpus {
		names = append(names, corpus[i].category)
	}
	return slices.Compact(names)
}

func (o *outcome) print(table *tabwriter.Writer, name string) {
	fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%d\t%d\t", name, o.total, o.cross, o.found, o.wrong)
	for _, category := range categories(o.corpus) {
		if windows := o.windows[category]; windows > 0 {
			fmt.Fprintf(table, "%.1f\t", nabScore(o.raw[category], windows))
		} else {
			fmt.Fprintf(table, "%.0f\t", -o.raw[category]/nabFalse)
		}
	}
	fmt.Fprintln(table)
}

package anomaly

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// scores runs a fresh detector over a series.
func scores(t testing.TB, values []float64, interval time.Duration) []Point {
	t.Helper()
	return scoresAt(t, DefaultConfig().Sensitivity, values, interval)
}

func scoresAt(t testing.TB, sensitivity float64, values []float64, interval time.Duration) []Point {
	t.Helper()
	d, err := New(Config{Sensitivity: sensitivity})
	if err != nil {
		t.Fatal(err)
	}
	points := make([]Point, len(values))
	for i, v := range values {
		points[i] = d.Observe(start.Add(time.Duration(i)*interval), v)
	}
	return points
}

// shop is an hourly series as shops have them: a day, a quieter weekend, a
// slow rise, noise that grows with the level, now and then an outlier.
func shop(r *rand.Rand, hours int) []float64 {
	values := make([]float64, hours)
	for h := range values {
		level := 100 + 0.02*float64(h)
		level *= 1 + 0.6*math.Sin(2*math.Pi*(float64(h%24)-8)/24)
		if h/24%7 >= 5 {
			level *= 0.7
		}
		values[h] = level * (1 + 0.05*r.NormFloat64())
	}
	return values
}

func seeded(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func detections(points []Point, from int) []int {
	var rows []int
	for i := from; i < len(points); i++ {
		if points[i].Score >= 0.5 {
			rows = append(rows, i)
		}
	}
	return rows
}

// TestNoLookAhead: the scores of a prefix are the prefix of the scores, and
// the future may hold whatever it likes.
func TestNoLookAhead(t *testing.T) {
	r := seeded(t)
	whole := shop(r, 5000)
	want := scores(t, whole, time.Hour)
	for range 4 {
		cut := 1 + r.IntN(len(whole)-1)
		other := append(append([]float64{}, whole[:cut]...), 1e9, -1e9, math.NaN(), 0)
		got := scores(t, other, time.Hour)
		for i := range cut {
			if got[i] != want[i] {
				t.Fatalf("row %d of the first %d scores %v, and %v when other rows follow", i, cut, got[i], want[i])
			}
		}
	}
}

func TestScoresAreBounded(t *testing.T) {
	r := seeded(t)
	values := shop(r, 3000)
	for i, odd := range []float64{1e300, -1e300, 0, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.NaN()} {
		values[500+300*i] = odd
	}
	for i, p := range scores(t, values, time.Hour) {
		if !(p.Score >= 0 && p.Score <= 1) || math.IsNaN(p.Surprise) {
			t.Fatalf("row %d, value %v, scores %+v", i, values[i], p)
		}
	}
}

// TestFindsWhatHappened plants one event of each kind into a quiet series.
func TestFindsWhatHappened(t *testing.T) {
	const at, hours = 1500, 1700
	for name, plant := range map[string]func(values []float64){
		"spike":      func(v []float64) { v[at] *= 3 },
		"dip":        func(v []float64) { v[at] = 0 },
		"level up":   func(v []float64) { scale(v[at:], 2) },
		"level down": func(v []float64) { scale(v[at:], 0.4) },
		"flat line":  func(v []float64) { copy(v[at:], constant(len(v)-at, v[at-1])) },
		"no night":   func(v []float64) { copy(v[at:at+24], constant(24, v[at-12])) },
	} {
		t.Run(name, func(t *testing.T) {
			values := shop(rand.New(rand.NewPCG(1, 2)), hours)
			plant(values)
			found := detections(scores(t, values, time.Hour), at)
			if len(found) == 0 || found[0] > at+24 {
				t.Errorf("what began at row %d was detected at %v", at, found)
			}
		})
	}
}

func scale(values []float64, by float64) {
	for i := range values {
		values[i] *= by
	}
}

func constant(n int, v float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = v
	}
	return values
}

// TestLeavesTheOrdinaryAlone: season, weekend, trend and noise are no events.
// The default knows a false detection now and then as the price of finding
// slight events; the lower end of the knob hardly any.
func TestLeavesTheOrdinaryAlone(t *testing.T) {
	values := shop(seeded(t), 4000)
	for sensitivity, most := range map[float64]int{0.5: 40, 0.2: 4} {
		found := 0
		for _, p := range scoresAt(t, sensitivity, values, time.Hour) {
			if p.Score >= 0.5 {
				found++
			}
		}
		if found > most {
			t.Errorf("%d detections in 166 ordinary days at sensitivity %v, want at most %d", found, sensitivity, most)
		}
	}
	if found := detections(scores(t, constant(3000, 7), time.Minute), 0); len(found) > 0 {
		t.Errorf("detections in a constant: %v", found)
	}
}

// TestSeasonAtAnyInterval: the same day is learned whether it is sampled each
// minute or each hour.
func TestSeasonAtAnyInterval(t *testing.T) {
	for _, interval := range []time.Duration{5 * time.Minute, 30 * time.Minute, time.Hour} {
		t.Run(interval.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			perDay := int(24 * time.Hour / interval)
			values := make([]float64, 28*perDay)
			for i := range values {
				values[i] = 50 + 40*math.Sin(2*math.Pi*float64(i)/float64(perDay)) + r.NormFloat64()
			}
			points := scores(t, values, interval)
			var off, outside float64
			last := values[21*perDay:]
			for i, v := range last {
				p := points[21*perDay+i]
				off += math.Abs(p.Expected-v) / float64(len(last))
				if v < p.Low || v > p.High {
					outside++
				}
			}
			// Within the hour the curve moves by up to 10.
			if share := outside / float64(len(last)); off > 4 || share > 0.06 {
				t.Errorf("the forecast is off by %.2f on average, %.1f %% lie outside of the band", off, 100*share)
			}
		})
	}
}

// TestMissingValues: gaps teach nothing and score nothing.
func TestMissingValues(t *testing.T) {
	values := shop(rand.New(rand.NewPCG(5, 6)), 2000)
	for i := 700; i < 1000; i++ {
		values[i] = math.NaN()
	}
	points := scores(t, values, time.Hour)
	for i := 700; i < 1000; i++ {
		if points[i].Score != 0 || !math.IsNaN(points[i].Expected) {
			t.Fatalf("missing row %d: %+v", i, points[i])
		}
	}
	if found := detections(points[:1100], 1000); len(found) > 1 {
		t.Errorf("after the gap: detections at %v", found)
	}
}

// TestOutliersDoNotBlind: many gross outliers before must not hide a clear
// event after.
func TestOutliersDoNotBlind(t *testing.T) {
	values := shop(rand.New(rand.NewPCG(7, 8)), 1600)
	for i := 150; i < 1400; i += 83 {
		values[i] *= 5
	}
	scale(values[1500:], 3)
	if found := detections(scores(t, values, time.Hour), 1500); len(found) == 0 || found[0] > 1524 {
		t.Errorf("the level tripled at row 1500, detections are %v", found)
	}
}

// TestOneEventIsOneDetection: while an event lasts, it is not reported again
// and again.
func TestOneEventIsOneDetection(t *testing.T) {
	values := shop(rand.New(rand.NewPCG(9, 10)), 1700)
	scale(values[1500:], 3)
	found := detections(scores(t, values, time.Hour), 1500)
	if len(found) == 0 || len(found) > 4 {
		t.Errorf("%d detections of one shift: %v", len(found), found)
	}
}

func TestSensitivity(t *testing.T) {
	values := shop(rand.New(rand.NewPCG(11, 12)), 1500)
	last := -1
	for _, s := range []float64{0, 0.25, 0.5, 0.75, 1} {
		n := 0
		for _, p := range scoresAt(t, s, values, time.Hour) {
			if p.Score >= 0.5 {
				n++
			}
		}
		if n < last {
			t.Errorf("%d detections at sensitivity %v, and %d at the one below", n, s, last)
		}
		last = n
	}
	for _, s := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := New(Config{Sensitivity: s}); err == nil {
			t.Errorf("sensitivity %v is taken", s)
		}
	}
}

// BenchmarkObserve is the price of a point once memory is full.
func BenchmarkObserve(b *testing.B) {
	values := shop(rand.New(rand.NewPCG(13, 14)), 10_000)
	d, err := New(DefaultConfig())
	if err != nil {
		b.Fatal(err)
	}
	for i, v := range values {
		d.Observe(start.Add(time.Duration(i)*time.Hour), v)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Observe(start.Add(time.Duration(10_000+i)*time.Hour), values[i%len(values)])
	}
}

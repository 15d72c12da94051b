package anomaly

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// chances makes buckets of so many chances at a rate, and at another from one
// bucket to before another.
func chances(r *rand.Rand, buckets, exposed int, rate, during float64, from, to int) []Bucket {
	all := make([]Bucket, buckets)
	for i := range all {
		p := rate
		if i >= from && i < to {
			p = during
		}
		all[i].Exposed = float64(exposed)
		for range exposed {
			if r.Float64() < p {
				all[i].Seen++
			}
		}
	}
	return all
}

func TestShiftsHaveTheirDates(t *testing.T) {
	for _, test := range []struct {
		name         string
		exposed      int
		rate, during float64
		from, to     int
		slack        int
	}{
		{"an error that was never there", 30, 0, 0.2, 100, 125, 1},
		{"a conversion that falls", 200, 0.5, 0.1, 100, 130, 0},
		{"a share that rises", 500, 0.02, 0.1, 80, 85, 0},
		{"one single day", 1000, 0.05, 0.3, 90, 91, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := Shifts(chances(rand.New(rand.NewPCG(1, 2)), 180, test.exposed, test.rate, test.during, test.from, test.to), false, incidentEvidence)
			if len(found) != 1 {
				t.Fatalf("%d shifts, want 1: %+v", len(found), found)
			}
			s := found[0]
			if abs(s.First-test.from) > test.slack || abs(s.End-test.to) > test.slack || s.Open || s.Earliest > s.First || s.Detected < s.First {
				t.Errorf("got %+v, want %d to %d", s, test.from, test.to)
			}
		})
	}
}

func abs(n int) int { return max(n, -n) }

// TestOpenShift: what lasts stays an incident and does not become usual.
func TestOpenShift(t *testing.T) {
	found := Shifts(chances(rand.New(rand.NewPCG(3, 4)), 200, 300, 0.05, 0.2, 60, 200), false, incidentEvidence)
	if len(found) != 1 || !found[0].Open || found[0].End != 200 || found[0].First != 60 {
		t.Errorf("got %+v, want one from 60 that lasts", found)
	}
}

// TestNoShiftInNoise: also where days differ more than chance allows.
func TestNoShiftInNoise(t *testing.T) {
	r := seeded(t)
	wrong := 0
	for range 50 {
		buckets := chances(r, 180, 100, 0.1, 0.1, 0, 0)
		for i := range buckets {
			buckets[i].Seen = min(100, buckets[i].Seen*(0.5+r.Float64()))
		}
		wrong += len(Shifts(buckets, false, DefaultConfig().evidence(50)))
	}
	if wrong > 1 {
		t.Errorf("%d shifts in 50 half years of noise", wrong)
	}
}

// TestShiftsDoNotLookAhead: what was found by a day does not depend on later
// days, but for its end.
func TestShiftsDoNotLookAhead(t *testing.T) {
	all := chances(seeded(t), 180, 100, 0.05, 0.2, 70, 100)
	for cut := 75; cut < 180; cut += 7 {
		whole, prefix := Shifts(all, false, incidentEvidence), Shifts(all[:cut], false, incidentEvidence)
		for i := range prefix {
			if prefix[i].Detected != whole[i].Detected || prefix[i].First != whole[i].First {
				t.Fatalf("by day %d: %+v, in the end %+v", cut, prefix[i], whole[i])
			}
		}
	}
}

// TestFiguresFollowGrowth: a shop that grows by a tenth each week has no
// incident, and one whose events stop coming has.
func TestFiguresFollowGrowth(t *testing.T) {
	const days = 150
	rows := func(outage int) (rows []Day) {
		r := rand.New(rand.NewPCG(5, 6))
		users := 100.0
		for d := range days {
			n := float64(int(users * (0.9 + 0.2*r.Float64())))
			if d%7 >= 5 {
				n = float64(int(0.7 * n))
			}
			if d == outage {
				n = 5
			}
			users *= 1.0137
			rows = append(rows, Day{Day: d, Users: n, Events: 10 * n}, Day{Day: d, Type: "view", Users: n, Events: 9 * n},
				Day{Day: d, Type: "purchase", Users: float64(int(n / 10)), Events: n})
		}
		return rows
	}
	if found := Incidents(Figures(rows(-1), days), DefaultConfig()); len(found) != 0 {
		t.Errorf("incidents of an ordinary shop: %+v", found)
	}
	found := Incidents(Figures(rows(100), days), DefaultConfig())
	if len(found) != 1 || found[0].First != 100 || found[0].End != 101 || !found[0].Counts || found[0].Seen >= found[0].Low {
		t.Errorf("a day with hardly any user: %+v", found)
	}
}

// TestIncidentIsExplained: an error that only phones meet, behind one step.
func TestIncidentIsExplained(t *testing.T) {
	const days, from, to = 120, 80, 100
	r := rand.New(rand.NewPCG(7, 8))
	var rows []Day
	errorsOf := map[string]int{}
	for d := range days {
		all := 0
		for _, device := range []string{"desktop", "phone"} {
			hit := 0
			if device == "phone" && d >= from && d < to {
				hit = 5 + r.IntN(5)
			}
			all += hit
			errorsOf[device] += hit
			rows = append(rows, Day{Day: d, Property: "device", Value: device, Users: 100, Events: 500},
				Day{Day: d, Property: "device", Value: device, Type: "error", Users: float64(hit), Events: float64(hit)})
		}
		rows = append(rows, Day{Day: d, Users: 200, Events: 1000}, Day{Day: d, Type: "error", Users: float64(all), Events: float64(all)})
	}
	found := Incidents(Figures(rows, days), DefaultConfig())
	if len(found) != 1 {
		t.Fatalf("%d incidents, want 1: %+v", len(found), found)
	}
	in := found[0]
	if in.First != from || in.End != to || in.Property != "device" || in.Value != "phone" || in.Part != 1 || ShareOf(in.Measure) != "error" {
		t.Errorf("got %+v, want device phone from %d to %d", in, from, to)
	}
	if in.Seen < in.High || in.Expected > in.High || in.Severity() != High {
		t.Errorf("seen %v, expected %v to %v, severity %s", in.Seen, in.Low, in.High, in.Severity())
	}
	// Nobody came to the step in the three days before, so the trouble may be
	// older; the page before it has users each day and tells nothing.
	page, checkout := make([]Bucket, days), make([]Bucket, days)
	for d := range days {
		page[d] = Bucket{Exposed: 100}
		if d < from-3 || d >= from {
			checkout[d] = Bucket{Exposed: 10}
		}
		if d >= from && d < to {
			page[d].Seen, checkout[d].Seen = 6, 6
		}
	}
	if step := in.Refine([]Step{{"page", page}, {"checkout", checkout}}); step != "checkout" || in.Earliest != from-3 {
		t.Errorf("behind step %q, from %d on; want checkout from %d on", step, in.Earliest, from-3)
	}
}

func TestRevenueKeepsCurrenciesApart(t *testing.T) {
	series := Revenue([]Amount{{Day: 0, Currency: "INR", Amount: 5}, {Day: 1, Currency: "INR", Amount: 7}, {Day: 1, Currency: "USD", Amount: 1}}, 2)
	got := fmt.Sprint(len(series), series[0].Measure, series[0].Buckets, series[1].Measure, series[1].Buckets)
	if want := "2revenue in INR[{0 5} {5 7}]revenue in USD[{0 0} {0 1}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

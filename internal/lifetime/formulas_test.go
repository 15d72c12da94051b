package lifetime

import (
	"math"
	"math/rand/v2"
	"testing"
)

// published are the parameters of table 1, rounded as they are printed.
func published() BGNBD { return BGNBD{R: 0.243, Alpha: 4.414, A: 0.793, B: 2.426} }

// TestPublishedForecast is the customer whom the authors' spreadsheet works
// through: two repeats, the last in week 30.43 of 38.86, expected to buy 1.226
// times in the next 39 weeks.
func TestPublishedForecast(t *testing.T) {
	h := History{Repeats: 2, Recency: 30.43, Age: 38.86}
	near(t, "purchases in 39 weeks", published().PurchasesOf(h, 39), 1.226, 0.0005)
}

// TestClosedFormIsTheIntegral compares two ways to the same number that share no
// step, from the smallest parameters to the largest.
func TestClosedFormIsTheIntegral(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	between := func(low, high float64) float64 { return low * math.Pow(high/low, rng.Float64()) }
	worst := 0.0
	for range 500 {
		x := math.Floor(between(1, 1000)) - 1
		e := expected{rate: between(0.02, 20) + x, scale: between(0.05, 500), leave: between(0.02, 50), stay: between(0.02, 50) + x}
		horizon := between(0.1, 520)
		got, want := e.within(horizon), e.integral(horizon)
		off := math.Abs(got-want) / want
		worst = max(worst, off)
		if !(off < 1e-6) {
			t.Errorf("%+v within %v weeks: closed form %v, integral %v", e, horizon, got, want)
		}
	}
	t.Logf("largest relative difference %.1g (seed 1, 2)", worst)
}

// TestExpectationNearThePoles: at a = 1, and at a+b = 1, the closed form is 0/0.
func TestExpectationNearThePoles(t *testing.T) {
	at := func(a, b float64) float64 { return BGNBD{R: 0.5, Alpha: 4, A: a, B: b}.Purchases(26) }
	for name, pole := range map[string][3]float64{
		"a = 1":     {at(1-1e-3, 2), at(1, 2), at(1+1e-3, 2)},
		"a + b = 1": {at(0.4, 0.6-1e-3), at(0.4, 0.6), at(0.4, 0.6+1e-3)},
	} {
		between := (pole[0] + pole[2]) / 2
		if math.Abs(pole[1]-between) > 1e-4*between {
			t.Errorf("%s: got %v, its neighbours' mean is %v", name, pole[1], between)
		}
	}
}

// TestForecastOfSimulatedCustomers lives the model's story and counts: nothing of
// the formulas is in it.
func TestForecastOfSimulatedCustomers(t *testing.T) {
	m := published()
	rng := rand.New(rand.NewPCG(3, 4))
	const customers, age, horizon = 60_000, 40.0, 26.0
	type tally struct{ customers, alive, within, bought, expectAlive, expectWithin, expectBought float64 }
	var by [3]tally // 0, 1, 2 and more repeats
	total := 0.0
	for range customers {
		days, diesAfter := live(rng, m, age+horizon)
		h := History{Age: age}
		later := 0.0
		for _, d := range days {
			if d <= age {
				h.Repeats, h.Recency = h.Repeats+1, d
			} else {
				later++
			}
		}
		total += float64(h.Repeats)
		row := &by[min(h.Repeats, 2)]
		row.customers++
		row.bought += later
		if diesAfter > h.Repeats {
			row.alive++
		}
		if later > 0 {
			row.within++
		}
		row.expectAlive += m.Alive(h)
		row.expectWithin += m.PurchaseWithin(h, horizon)
		row.expectBought += m.PurchasesOf(h, horizon)
	}
	near(t, "repeats until the age", m.Purchases(age), total/customers, 0.02)
	for i, row := range by {
		near(t, "alive", row.expectAlive/row.customers, row.alive/row.customers, 0.01)
		near(t, "buys again in time", row.expectWithin/row.customers, row.within/row.customers, 0.01)
		near(t, "purchases", row.expectBought/row.customers, row.bought/row.customers, 0.03*(1+float64(i)))
	}
}

// live is when a customer buys again until the end, and after how many repeats
// they would leave.
func live(rng *rand.Rand, m BGNBD, end float64) (times []float64, diesAfter int) {
	rate := gamma(rng, m.R) / m.Alpha
	up := gamma(rng, m.A)
	leave := up / (up + gamma(rng, m.B))
	diesAfter = 1
	for diesAfter < 10_000 && rng.Float64() >= leave {
		diesAfter++
	}
	for now := rng.ExpFloat64() / rate; now <= end && len(times) < diesAfter; now += rng.ExpFloat64() / rate {
		times = append(times, now)
	}
	return times, diesAfter
}

// gamma draws by Marsaglia and Tsang (2000).
func gamma(rng *rand.Rand, shape float64) float64 {
	if shape < 1 {
		return gamma(rng, shape+1) * math.Pow(rng.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := rng.NormFloat64()
		v := math.Pow(1+c*x, 3)
		if v > 0 && math.Log(rng.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// TestFitFindsWhatMadeTheData fits simulated customers.
func TestFitFindsWhatMadeTheData(t *testing.T) {
	want := BGNBD{R: 0.8, Alpha: 6, A: 1.2, B: 4}
	rng := rand.New(rand.NewPCG(5, 6))
	var customers Collector
	for range 40_000 {
		h := History{Age: math.Ceil(rng.Float64()*280) / 7}
		times, _ := live(rng, want, h.Age)
		if h.Repeats = len(times); h.Repeats > 0 {
			h.Recency = times[h.Repeats-1]
		}
		customers.Add(Customer{History: h})
	}
	fit, err := FitBGNBD(customers.Data(endOfCalibration(), 0).Groups)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "r", fit.Model.R, want.R, 0.06)
	near(t, "alpha", fit.Model.Alpha, want.Alpha, 0.5)
	near(t, "a/(a+b)", fit.Model.A/(fit.Model.A+fit.Model.B), want.A/(want.A+want.B), 0.02)
}

// TestGradients compares the exact gradients with differences of the likelihood.
func TestGradients(t *testing.T) {
	groups := []Group{{0, 0, 30, 3, 0}, {1, 2, 31, 2, 0}, {2, 30, 31, 1, 0}, {40, 20, 33, 1, 0}}
	terms, used := make([]repeatTerms, 41), make([]bool, 41)
	for _, g := range groups {
		used[g.Repeats] = true
	}
	spends := []Spend{{1, 3, 1}, {1, 30, 2}, {4, 12, 1}}
	for name, c := range map[string]struct {
		at    []float64
		value func(p, grad []float64) float64
	}{
		"BG/NBD": {[]float64{0.3, 5, 0.7, 2}, func(p, grad []float64) float64 {
			m := BGNBD{p[0], p[1], p[2], p[3]}
			m.termsUpTo(terms, used)
			return m.logLikelihood(groups, terms, grad)
		}},
		"Gamma-Gamma": {[]float64{6, 4, 15}, func(p, grad []float64) float64 {
			return GammaGamma{p[0], p[1], p[2]}.logLikelihood(spends, grad)
		}},
	} {
		grad := make([]float64, len(c.at))
		c.value(c.at, grad)
		for i := range c.at {
			const step = 1e-5
			up, down := append([]float64(nil), c.at...), append([]float64(nil), c.at...)
			up[i] += step
			down[i] -= step
			want := (c.value(up, nil) - c.value(down, nil)) / (2 * step)
			near(t, name, grad[i], want, 1e-5*(1+math.Abs(want)))
		}
	}
}

// TestLikelihoodOfExtremes stays a number where its parts leave the range of floats.
func TestLikelihoodOfExtremes(t *testing.T) {
	groups := []Group{{5000, 500, 520, 1, 0}, {1, 1.0 / 7, 1000, 1, 0}}
	used := make([]bool, 5001)
	used[1], used[5000] = true, true
	terms := make([]repeatTerms, 5001)
	for _, m := range []BGNBD{published(), {1e-4, 1e-4, 1e-4, 1e-4}, {1e4, 1e4, 1e4, 1e4}} {
		m.termsUpTo(terms, used)
		if l := m.logLikelihood(groups, terms, nil); math.IsNaN(l) || math.IsInf(l, 0) {
			t.Errorf("%+v: got a log-likelihood of %v", m, l)
		}
		for _, g := range groups {
			alive, later := m.Alive(g.history()), m.PurchasesOf(g.history(), 52)
			if !(alive >= 0 && alive <= 1) || !(later >= 0) || math.IsInf(later, 0) {
				t.Errorf("%+v of %+v: P(alive) %v, purchases %v", m, g, alive, later)
			}
		}
	}
}

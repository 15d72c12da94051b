package incident

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// shop makes windows of a business: an hour of the day, a quieter weekend,
// growth, days that differ, users by device and country.
type shop struct {
	r       *rand.Rand
	hourly  float64 // users in an average hour at first
	growth  float64 // per week
	days    float64 // standard deviation of the logarithm of a day's size
	today   float64
	planted func(n int, device, country string, c *chancesOf)
}

// What users are told apart by; the first of each are most of them.
var (
	shopDevices   = [3]string{"desktop", "phone", "tablet"}
	shopCountries = [3]string{"IN", "US", "DE"}
)

// chancesOf says how many users come, and what they do.
type chancesOf struct{ users, errors, purchases, order float64 }

const firstHour = 490_000 // 24 November 2025, a Monday, 16:00

func newShop(r *rand.Rand, hourly float64) *shop {
	return &shop{r: r, hourly: hourly, growth: 0.03, days: 0.08, today: 1}
}

func (s *shop) window(i int) Window {
	n := firstHour + i
	at := time.Unix(int64(n)*3600, 0).UTC()
	if at.Hour() == 0 {
		s.today = math.Exp(s.days * s.r.NormFloat64())
	}
	size := s.hourly * s.today * math.Pow(1+s.growth, float64(i)/168) * (1 + 0.8*math.Sin(2*math.Pi*float64(at.Hour()-9)/24))
	if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
		size *= 0.6
	}
	var win Window
	devices, countries := map[string]*figuresOf{}, map[string]*figuresOf{}
	whole := &figuresOf{}
	for i, device := range shopDevices {
		for j, country := range shopCountries {
			c := chancesOf{users: size * []float64{0.5, 0.4, 0.1}[i] * []float64{0.5, 0.3, 0.2}[j], errors: 0.01, purchases: 0.05, order: 400}
			if s.planted != nil {
				s.planted(n-firstHour, device, country, &c)
			}
			s.visit(c, whole, into(devices, device), into(countries, country))
		}
	}
	whole.report(&win, "", "")
	for _, v := range shopDevices {
		devices[v].report(&win, "device", v)
	}
	for _, v := range shopCountries {
		countries[v].report(&win, "country", v)
	}
	return win
}

// figuresOf is what the users of one part did.
type figuresOf struct{ users, events, errors, purchases, money float64 }

func into(parts map[string]*figuresOf, value string) *figuresOf {
	if parts[value] == nil {
		parts[value] = &figuresOf{}
	}
	return parts[value]
}

func (s *shop) visit(c chancesOf, parts ...*figuresOf) {
	for range s.poisson(c.users) {
		f := figuresOf{users: 1, events: float64(1 + s.poisson(4))}
		if s.r.Float64() < c.errors {
			f.errors = 1
		}
		if s.r.Float64() < c.purchases {
			f.purchases, f.money = 1, c.order*math.Exp(s.r.NormFloat64())
		}
		for _, p := range parts {
			p.users, p.events, p.errors, p.purchases, p.money = p.users+f.users, p.events+f.events, p.errors+f.errors, p.purchases+f.purchases, p.money+f.money
		}
	}
}

func (s *shop) poisson(mean float64) int {
	if mean > 50 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*s.r.NormFloat64())))
	}
	n, product, limit := 0, s.r.Float64(), math.Exp(-mean)
	for product > limit {
		n, product = n+1, product*s.r.Float64()
	}
	return n
}

func (f *figuresOf) report(win *Window, property, value string) {
	if f.users == 0 {
		return
	}
	win.Activity = append(win.Activity, Activity{property, value, "", f.users, f.events}, Activity{property, value, "error", f.errors, f.errors},
		Activity{property, value, "purchase", f.purchases, f.purchases})
	win.Amounts = append(win.Amounts, Amount{property, value, "INR", f.money})
	win.Chances = append(win.Chances, Chances{ConversionFigure("view", "purchase"), property, value, f.users, f.purchases})
}

// byDay adds hours up. Users of a day are not the sum of those of its hours,
// but grow with it.
func byDay(hours []Window) []Window {
	days := make([]Window, 0, len(hours)/24)
	for i := 0; i+24 <= len(hours); i += 24 {
		var d Window
		for _, h := range hours[i : i+24] {
			d.Activity, d.Amounts, d.Chances = append(d.Activity, h.Activity...), append(d.Amounts, h.Amounts...), append(d.Chances, h.Chances...)
		}
		days = append(days, d)
	}
	return days
}

func seeded(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func watched(t testing.TB, g Grid, first int, windows []Window) *Watch {
	t.Helper()
	w, err := NewWatch(DefaultConfig(), g, first)
	if err != nil {
		t.Fatal(err)
	}
	for _, win := range windows {
		w.Feed(win)
	}
	return w
}

// incidentsOf a shop, by hours and by days.
func incidentsOf(t testing.TB, hours []Window) []Incident {
	t.Helper()
	grids := []Grid{Hours(time.UTC), Days(time.UTC)}
	h := watched(t, grids[0], firstHour, hours)
	skip := 24 - grids[0].Start(firstHour).Hour()
	d := watched(t, grids[1], grids[1].Number(grids[0].Start(firstHour+skip)), byDay(hours[skip:]))
	return Incidents(append(h.Shifts(), d.Shifts()...), grids...)
}

package incident

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

const weeks = 168 // hours

// TestIncidentsOfAShop plants one incident of each kind into four months of a
// shop, at hour 2000, and wants it alone: when, how soon, where.
func TestIncidentsOfAShop(t *testing.T) {
	const at = 2000
	const slack = 6 * time.Hour // the night has few users
	within := func(n, hours int) bool { return n >= at && n < at+hours }
	tests := map[string]struct {
		plant    func(n int, device, country string, c *chancesOf)
		hours    int // it lasts
		known    int // hours after its begin by which it has to be known
		measure  string
		property string
		value    string
	}{
		"outage": {func(n int, _, _ string, c *chancesOf) {
			if within(n, 3) {
				c.users *= 0.02
			}
		}, 3, 2, UsersFigure, "", ""},
		"errors on phones": {func(n int, device, _ string, c *chancesOf) {
			if within(n, 20) && device == "phone" {
				c.errors = 0.1
			}
		}, 20, 10, ShareFigure("error"), "device", "phone"},
		"payment of one country": {func(n int, _, country string, c *chancesOf) {
			if within(n, 20) && country == "IN" {
				c.purchases = 0.005
			}
		}, 20, 14, ConversionFigure("view", "purchase"), "country", "IN"},
		"prices": {func(n int, _, _ string, c *chancesOf) {
			if within(n, 24) {
				c.order *= 0.1
			}
		}, 24, 20, RevenueFigure("INR"), "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := incidentsOf(t, planted(rand.New(rand.NewPCG(1, 7)), 16*weeks, 150, test.plant))
			if len(found) != 1 {
				t.Fatalf("%d incidents, want 1: %+v", len(found), found)
			}
			in, start := found[0], Hours(time.UTC).Start(firstHour+at)
			end := start.Add(time.Duration(test.hours) * time.Hour)
			if in.FirstSeen.Sub(start).Abs() > slack || in.End.Sub(end).Abs() > slack || in.Ongoing {
				t.Errorf("from %v to %v, want %v to %v", in.FirstSeen, in.End, start, end)
			}
			if in.DetectedAt.Sub(start) > time.Duration(test.known)*time.Hour {
				t.Errorf("known at %v, want within %d hours of %v", in.DetectedAt, test.known, start)
			}
			property, value := in.Lead.Property, in.Lead.Value
			if property == "" {
				property, value = in.Lead.Because.Property, in.Lead.Because.Value
			}
			if !slices.Contains(in.Measures, test.measure) || property != test.property || value != test.value {
				t.Errorf("%v of %s %q, want %s of %s %q", in.Measures, property, value, test.measure, test.property, test.value)
			}
			if f := in.Lead.Figures(); in.Lead.Kind != Money && f.Seen >= f.Low && f.Seen <= f.High {
				t.Errorf("%v was seen, within the band %v to %v", f.Seen, f.Low, f.High)
			}
		})
	}
}

func planted(r *rand.Rand, hours int, hourly float64, plant func(n int, device, country string, c *chancesOf)) []Window {
	s := newShop(r, hourly)
	s.planted = plant
	windows := make([]Window, hours)
	for i := range windows {
		windows[i] = s.window(i)
	}
	return windows
}

// TestNoIncidentInAnOrdinaryShop: season, growth, days that differ and payments
// that differ much are no incidents, in a large shop and in a small one.
func TestNoIncidentInAnOrdinaryShop(t *testing.T) {
	r := seeded(t)
	wrong := 0
	for _, hourly := range []float64{1, 20, 150} {
		found := incidentsOf(t, planted(r, 16*weeks, hourly, nil))
		wrong += len(found)
		for _, in := range found {
			t.Logf("%v users an hour: %v to %v, %s of %s %q, evidence %.1f", hourly, in.FirstSeen, in.End, in.Lead.Measure, in.Lead.Property, in.Lead.Value, in.Lead.Evidence)
		}
	}
	if wrong > 3 {
		t.Errorf("%d incidents in a year of three ordinary shops, want at most 3", wrong)
	}
}

// TestNewLevelBecomesUsual: what has risen for good is one incident, which ends.
func TestNewLevelBecomesUsual(t *testing.T) {
	windows := planted(rand.New(rand.NewPCG(3, 7)), 16*weeks, 50, func(n int, _, _ string, c *chancesOf) {
		if n >= 1500 {
			c.users *= 2.5
		}
	})
	w := watched(t, Hours(time.UTC), firstHour, windows)
	found := Incidents(w.Shifts(), Hours(time.UTC))
	if len(found) != 1 || found[0].Ongoing || !found[0].Lead.Stays || !slices.Contains(found[0].Measures, UsersFigure) {
		t.Fatalf("got %+v, want one that has become usual", found)
	}
	if in := found[0]; in.End.Sub(in.FirstSeen) != 14*24*time.Hour {
		t.Errorf("from %v to %v, want two weeks", in.FirstSeen, in.End)
	}
}

// TestEndOfALevelIsNoIncident: when what has become usual goes away again, the
// old level is known still.
func TestEndOfALevelIsNoIncident(t *testing.T) {
	windows := planted(rand.New(rand.NewPCG(4, 7)), 16*weeks, 50, func(n int, _, _ string, c *chancesOf) {
		if n >= 1000 && n < 1600 {
			c.errors = 0.1
		}
	})
	found := Incidents(watched(t, Hours(time.UTC), firstHour, windows).Shifts(), Hours(time.UTC))
	if len(found) != 1 || !found[0].Lead.Stays {
		t.Errorf("got %+v, want only the begin", found)
	}
}

// TestSavedWatchGoesOn: wherever a watch is saved and loaded, it finds the same
// and ends in the same state, byte for byte. Nor does it look ahead: what it has
// found by a window is what a watch that ends there finds.
func TestSavedWatchGoesOn(t *testing.T) {
	r := seeded(t)
	windows := planted(r, 8*weeks, 20, func(n int, device, _ string, c *chancesOf) {
		if n >= 900 && n < 930 || n >= 1300 {
			c.errors = 0.2
		}
		if n >= 1000 && n < 1004 {
			c.users = 0
		}
	})
	grid := Hours(time.UTC)
	whole := watched(t, grid, firstHour, windows)
	want := saved(t, whole)
	if len(whole.Shifts()) < 3 {
		t.Fatalf("%d shifts, want at least 3", len(whole.Shifts()))
	}
	part := watched(t, grid, firstHour, nil)
	for i, win := range windows {
		if r.IntN(100) == 0 {
			loaded, err := LoadWatch(DefaultConfig(), grid, saved(t, part))
			if err != nil {
				t.Fatal(err)
			}
			part = loaded
		}
		if part.Next() != firstHour+i {
			t.Fatalf("next is window %d, want %d", part.Next(), firstHour+i)
		}
		part.Feed(win)
	}
	if !reflect.DeepEqual(part.Shifts(), whole.Shifts()) || !bytes.Equal(saved(t, part), want) {
		t.Errorf("saved now and then: %+v, in one go: %+v", part.Shifts(), whole.Shifts())
	}
}

func saved(t testing.TB, w *Watch) []byte {
	t.Helper()
	state, err := w.Save()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// TestDamagedStateIsRefused: half of a state is none.
func TestDamagedStateIsRefused(t *testing.T) {
	grid := Days(time.UTC)
	state := saved(t, watched(t, grid, 1, make([]Window, 3)))
	if _, err := LoadWatch(DefaultConfig(), grid, state[:len(state)/2]); err == nil {
		t.Error("half of a state was loaded")
	}
}

// TestTrace draws a band around what was usual, also while an incident lasts.
func TestTrace(t *testing.T) {
	windows := planted(rand.New(rand.NewPCG(5, 7)), 8*weeks, 100, func(n int, _, _ string, c *chancesOf) {
		if n >= 1200 {
			c.users *= 0.2
		}
	})
	points := Figure{Measure: UsersFigure}.Trace(DefaultConfig(), Hours(time.UTC), firstHour, windows)
	if len(points) != len(windows) {
		t.Fatalf("%d points of %d windows", len(points), len(windows))
	}
	outside := 0
	for i, p := range points[600:] {
		usual := p.Seen >= p.Low && p.Seen <= p.High
		if i < 600 && !usual {
			outside++
		}
		if i > 700 && p.Expected < 2*p.Seen && p.Expected > 20 {
			t.Errorf("window %d: %+v, want that the level before is expected", p.Window, p)
		}
	}
	if outside > 60 {
		t.Errorf("%d of 600 usual windows lie outside of their band", outside)
	}
}

// TestGrids numbers windows over a change of the clock.
func TestGrids(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	for _, g := range []Grid{Hours(berlin), Days(berlin), Days(time.UTC)} {
		at := time.Date(2025, 10, 24, 22, 0, 0, 0, time.UTC)
		for n := g.Number(at); n < g.Number(at)+100; n++ {
			start, end := g.Start(n), g.Start(n+1)
			if g.Number(start) != n || g.Number(end.Add(-time.Nanosecond)) != n || g.Number(end) != n+1 {
				t.Fatalf("%s %d: %v to %v have numbers %d and %d", g.Name, n, start, end, g.Number(start), g.Number(end))
			}
		}
	}
}

// BenchmarkFeed is the price of one series and window.
func BenchmarkFeed(b *testing.B) {
	windows := planted(rand.New(rand.NewPCG(6, 7)), 8*weeks, 100, nil)
	w := watched(b, Hours(time.UTC), firstHour, windows)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.Feed(windows[i%len(windows)])
	}
	b.ReportMetric(float64(w.Series()), "series")
	b.ReportMetric(float64(b.N*w.Series())/b.Elapsed().Seconds(), "series/s")
}

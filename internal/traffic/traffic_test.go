package traffic

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/internal/event"
)

// start is a Monday.
func start() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) }

// sample is what a run of the generator handed out.
type sample struct {
	events []event.Event
	labels []Label
	handed []time.Time
}

// run hands out n events, rate per second of event time.
func run(t testing.TB, cfg Config, n int) sample {
	t.Helper()
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var s sample
	pace := Pace{Start: start(), Rate: cfg.Rate}
	for i := range n {
		at := pace.At(int64(i))
		ev, label := g.Next(at)
		kept := *ev
		kept.Properties = slices.Clone(ev.Properties)
		s.events = append(s.events, kept)
		s.labels = append(s.labels, label)
		s.handed = append(s.handed, at)
	}
	return s
}

// counts is the number of first hand-outs of each type.
func (s sample) counts() map[string]int {
	counts := map[string]int{}
	for i, ev := range s.events {
		if !s.labels[i].Duplicate {
			counts[ev.Type]++
		}
	}
	return counts
}

func TestSharesAreAsDocumented(t *testing.T) {
	for _, c := range []struct {
		name  string
		users int
		rate  float64
		n     int
	}{
		{"busy shop", 20_000, 200, 200_000},
		{"a week of a small shop", 1000, 0.05, 30_000},
		{"one event every ten minutes", 100, 1.0 / 600, 20_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Users, cfg.Rate = c.users, c.rate
			s := run(t, cfg, c.n)
			counts := s.counts()
			t.Logf("%v", counts)
			all := float64(c.n)
			for _, p := range []struct {
				name      string
				got       float64
				low, high float64
			}{
				{"view", float64(counts["view"]) / all, 0.14, 0.30},
				{"add_to_cart", float64(counts["add_to_cart"]) / all, 0.02, 0.07},
				{"purchase", float64(counts["purchase"]) / all, 0.006, 0.03},
				{"carts per view", float64(counts["add_to_cart"]) / float64(counts["view"]), 0.12, 0.32},
				{"purchases per cart", float64(counts["purchase"]) / float64(counts["add_to_cart"]), 0.22, 0.55},
				{"refunds per purchase", float64(counts["refund"]) / float64(counts["purchase"]), 0.01, 0.08},
				{"completed videos", float64(counts["video_complete"]) / float64(counts["video_play"]), 0.15, 0.50},
				{"late", s.share(func(l Label) bool { return l.Late }), 0.004, 0.02},
				{"disordered", s.share(func(l Label) bool { return l.Disordered }), 0.007, 0.013},
				{"duplicates", s.share(func(l Label) bool { return l.Duplicate }), 0.003, 0.007},
				{"fraud per purchase", s.share(func(l Label) bool { return l.Fraud != "" }) * all / float64(counts["purchase"]), 0, 0.08},
			} {
				if p.got < p.low || p.got > p.high {
					t.Errorf("%s: got %.4f, want %.3f to %.3f", p.name, p.got, p.low, p.high)
				}
			}
		})
	}
}

// share is the share of hand-outs whose label has the mark.
func (s sample) share(mark func(Label) bool) float64 {
	n := 0
	for _, l := range s.labels {
		if mark(l) {
			n++
		}
	}
	return float64(n) / float64(len(s.labels))
}

func TestEveryTypeOfTheContractOccurs(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users, cfg.Rate = 5000, 100
	counts := run(t, cfg, 100_000).counts()
	for _, kind := range strings.Fields("page_view view click add_to_cart remove_from_cart purchase refund signup login logout video_play video_progress video_complete search error") {
		if counts[kind] == 0 {
			t.Errorf("no event of type %s", kind)
		}
	}
	if len(counts) != 15 {
		t.Errorf("got %d types, want 15: %v", len(counts), counts)
	}
}

func TestSeedRepeats(t *testing.T) {
	cfg := DefaultConfig()
	first, second := run(t, cfg, 5000), run(t, cfg, 5000)
	for i := range first.events {
		if got, want := fmt.Sprint(second.events[i], second.labels[i]), fmt.Sprint(first.events[i], first.labels[i]); got != want {
			t.Fatalf("event %d differs with the same seed:\n%s\n%s", i, got, want)
		}
	}
	cfg.Seed = 2
	if other := run(t, cfg, 1); other.events[0].ID == first.events[0].ID {
		t.Error("another seed gave the same first event")
	}
}

func TestIDsAreUniqueAndDuplicatesAreExact(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users, cfg.Rate = 2000, 50
	s := run(t, cfg, 100_000)
	first := map[string]int{}
	for i, ev := range s.events {
		at, seen := first[ev.ID]
		if seen != s.labels[i].Duplicate {
			t.Fatalf("event %d: seen before %v, labelled duplicate %v", i, seen, s.labels[i].Duplicate)
		}
		if !seen {
			first[ev.ID] = i
			continue
		}
		if got, want := fmt.Sprint(ev), fmt.Sprint(s.events[at]); got != want {
			t.Fatalf("event %d is not an exact copy of %d:\n%s\n%s", i, at, got, want)
		}
	}
}

func TestTimesFollowTheHandOut(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users, cfg.Rate = 5000, 20
	s := run(t, cfg, 100_000)
	prompt, last := 0, time.Time{}
	for i, ev := range s.events {
		behind := s.handed[i].Sub(ev.Timestamp)
		if behind < 0 {
			t.Fatalf("event %d happens %v after its hand-out", i, -behind)
		}
		if s.labels[i].Late && behind < time.Minute || s.labels[i] == (Label{}) && behind >= time.Minute {
			t.Errorf("event %d is %v late, label %v", i, behind, s.labels[i].Late)
		}
		if behind > 13*time.Hour {
			t.Errorf("event %d is %v late", i, behind)
		}
		if s.labels[i] == (Label{}) {
			if ev.Timestamp.Before(last) {
				t.Fatalf("event %d is out of order without a label", i)
			}
			last = ev.Timestamp
		}
		if behind < 5*time.Second {
			prompt++
		}
	}
	if share := float64(prompt) / float64(len(s.events)); share < 0.9 {
		t.Errorf("%.3f of the events are handed out within 5 s, want 0.9", share)
	}
}

func TestLowRateKeepsSessionsWhole(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users, cfg.Rate, cfg.DisorderShare, cfg.DuplicateShare = 100, 1.0/600, 0, 0
	s := run(t, cfg, 5000)
	last := map[string]time.Time{}
	for i, ev := range s.events {
		if before, seen := last[ev.SessionID]; seen && ev.Timestamp.Sub(before) > 25*time.Minute {
			t.Errorf("event %d: the session pauses for %v", i, ev.Timestamp.Sub(before))
		}
		last[ev.SessionID] = ev.Timestamp
	}
}

func TestFewUsersSustainAnyRate(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users, cfg.Rate = 3, 1000
	s := run(t, cfg, 5000)
	users := map[string]bool{}
	for _, ev := range s.events {
		users[ev.UserID] = true
	}
	if len(users) > 3 || !users["user_0000"] {
		t.Errorf("got users %v", users)
	}
}

// The first seconds must look like the middle of a day, not like an opening.
func TestFiftyEventsAlreadyShop(t *testing.T) {
	views := 0
	for seed := range uint64(20) {
		cfg := DefaultConfig()
		cfg.Seed = seed
		views += run(t, cfg, 50).counts()["view"]
	}
	if views < 20*4 {
		t.Errorf("got %d views in 20 runs of 50 events, want at least 80", views)
	}
}

func TestFraudIsWhatItsLabelSays(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users, cfg.Rate, cfg.DisorderShare, cfg.DuplicateShare, cfg.FraudShare = 5000, 50, 0, 0, 0.005
	s := run(t, cfg, 200_000)
	homes := map[string]map[string]int{}
	bySession := map[string][]int{}
	for i, ev := range s.events {
		if homes[ev.UserID] == nil {
			homes[ev.UserID] = map[string]int{}
		}
		homes[ev.UserID][ev.Context.Country]++
		if s.labels[i].Fraud != "" {
			if ev.Type != "purchase" {
				t.Errorf("event %d is a %s with the label %s", i, ev.Type, s.labels[i].Fraud)
			}
			bySession[ev.SessionID] = append(bySession[ev.SessionID], i)
		}
	}
	kinds := map[Fraud]int{}
	for _, purchases := range bySession {
		kind := s.labels[purchases[0]].Fraud
		kinds[kind]++
		switch kind {
		case FraudVelocity:
			first, last := s.events[purchases[0]], s.events[purchases[len(purchases)-1]]
			if len(purchases) > 1 && last.Timestamp.Sub(first.Timestamp) > time.Second {
				t.Errorf("burst took %v", last.Timestamp.Sub(first.Timestamp))
			}
			if usd := dollars(t, first); usd < 2000 {
				t.Errorf("burst of %v dollars", usd)
			}
		case FraudCardTesting:
			if usd := dollars(t, s.events[purchases[0]]); usd > 3 {
				t.Errorf("card test of %v dollars", usd)
			}
		}
	}
	for _, kind := range []Fraud{FraudVelocity, FraudTakeover, FraudCardTesting} {
		if kinds[kind] < 5 {
			t.Errorf("only %d attacks of kind %s", kinds[kind], kind)
		}
	}
}

// dollars is the amount of a purchase in US dollars.
func dollars(t *testing.T, ev event.Event) float64 {
	t.Helper()
	var p struct{ Amount, Currency string }
	if err := json.Unmarshal(ev.Properties, &p); err != nil {
		t.Fatalf("%s: %v", ev.Properties, err)
	}
	amount, err := strconv.ParseFloat(p.Amount, 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range placeTable() {
		if place.currency == p.Currency {
			return amount / place.perUSD
		}
	}
	t.Fatalf("unknown currency %q", p.Currency)
	return 0
}

func TestRevenueHasALongTail(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users, cfg.Rate, cfg.FraudShare = 5000, 100, 0
	s := run(t, cfg, 200_000)
	var amounts []float64
	currencies := map[string]bool{}
	sum := 0.0
	for _, ev := range s.events {
		if ev.Type != "purchase" {
			continue
		}
		usd := dollars(t, ev)
		amounts = append(amounts, usd)
		sum += usd
		var p struct{ Currency string }
		if err := json.Unmarshal(ev.Properties, &p); err != nil {
			t.Fatal(err)
		}
		currencies[p.Currency] = true
	}
	slices.Sort(amounts)
	median, mean := amounts[len(amounts)/2], sum/float64(len(amounts))
	t.Logf("%d purchases, median %.2f, mean %.2f, largest %.2f dollars", len(amounts), median, mean, amounts[len(amounts)-1])
	if mean < 1.3*median || mean > 4*median || median < 10 || median > 150 {
		t.Errorf("median %.2f, mean %.2f", median, mean)
	}
	if len(currencies) < 10 {
		t.Errorf("got currencies %v", currencies)
	}
}

func TestNightsAreQuiet(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users, cfg.Rate, cfg.LateShare = 20_000, 1, 0
	s := run(t, cfg, 86400*2)
	zone, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	night, evening := 0, 0
	for _, ev := range s.events {
		if ev.Context.Country != "IN" {
			continue
		}
		switch hour := ev.Timestamp.In(zone).Hour(); {
		case hour >= 2 && hour < 5:
			night++
		case hour >= 19 && hour < 22:
			evening++
		}
	}
	if night*3 > evening {
		t.Errorf("%d events at night, %d in the evening", night, evening)
	}
}

func TestUsersDriftAwayAndArrive(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users, cfg.Rate = 1000, 0.05
	s := run(t, cfg, int(0.05*86400*60))
	end := s.handed[len(s.handed)-1]
	last := map[string]time.Time{}
	signups := map[string]int{}
	for _, ev := range s.events {
		last[ev.UserID] = ev.Timestamp
		if ev.Type == "signup" {
			signups[ev.UserID]++
		}
	}
	silent := 0
	for _, at := range last {
		if end.Sub(at) > 14*24*time.Hour {
			silent++
		}
	}
	t.Logf("%d of %d users silent for 14 days, %d signed up", silent, len(last), len(signups))
	if share := float64(silent) / float64(len(last)); share < 0.05 || share > 0.6 {
		t.Errorf("%.2f of the users have been silent for 14 days", share)
	}
	if len(signups) < 100 {
		t.Errorf("only %d users signed up", len(signups))
	}
}

func TestContextAgreesWithItself(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users, cfg.Rate = 5000, 100
	known := map[string]device{}
	for _, d := range deviceTable() {
		known[d.userAgent] = d
	}
	reserved := []netip.Prefix{
		netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"),
	}
	for _, ev := range run(t, cfg, 20_000).events {
		c := ev.Context
		d := known[c.UserAgent]
		if d.platform != c.Platform || d.device != c.Device || d.os != c.OS || d.browser != c.Browser || d.version != c.AppVersion {
			t.Fatalf("context does not agree with itself: %+v", c)
		}
		ip := netip.MustParseAddr(c.IP)
		if !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) }) {
			t.Fatalf("address %s is not reserved for documentation", ip)
		}
		if c.Locale[3:] != c.Country {
			t.Fatalf("locale %s in %s", c.Locale, c.Country)
		}
	}
}

func TestPropertiesAreObjects(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users, cfg.Rate = 5000, 100
	for _, ev := range run(t, cfg, 20_000).events {
		var p map[string]any
		if err := json.Unmarshal(ev.Properties, &p); err != nil {
			t.Fatalf("%s: %v in %s", ev.Type, err, ev.Properties)
		}
	}
}

func TestUserIDsGetWider(t *testing.T) {
	for users, want := range map[int]string{50: "user_0000", 10_000: "user_0000", 10_001: "user_00000", 1_000_000: "user_000000"} {
		cfg := DefaultConfig()
		cfg.Users = users
		g, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.people.users[0].id; got != want {
			t.Errorf("%d users: got %s, want %s", users, got, want)
		}
	}
}

func TestConfigFaultsAreAllReported(t *testing.T) {
	_, err := New(Config{Users: 0, Rate: -1, Products: 1, LateShare: math.NaN(), FraudShare: 2})
	if err == nil {
		t.Fatal("an empty configuration was accepted")
	}
	for _, want := range []string{"users: 0", "rate: -1", "catalogue: 1 products", "late share", "fraud share"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not mention %q: %v", want, err)
		}
	}
}

func TestPaceKeepsItsPrecision(t *testing.T) {
	p := Pace{Start: start(), Rate: 3}
	if got, want := p.At(3*86400*365), start().Add(365*24*time.Hour); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := p.At(1).Sub(p.At(0)).Round(time.Microsecond), 333333*time.Microsecond; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

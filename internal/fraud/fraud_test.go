package fraud

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func model(t testing.TB) *Model {
	t.Helper()
	m, err := DefaultModel()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// noon is when the tests' users are usually there.
func noon(day int) int64 {
	return time.Date(2026, 3, day, 12, 0, 0, 0, time.UTC).UnixMilli()
}

// regular is a user with two weeks of visits from India, on one phone, who buys
// for 1,000 rupees or so each day.
func regular(t testing.TB) (*Profile, *Population) {
	t.Helper()
	p, all := new(Profile), new(Population)
	rng := rand.New(rand.NewPCG(1, 1))
	for day := 1; day <= 14; day++ {
		e := buy(noon(day)+rng.Int64N(hour), 1000*math.Exp(0.3*rng.NormFloat64()))
		v, judged, changed := model(t).Take(&e, p, all)
		if !judged || !changed {
			t.Fatalf("day %d: judged %v, changed %v", day, judged, changed)
		}
		if v.Decision != Allow {
			t.Fatalf("day %d: %s %v", day, v.Decision, v.Reasons)
		}
	}
	return p, all
}

// buy is a purchase of the regular user.
func buy(at int64, rupees float64) Event {
	return Event{
		Kind: KindPurchase, ID: time.UnixMilli(at).String(), At: at, Amount: rupees, Currency: "INR",
		Country: "IN", Device: DeviceKey("android", "Pixel 9", "Android 15", ""),
	}
}

func judgeOf(t testing.TB, e Event, p *Profile, all *Population) Verdict {
	t.Helper()
	before := p.AppendBinary(nil)
	v := model(t).Judge(&e, p, all)
	if !bytes.Equal(before, p.AppendBinary(nil)) {
		t.Error("judging has changed the profile")
	}
	return v
}

func TestHalfAMillionWithinASecondIsBlocked(t *testing.T) {
	p, all := regular(t)
	first := buy(noon(15), 500_000)
	if v, _, _ := model(t).Take(&first, p, all); v.Decision == Allow {
		t.Errorf("the first: got %s with %v", v.Decision, v.Reasons)
	}
	v := judgeOf(t, buy(noon(15)+400, 500_000), p, all)
	if v.Decision != Block {
		t.Errorf("within a second of it: got %s, %.3f, %v", v.Decision, v.Score, v.Reasons)
	}
	var said []string
	for _, r := range v.Reasons {
		said = append(said, r.Detail)
	}
	if text := strings.Join(said, "\n"); !strings.Contains(text, "within one second of the last purchase") || !strings.Contains(text, "500000.00 INR is ") {
		t.Errorf("the reasons do not say so:\n%s", text)
	}
}

func TestEffectsAddUpToTheScore(t *testing.T) {
	p, all := regular(t)
	for _, e := range []Event{
		buy(noon(15), 900),
		buy(noon(15), 500_000),
		{Kind: KindPurchase, At: noon(15) + 3*hour, Amount: 200, Currency: "USD", Country: "NG", Device: 7},
	} {
		v := judgeOf(t, e, p, all)
		sum := v.Base
		for i, r := range v.Reasons {
			sum += r.Effect
			if r.Detail == "" || r.Effect <= 0 || i > 0 && r.Effect > v.Reasons[i-1].Effect {
				t.Errorf("reason %d: %+v", i, r)
			}
		}
		if got := logistic(sum); math.Abs(got-v.Score) > 1e-12 {
			t.Errorf("effects add up to %v, the score is %v", got, v.Score)
		}
	}
}

func TestTakeoverIsNotAllowed(t *testing.T) {
	p, all := regular(t)
	v := judgeOf(t, Event{Kind: KindPurchase, At: noon(15) + 14*hour, Amount: 90_000, Currency: "INR", Country: "NG", Device: 7}, p, all)
	if v.Decision == Allow {
		t.Errorf("got %s, %.3f, %v", v.Decision, v.Score, v.Reasons)
	}
}

func TestHonestChangesAreAllowed(t *testing.T) {
	p, all := regular(t)
	phone := buy(noon(15), 1100)
	phone.Device = DeviceKey("ios", "iPhone 16", "iOS 18", "")
	abroad := buy(noon(15)+20*hour, 1100)
	abroad.Country = "SG"
	for name, e := range map[string]Event{"a new phone": phone, "abroad, a day later": abroad, "four times the usual": buy(noon(15), 4000)} {
		if v := judgeOf(t, e, p, all); v.Decision != Allow {
			t.Errorf("%s: got %s, %.3f, %v", name, v.Decision, v.Score, v.Reasons)
		}
	}
}

func TestNewcomersAreJudgedByEverybody(t *testing.T) {
	_, all := regular(t)
	for range 100 {
		all.learn(math.Log(12))
	}
	if v := judgeOf(t, buy(noon(15), 1000), new(Profile), all); v.Decision != Allow {
		t.Errorf("a usual first purchase: got %s %v", v.Decision, v.Reasons)
	}
	usual := judgeOf(t, buy(noon(15), 1000), new(Profile), all).Score
	if huge := judgeOf(t, buy(noon(15), 5_000_000), new(Profile), all).Score; huge <= usual {
		t.Errorf("60,000 dollars from somebody new: score %.3f, a usual one %.3f", huge, usual)
	}
	if v := judgeOf(t, buy(noon(15), 1000), new(Profile), new(Population)); v.Decision != Allow {
		t.Errorf("the very first purchase of all: got %s %v", v.Decision, v.Reasons)
	}
}

func TestRepeatsChangeNothing(t *testing.T) {
	p, all := regular(t)
	e := buy(noon(15), 1000)
	model(t).Take(&e, p, all)
	before := p.AppendBinary(nil)
	if _, judged, changed := model(t).Take(&e, p, all); judged || changed || !bytes.Equal(before, p.AppendBinary(nil)) {
		t.Errorf("a repeat was judged (%v) or learnt (%v)", judged, changed)
	}
}

func TestTiesAndLateEvents(t *testing.T) {
	p, all := regular(t)
	first := buy(noon(15), 1000)
	model(t).Take(&first, p, all)
	tie := buy(noon(15), 1000)
	tie.ID = "another"
	if f := look(&tie, p, all); f[Haste] < 5 || f[AttemptsMinute] == 0 {
		t.Errorf("at the same instant: haste %v, attempts %v; the other one came first", f[Haste], f[AttemptsMinute])
	}
	// A late event of the day before must not see what came after it.
	late := buy(noon(14)+8*hour, 1000)
	if f := look(&late, p, all); f[AttemptsHour] != 0 || f[Haste] > 1 {
		t.Errorf("a late event saw the future: haste %v, attempts %v", f[Haste], f[AttemptsHour])
	}
}

func TestPresenceCountsByTheHour(t *testing.T) {
	p, all := new(Profile), new(Population)
	changes := 0
	for i := range 100 {
		e := Event{At: noon(1) + int64(i)*second, Country: "IN", Device: 5}
		if _, judged, changed := model(t).Take(&e, p, all); judged {
			t.Fatal("a view was judged")
		} else if changed {
			changes++
		}
	}
	if changes != 1 || p.presence != 1 || p.countries.find(countryKey("IN")).hours != 1 {
		t.Errorf("100 views in two minutes: %d changes, %d hours of presence, want 1 and 1", changes, p.presence)
	}
}

func TestBlockedPurchasesTeachNoHabit(t *testing.T) {
	p, all := regular(t)
	amounts, known := p.purchases, all.count
	e := Event{Kind: KindPurchase, ID: "x", At: noon(15), Amount: 5_000_000, Currency: "INR", Country: "NG", Device: 9}
	p.try(&Event{Kind: KindPurchase, At: noon(15) - 300}) // it comes within a second of another
	v, _, changed := model(t).Take(&e, p, all)
	if v.Decision != Block || !changed {
		t.Fatalf("got %s, changed %v, %v", v.Decision, changed, v.Reasons)
	}
	if p.purchases != amounts || all.count != known || p.countries.find(countryKey("NG")) != nil || p.devices.find(9) != nil {
		t.Error("the profile has learnt from a blocked purchase")
	}
	if !p.isRepeat(&e) {
		t.Error("the attempt is not remembered")
	}
}

// Profiles of random lives survive their binary form, and stay small.
func TestBinaryForms(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	p, all, largest := new(Profile), new(Population), 0
	for i := range 1000 {
		e := Event{
			Kind: Kind(rng.IntN(3)), ID: string(rune('a' + i)), At: noon(1) + rng.Int64N(90*day), Amount: rng.ExpFloat64() * 100,
			Currency: "EUR", Country: []string{"IN", "US", "DE", "", "FR", "GB", "NL", "ES"}[rng.IntN(8)], Device: rng.Uint32N(12),
		}
		model(t).Take(&e, p, all)
		form := p.AppendBinary(nil)
		largest = max(largest, len(form))
		var again Profile
		if err := again.UnmarshalBinary(form); err != nil || again != *p {
			t.Fatalf("seed %d, event %d: %v; the profile read back differs", seed, i, err)
		}
	}
	if largest > 1024 {
		t.Errorf("a profile has %d bytes", largest)
	}
	var again Population
	if err := again.UnmarshalBinary(all.AppendBinary(nil)); err != nil || again != *all {
		t.Errorf("seed %d: %v; the population read back differs", seed, err)
	}
	for n := range 50 {
		form := p.AppendBinary(nil)
		if n%2 == 0 {
			form = form[:rng.IntN(len(form))]
		} else {
			form = append(form, 0)
		}
		if err := new(Profile).UnmarshalBinary(form); err == nil {
			t.Errorf("seed %d: %d damaged bytes were read as a profile", seed, len(form))
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(new(Profile).AppendBinary(nil))
	f.Add(new(Population).AppendBinary(nil))
	f.Add(forestBinary[:2000])
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = new(Profile).UnmarshalBinary(b)
		_ = new(Population).UnmarshalBinary(b)
		forest := new(Forest)
		if forest.UnmarshalBinary(b) == nil {
			forest.Score(&Features{})
		}
	})
}

func TestForestFindsWhatStandsApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	cloud := make([]Features, 2000)
	for i := range cloud {
		for f := range cloud[i] {
			cloud[i][f] = rng.NormFloat64()
		}
	}
	forest, err := GrowForest(cloud, DefaultForestConfig())
	if err != nil {
		t.Fatal(err)
	}
	again, _ := GrowForest(cloud, DefaultForestConfig())
	if !bytes.Equal(forest.AppendBinary(nil), again.AppendBinary(nil)) {
		t.Error("the same seed grew another forest")
	}
	var read Forest
	if err := read.UnmarshalBinary(forest.AppendBinary(nil)); err != nil {
		t.Fatal(err)
	}
	center, far := Features{}, Features{}
	for f := range far {
		far[f] = 4
	}
	if c, f := read.Score(&center), read.Score(&far); c > 0.5 || f < 0.6 || c != forest.Score(&center) {
		t.Errorf("scores: center %.3f, far out %.3f", c, f)
	}
}

// The paper's constants: c(256) is about 10.24.
func TestAveragePath(t *testing.T) {
	for n, want := range map[int]float64{1: 0, 2: 1, 256: 10.2448} {
		if got := averagePath(n); math.Abs(got-want) > 1e-3 {
			t.Errorf("c(%d) = %v, want %v", n, got, want)
		}
	}
}

func TestParamsNameEveryFault(t *testing.T) {
	err := Params{}.Validate()
	for _, want := range []string{"far_above_usual", "forest", "thresholds"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	p, all := regular(b)
	m := model(b)
	e := buy(noon(20), 1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e.At += minute * 30
		e.ID = ""
		m.Take(&e, p, all)
	}
}

package fraudlab

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"time"

	"millrace/internal/event"
	"millrace/internal/traffic"
)

// Kind names what a purchase is a part of; empty for everyday traffic.
type Kind string

// The attacks.
const (
	Takeover      Kind = "takeover"
	CardTesting   Kind = "card_testing"
	AmountSpike   Kind = "amount_spike"
	Travel        Kind = "travel"
	NewDeviceHigh Kind = "new_device_high"
	Stealth       Kind = "stealth"
)

// Honest behaviour that looks like an attack.
const (
	BigSpender  Kind = "big_spender"
	Traveller   Kind = "traveller"
	NewPhone    Kind = "new_phone"
	GiftSpree   Kind = "gift_spree"
	CardTrouble Kind = "card_trouble"
	DoubleOrder Kind = "double_order"
	TwoNetworks Kind = "two_networks"
)

// Label is the truth about an event.
type Label struct {
	// Kind is what the event belongs to.
	Kind Kind
	// Fraud marks a purchase of an attack.
	Fraud bool
}

// Config says what traffic to make.
type Config struct {
	Seed  uint64
	Users int
	// Events is how many events of everyday traffic to make.
	Events int
	// Span is the event time that they cover.
	Span time.Duration
	// Attacks and Oddities are how many attacks, and how much honest behaviour that
	// looks like one, begin in 100,000 events of everyday traffic.
	Attacks, Oddities float64
}

// DefaultConfig is two months of a shop with 1,500 users, of whose purchases
// about one in fifty is fraud, in nearly three attacks a day: many more than an
// honest shop has, so that there is something to count.
func DefaultConfig(seed uint64) Config {
	return Config{Seed: seed, Users: 1500, Events: 1_000_000, Span: 60 * 24 * time.Hour, Attacks: 16, Oddities: 60}
}

// Traffic makes labelled events. It is used by one goroutine.
type Traffic struct {
	cfg     Config
	rng     *rand.Rand
	base    *traffic.Generator
	pace    traffic.Pace
	made    int
	users   map[string]*person
	order   []*person // in the order of their first event, so that a draw is repeatable
	planned []planned // by time
	number  int       // of events that are not of base

	ev event.Event
}

// person is what the generator has seen of a user.
type person struct {
	id       string
	last     event.Event
	currency string
	amounts  int
	usual    float64 // mean log amount in currency
	country  string  // of the latest travel
	from     int64   // and when it lasts, ms
	until    int64
	phone    *event.Context
	networks string // the other country of two
}

// planned is an event to come.
type planned struct {
	ev    event.Event
	label Label
}

// New prepares a generator.
func New(cfg Config) (*Traffic, error) {
	if cfg.Events < 1 || cfg.Span <= 0 {
		return nil, errors.New("labelled traffic: give at least one event and a positive span")
	}
	base := traffic.DefaultConfig()
	base.Seed, base.Users, base.FraudShare = cfg.Seed, cfg.Users, 0
	base.Rate = float64(cfg.Events) / cfg.Span.Seconds()
	generator, err := traffic.New(base)
	if err != nil {
		return nil, fmt.Errorf("labelled traffic: %w", err)
	}
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	return &Traffic{
		cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0x6672617564)), base: generator,
		pace: traffic.Pace{Start: start, Rate: base.Rate}, users: map[string]*person{},
	}, nil
}

// Next returns the next event, in the order in which a broker would get them, or
// false at the end. The event is valid until the next call.
func (t *Traffic) Next() (*event.Event, Label, bool) {
	if t.made == t.cfg.Events {
		return nil, Label{}, false
	}
	at := t.pace.At(int64(t.made))
	if len(t.planned) > 0 && !t.planned[0].ev.Timestamp.After(at) {
		p := t.planned[0]
		t.planned = t.planned[1:]
		t.ev = p.ev
		return &t.ev, p.label, true
	}
	t.made++
	ev, _ := t.base.Next(at)
	t.ev = *ev
	who := t.personOf(&t.ev)
	label := t.bend(who, &t.ev)
	t.see(who)
	if t.rng.Float64() < t.cfg.Attacks/1e5 {
		t.attack(who)
	}
	if t.rng.Float64() < t.cfg.Oddities/1e5 {
		t.oddity(who)
	}
	return &t.ev, label, true
}

// personOf knows the event's user.
func (t *Traffic) personOf(ev *event.Event) *person {
	who := t.users[ev.Key()]
	if who == nil {
		who = &person{id: ev.Key(), currency: "USD"}
		t.users[who.id] = who
		t.order = append(t.order, who)
	}
	return who
}

// anybody is a user drawn from those who have been there.
func (t *Traffic) anybody() *person { return t.order[t.rng.IntN(len(t.order))] }

// bend changes an everyday event of somebody who travels, has a new phone, or
// two networks.
func (t *Traffic) bend(who *person, ev *event.Event) Label {
	var label Label
	if who.phone != nil && ev.Context.Platform == who.last.Context.Platform {
		c := who.phone
		ev.Context.Platform, ev.Context.Device, ev.Context.OS, ev.Context.Browser = c.Platform, c.Device, c.OS, c.Browser
		label.Kind = NewPhone
	}
	if at := ev.Timestamp.UnixMilli(); who.from <= at && at < who.until {
		ev.Context.Country = who.country
		label.Kind = Traveller
	}
	if who.networks != "" && ev.Timestamp.UnixMilli()/3_600_000%2 == 0 {
		ev.Context.Country = who.networks
		label.Kind = TwoNetworks
	}
	return label
}

// amountOf finds amount and currency among the properties that the base traffic
// writes.
var amountOf = regexp.MustCompile(`"amount":"([0-9.]+)","currency":"([A-Z]+)"`)

// see remembers the event of the user.
func (t *Traffic) see(who *person) {
	who.last = t.ev
	who.last.Properties = nil
	if t.ev.Type != "purchase" {
		return
	}
	if found := amountOf.FindSubmatch(t.ev.Properties); found != nil {
		if amount, err := strconv.ParseFloat(string(found[1]), 64); err == nil && amount > 0 {
			who.currency = string(found[2])
			who.amounts++
			who.usual += (math.Log(amount) - who.usual) / float64(who.amounts)
		}
	}
}

// amount is so many times what the user usually pays, give or take sigma.
func (t *Traffic) amount(who *person, times, sigma float64) float64 {
	usual := 40.0
	if who.amounts > 0 {
		usual = math.Exp(who.usual)
	}
	return usual * times * math.Exp(sigma*t.rng.NormFloat64())
}

// plan puts an event of the user into the future.
func (t *Traffic) plan(who *person, at time.Time, kind, properties string, context event.Context, label Label) {
	t.number++
	p := planned{label: label, ev: event.Event{
		ID: fmt.Sprintf("lab-%d-%d", t.cfg.Seed, t.number), Type: kind, UserID: who.id, SessionID: "lab-" + who.id,
		Timestamp: at.Truncate(time.Millisecond), Properties: []byte(properties), Context: context,
	}}
	i, _ := slices.BinarySearchFunc(t.planned, at, func(p planned, at time.Time) int {
		if p.ev.Timestamp.After(at) {
			return 1
		}
		return -1 // of events at one instant, the one planned first comes first
	})
	t.planned = slices.Insert(t.planned, i, p)
}

// purchase plans one.
func (t *Traffic) purchase(who *person, at time.Time, amount float64, context event.Context, label Label) {
	properties := fmt.Sprintf(`{"amount":"%.2f","currency":"%s","order_id":"lab_%d"}`, max(amount, 0.01), who.currency, t.number)
	t.plan(who, at, "purchase", properties, context, label)
}

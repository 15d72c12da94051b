package fraudlab

import (
	"time"

	"millrace/internal/event"
)

// seconds is a random time around the median, between half and twice of it.
func (t *Traffic) seconds(median float64) time.Duration {
	return time.Duration(median * (0.5 + 1.5*t.rng.Float64()*t.rng.Float64() + 0.25) * float64(time.Second))
}

// elsewhere is a country that is not the given one.
func (t *Traffic) elsewhere(home string) string {
	countries := [...]string{"NG", "RU", "US", "BR", "ID", "GB", "DE", "VN", "PL", "IN", "MX", "UA"}
	for {
		if c := countries[t.rng.IntN(len(countries))]; c != home {
			return c
		}
	}
}

// otherDevice is the context with another device.
func (t *Traffic) otherDevice(c event.Context) event.Context {
	devices := [...]event.Context{
		{Platform: "web", Device: "Windows PC", OS: "Windows 10", Browser: "Opera"},
		{Platform: "web", Device: "Linux PC", OS: "Ubuntu", Browser: "Chrome"},
		{Platform: "android", Device: "Moto G84", OS: "Android 13"},
		{Platform: "ios", Device: "iPhone 16", OS: "iOS 18"},
		{Platform: "web", Device: "Mac", OS: "macOS 15", Browser: "Firefox"},
	}
	d := devices[t.rng.IntN(len(devices))]
	c.Platform, c.Device, c.OS, c.Browser, c.UserAgent, c.AppVersion = d.Platform, d.Device, d.OS, d.Browser, "", ""
	return c
}

// lookAround plans a login and some pages, and returns when they are done.
func (t *Traffic) lookAround(who *person, at time.Time, pages int, context event.Context, label Label) time.Time {
	t.plan(who, at, "login", `{"method":"password"}`, context, label)
	for range pages {
		at = at.Add(t.seconds(15))
		t.plan(who, at, "page_view", `{}`, context, label)
	}
	return at.Add(t.seconds(20))
}

// attack plans one attack. now is who made the event just seen.
func (t *Traffic) attack(now *person) {
	who, at := t.anybody(), t.ev.Timestamp.Add(t.seconds(600))
	home := who.last.Context
	abroad := home
	abroad.Country = t.elsewhere(home.Country)
	switch t.rng.IntN(6) {
	case 0:
		t.takeover(who, at, t.otherDevice(abroad))
	case 1:
		context := home
		if t.rng.IntN(2) == 0 {
			context = t.otherDevice(context)
		}
		t.testCards(who, at, context)
	case 2:
		t.spike(who, at, home)
	case 3: // of somebody who is at home right now
		stolen := now.last.Context
		stolen.Country = t.elsewhere(stolen.Country)
		label := Label{Travel, true}
		at = t.lookAround(now, t.ev.Timestamp.Add(t.seconds(1800)), 1, stolen, Label{Kind: Travel})
		t.purchase(now, at, t.amount(now, 1.5, 0.5), stolen, label)
	case 4:
		context := t.otherDevice(home)
		at = t.lookAround(who, at, 2, context, Label{Kind: NewDeviceHigh})
		t.purchase(who, at, t.amount(who, 10, 0.6), context, Label{NewDeviceHigh, true})
	default:
		context := t.otherDevice(home)
		at = t.lookAround(who, at, 4, context, Label{Kind: Stealth})
		t.purchase(who, at, t.amount(who, 1.3, 0.5), context, Label{Stealth, true})
	}
}

func (t *Traffic) takeover(who *person, at time.Time, context event.Context) {
	at = t.lookAround(who, at, 2, context, Label{Kind: Takeover})
	for range 1 + t.rng.IntN(3) {
		t.purchase(who, at, t.amount(who, 4, 0.6), context, Label{Takeover, true})
		at = at.Add(t.seconds(60))
	}
}

func (t *Traffic) testCards(who *person, at time.Time, context event.Context) {
	for range 4 + t.rng.IntN(8) {
		if t.rng.Float64() < 0.35 {
			t.plan(who, at, "error", `{"code":"payment_declined"}`, context, Label{Kind: CardTesting})
		} else {
			t.purchase(who, at, t.amount(who, 0.03, 0.5), context, Label{CardTesting, true})
		}
		at = at.Add(t.seconds(4))
	}
}

// spike is the rule of the book: an amount far above the usual, and often again
// within one second.
func (t *Traffic) spike(who *person, at time.Time, context event.Context) {
	times := 1
	if t.rng.IntN(2) == 0 {
		times = 2 + t.rng.IntN(2)
	}
	for range times {
		t.purchase(who, at, t.amount(who, 60, 0.6), context, Label{AmountSpike, true})
		at = at.Add(time.Duration(100+t.rng.IntN(800)) * time.Millisecond)
	}
}

// oddity plans something honest that looks like an attack.
func (t *Traffic) oddity(now *person) {
	who, at := t.anybody(), t.ev.Timestamp.Add(t.seconds(600))
	home := who.last.Context
	switch t.rng.IntN(7) {
	case 0:
		at = t.lookAround(who, at, 5, home, Label{Kind: BigSpender})
		t.purchase(who, at, t.amount(who, 6, 0.5), home, Label{Kind: BigSpender})
	case 1:
		t.travel(now)
	case 2:
		context := t.otherDevice(home)
		who.phone = &context
		at = t.lookAround(who, at, 4, context, Label{Kind: NewPhone})
		if t.rng.IntN(2) == 0 {
			t.purchase(who, at, t.amount(who, 1, 0.7), context, Label{Kind: NewPhone})
		}
	case 3:
		for range 3 + t.rng.IntN(3) {
			t.purchase(who, at, t.amount(who, 1, 0.7), home, Label{Kind: GiftSpree})
			at = at.Add(t.seconds(150))
		}
	case 4:
		for range 1 + t.rng.IntN(3) {
			t.plan(who, at, "error", `{"code":"payment_declined"}`, home, Label{Kind: CardTrouble})
			at = at.Add(t.seconds(40))
		}
		t.purchase(who, at, t.amount(who, 1, 0.7), home, Label{Kind: CardTrouble})
	case 5:
		amount := t.amount(who, 1, 0.7)
		for range 2 + t.rng.IntN(2) {
			t.purchase(who, at, amount, home, Label{Kind: DoubleOrder})
			at = at.Add(t.seconds(8))
		}
	default:
		if who.networks == "" && t.rng.IntN(4) == 0 {
			who.networks = t.elsewhere(home.Country)
		}
	}
}

// travel takes the user to another country, some hours after he was at home.
func (t *Traffic) travel(who *person) {
	if t.ev.Timestamp.UnixMilli() < who.until {
		return
	}
	flight := time.Duration((4 + 10*t.rng.Float64()) * float64(time.Hour))
	at := t.ev.Timestamp.Add(flight)
	context := who.last.Context
	context.Country = t.elsewhere(context.Country)
	days := time.Duration(2 + t.rng.IntN(5))
	who.country, who.from, who.until = context.Country, at.UnixMilli(), at.Add(days*24*time.Hour).UnixMilli()
	at = t.lookAround(who, at, 3, context, Label{Kind: Traveller})
	times := 1.0
	if t.rng.IntN(3) == 0 {
		times = 3
	}
	t.purchase(who, at, t.amount(who, times, 0.6), context, Label{Kind: Traveller})
}

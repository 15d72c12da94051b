package traffic

import (
	"time"

	"millrace/internal/event"
)

// intent is why somebody comes.
type intent uint8

const (
	intentBrowse intent = iota
	intentShop
	intentVideo
)

// state is what a session does with its next step.
type state uint8

const (
	stateLand state = iota
	stateSignup
	stateLogin
	stateRefund
	stateBrowse
	stateCheckout // on the checkout page
	stateOrder    // about to pay
	stateThanks
	stateWatch
	stateLogout
)

// session is one visit.
type session struct {
	user    int32
	id      string
	ip      string
	place   uint8
	device  uint8
	newborn bool // the user signs up in this visit
	intent  intent
	state   state
	fraud   Fraud
	script  int   // steps of an attack so far
	left    int   // steps until it ends
	due     int64 // event time of the next step, Unix milliseconds
	last    int64 // of the last step
	shift   int64 // how much earlier the events of an offline visit happened
	product int32 // looked at, -1 for none
	cart    []line
	video   int32
	watched int // tenths of the video
	logout  bool
}

// line is one line of a cart.
type line struct {
	product  int32
	quantity int32
}

// begin starts a session of a user, due at the instant.
func (g *Generator) begin(n int32, newcomer bool, due int64) *session {
	s := g.spare()
	u := &g.people.users[n]
	u.busy = true
	g.people.busy++
	*s = session{user: n, id: g.sessionID(), ip: u.ip, newborn: newcomer, due: due, place: u.place, device: u.device, product: -1, cart: s.cart[:0]}
	if chance(g.rng, 0.2) {
		s.device = u.second
	}
	if chance(g.rng, 0.005) { // travelling
		s.place, s.ip = uint8(g.homes.draw(g.rng)), address(g.rng)
	}
	s.left = 2 + int(g.rng.ExpFloat64()*8)
	s.logout = chance(g.rng, 0.12)
	s.intent = g.intentOf(u)
	switch {
	case newcomer:
		s.left += 3
	case chance(g.rng, g.cfg.FraudShare):
		g.beginAttack(s, u)
	default:
		s.shift = g.lateness(u, s, due)
	}
	g.sessions.push(s)
	return s
}

func (g *Generator) intentOf(u *user) intent {
	shop := 0.22 * float64(u.buys)
	switch x := g.rng.Float64(); {
	case x < shop:
		return intentShop
	case x < shop+0.1:
		return intentVideo
	}
	return intentBrowse
}

// lateness draws how long ago a visit from an app took place; mostly 0. It
// never reaches back before the user's last visit.
func (g *Generator) lateness(u *user, s *session, due int64) int64 {
	if !g.devices[s.device].isApp() || !chance(g.rng, g.lateStart) {
		return 0
	}
	const least, most = 90_000, 12 * 3600_000
	delay := int64(min(max(logNormal(g.rng, 1200_000, 1.4), least), most))
	if u.lastSeen > 0 {
		delay = min(delay, due-u.lastSeen-1000)
	}
	if delay < least {
		return 0
	}
	return delay
}

// spare is a session to use, with its cart's memory.
func (g *Generator) spare() *session {
	if n := len(g.idle); n > 0 {
		s := g.idle[n-1]
		g.idle = g.idle[:n-1]
		return s
	}
	return new(session)
}

// end puts a session away.
func (g *Generator) end(s *session) {
	g.people.leave(g.rng, s.user)
	g.idle = append(g.idle, s)
}

const sessionAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

func (g *Generator) sessionID() string {
	var text [14]byte
	text[0], text[1] = 's', '_'
	for i, bits := 2, g.rng.Uint64(); i < len(text); i, bits = i+1, bits>>5 {
		text[i] = sessionAlphabet[bits&31]
	}
	return string(text[:])
}

// act makes the session's next event and returns the milliseconds until the
// one after it, or a negative number at the end. The event is in g.ev.
func (g *Generator) act(s *session, at int64) int64 {
	u := &g.people.users[s.user]
	s.left--
	s.last = at
	g.fill(s, u, at-s.shift)
	if s.fraud != FraudNone {
		return g.attack(s, u)
	}
	switch s.state {
	case stateLand:
		g.land(s, u)
	case stateSignup:
		g.emit("signup", "/signup")
		g.textProperty("method", g.oneOf("email", "google", "apple", "phone"))
		u.loggedIn = true
		s.state = stateBrowse
	case stateLogin:
		g.emit("login", "/login")
		g.textProperty("method", g.oneOf("password", "google", "apple", "passkey"))
		u.loggedIn = true
		s.state = stateBrowse
	case stateRefund:
		g.refund(u)
		s.state = stateBrowse
	case stateCheckout:
		g.checkout(s)
	case stateOrder:
		g.order(s, u)
		s.state = stateThanks
	case stateThanks:
		g.pageView("/order/thanks")
		s.state = stateBrowse
	case stateWatch:
		g.watch(s)
	case stateLogout:
		g.emit("logout", "/account")
		u.loggedIn = false
		return -1
	default:
		g.browse(s, u)
	}
	return g.pause(s, u)
}

// pause is the time until the next step, negative when the visitor leaves.
func (g *Generator) pause(s *session, u *user) int64 {
	if s.left <= 0 && s.state == stateBrowse {
		if !s.logout || !u.loggedIn {
			return -1
		}
		s.state = stateLogout
	}
	if s.state == stateWatch {
		return int64(g.catalogue.videos[s.video].duration) * 100 // a tenth
	}
	median := 12_000.0
	switch s.state {
	case stateOrder:
		median = 35_000
	case stateThanks:
		median = 1_500
	}
	return int64(min(max(logNormal(g.rng, median, 1), 300), 20*60_000))
}

// fill sets what every event of the session has. The timestamp never falls
// before the user's last event, except where a late visit is told later.
func (g *Generator) fill(s *session, u *user, at int64) {
	p, d := &g.places[s.place], &g.devices[s.device]
	g.label = Label{Late: s.shift > 0}
	g.ev = event.Event{
		ID:        g.id(at),
		UserID:    u.id,
		SessionID: s.id,
		Timestamp: time.UnixMilli(at).UTC(),
		Context: event.Context{
			IP: s.ip, UserAgent: d.userAgent, Country: p.country, Platform: d.platform, AppVersion: d.version,
			Device: d.device, OS: d.os, Browser: d.browser, Locale: p.locale,
		},
	}
	u.lastSeen = max(u.lastSeen, at)
}

package traffic

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"time"

	"millrace/internal/event"
)

// Generator makes events one at a time.
type Generator struct {
	cfg       Config
	rng       *rand.Rand
	places    []place
	homes     alias
	devices   []device
	gadgets   alias
	lateStart float64 // probability that a session from an app is late

	catalogue *catalogue
	rhythm    *rhythm
	people    *people

	sessions queue
	idle     []*session // for reuse
	held     []held     // events on a slow way, by hand-out
	handed   int64      // events handed out so far
	now      int64      // of the current call, Unix milliseconds
	orders   int64

	ev    event.Event
	label Label
	props []byte
}

// held is a copy of an event that is handed out later.
type held struct {
	release int64 // number of the hand-out
	ev      event.Event
	label   Label
}

// New prepares a generator. It fails only where the Config is at fault.
func New(cfg Config) (*Generator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &Generator{
		cfg:     cfg,
		rng:     rand.New(rand.NewPCG(cfg.Seed, 0x6d696c6c72616365)),
		places:  placeTable(),
		devices: deviceTable(),
		people:  newPeople(cfg.Users),
	}
	g.homes = newAlias(weightsOf(g.places, func(p place) float64 { return p.weight }))
	g.gadgets = newAlias(weightsOf(g.devices, func(d device) float64 { return d.weight }))
	g.lateStart = min(1, cfg.LateShare/appShare(g.devices))
	g.catalogue = newCatalogue(g.rng, cfg.Products, cfg.Videos)
	var err error
	if g.rhythm, err = newRhythm(g.places); err != nil {
		return nil, err
	}
	for range max(1, int(presentShare*float64(cfg.Users))) {
		g.people.grow(g.rng, g)
	}
	return g, nil
}

func weightsOf[T any](rows []T, weight func(T) float64) []float64 {
	weights := make([]float64, len(rows))
	for i, r := range rows {
		weights[i] = weight(r)
	}
	return weights
}

// Next makes the event that is handed out at the instant. Its timestamp is
// that instant or, as with real traffic, somewhat before it; only where the
// instants leave less than a millisecond to each user may it be just after.
// Instants must not go back. The event is the generator's and valid until the next call.
func (g *Generator) Next(at time.Time) (*event.Event, Label) {
	g.now = at.UnixMilli()
	if g.handed == 0 {
		g.beginInTheMiddle()
	}
	g.handed++
	if g.releaseHeld() {
		return &g.ev, g.label
	}
	for {
		g.step()
		if !chance(g.rng, g.cfg.DisorderShare) {
			break
		}
		g.label.Disordered = true
		g.hold(3 + g.rng.Int64N(48))
	}
	if chance(g.rng, g.cfg.DuplicateShare) {
		duplicate := g.label
		g.label.Duplicate = true
		g.hold(1 + g.rng.Int64N(100))
		g.label = duplicate
	}
	return &g.ev, g.label
}

// hold keeps a copy of the current event for a later hand-out.
func (g *Generator) hold(handOuts int64) {
	h := held{release: g.handed + handOuts, ev: g.ev, label: g.label}
	h.ev.Properties = slices.Clone(g.ev.Properties)
	at, _ := slices.BinarySearchFunc(g.held, h.release, func(h held, release int64) int {
		return int(h.release - release)
	})
	g.held = slices.Insert(g.held, at, h)
}

// releaseHeld makes the held event that is due the current one.
func (g *Generator) releaseHeld() bool {
	if len(g.held) == 0 || g.held[0].release > g.handed {
		return false
	}
	g.ev, g.label = g.held[0].ev, g.held[0].label
	g.held = slices.Delete(g.held, 0, 1)
	return true
}

// step makes the next event of whoever is next.
func (g *Generator) step() {
	s, at := g.turn()
	gap := g.act(s, at)
	g.ev.Properties = append(g.props, '}')
	g.props = g.ev.Properties[:0]
	if gap < 0 {
		g.sessions.pop()
		g.end(s)
		return
	}
	s.due = at + max(gap, 1)
	g.sessions.fix()
}

// turn finds whose turn it is and the event time. The session is the first of
// the queue.
//
// Whoever is due comes first. When nobody is due a new session starts, so the
// number of sessions settles where it sustains the rate at which the caller
// asks. When everybody is busy already, the next step is made earlier.
func (g *Generator) turn() (*session, int64) {
	if len(g.sessions) > 0 && g.sessions[0].due <= g.now {
		return g.sessions[0], g.sessions[0].due
	}
	if n, newcomer := g.arrival(g.now, len(g.sessions) == 0); n >= 0 {
		// Before all others in the queue, because nobody is due by now.
		s := g.begin(n, newcomer, g.now)
		return s, s.due
	}
	return g.sessions[0], max(g.now, g.sessions[0].last+1)
}

// meanGap is the time between two steps of a session, on average.
const meanGap = 20 * 1000

// beginInTheMiddle puts sessions under way, as many as the rate needs.
func (g *Generator) beginInTheMiddle() {
	want := float64(len(g.people.alive)) * 0.7
	if g.cfg.Rate > 0 {
		want = min(want, g.cfg.Rate*meanGap/1000)
	}
	for range int(want) {
		n := g.people.pick(g.rng, g.rhythm, g.now)
		if n < 0 {
			return
		}
		s := g.begin(n, false, g.now+1+g.rng.Int64N(2*meanGap))
		s.state = stateBrowse
		s.left = 1 + g.rng.IntN(s.left)
		if s.intent == intentShop && chance(g.rng, 0.5) {
			s.product = g.catalogue.pick(g.rng, g.people.users[n].favourite)
		}
	}
}

// id fills the current event's id: a version 7 UUID (RFC 9562) whose random
// bits come from the seed.
func (g *Generator) id(at int64) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[0:], uint64(at)<<16|0x7000|g.rng.Uint64()&0x0fff)
	binary.BigEndian.PutUint64(raw[8:], g.rng.Uint64()&^(3<<62)|2<<62)
	var text [36]byte
	hex.Encode(text[0:8], raw[0:4])
	text[8] = '-'
	hex.Encode(text[9:13], raw[4:6])
	text[13] = '-'
	hex.Encode(text[14:18], raw[6:8])
	text[18] = '-'
	hex.Encode(text[19:23], raw[8:10])
	text[23] = '-'
	hex.Encode(text[24:36], raw[10:16])
	return string(text[:])
}

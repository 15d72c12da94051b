package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
)

// user is one person.
type user struct {
	id         string
	ip         string
	slot       int32 // position in people.alive
	place      uint8
	device     uint8
	second     uint8   // another device of the same person, often the same one
	favourite  uint8   // category
	loggedIn   bool    // on the main device
	busy       bool    // in a session
	drifting   bool    // losing interest
	activity   float32 // how often, relative to the most active: 0 to 1
	buys       float32 // how readily, around 1
	leaves     float32 // probability to lose interest after a session
	engagement float32 // 1, falls while drifting
	lastSeen   int64   // event time, Unix milliseconds
	order      order   // the last purchase that may come back
}

// order is what a refund needs to know.
type order struct {
	id      string
	product int32
	amount  int64 // minor units of the user's currency
}

// people is the population: who is there, who has gone, who is still to come.
type people struct {
	users  []user
	width  int     // digits of an id
	alive  []int32 // users who come by themselves
	gone   []int32 // users who have drifted away
	joined int     // users[:joined] exist, the others sign up later
	busy   int
}

// There is a share of users at the start; while fewer than the least share of
// them is left, each session start prefers somebody who returns.
const (
	presentShare = 0.7
	leastShare   = 0.3
)

// newPeople makes room for all users; grow creates them one by one.
func newPeople(n int) *people {
	return &people{users: make([]user, n), width: max(4, len(fmt.Sprint(n-1)))}
}

// grow creates the next user, or returns -1 when all exist.
func (p *people) grow(rng *rand.Rand, g *Generator) int32 {
	if p.joined == len(p.users) {
		return -1
	}
	n := int32(p.joined)
	p.joined++
	u := &p.users[n]
	u.id = fmt.Sprintf("user_%0*d", p.width, n)
	u.place = uint8(g.homes.draw(rng))
	u.device = uint8(g.gadgets.draw(rng))
	u.second = u.device
	if chance(rng, 0.3) {
		u.second = uint8(g.gadgets.draw(rng))
	}
	u.ip = address(rng)
	u.favourite = uint8(rng.IntN(categories))
	u.activity = float32(min(1, logNormal(rng, 0.22, 0.8)))
	u.buys = float32(min(3, logNormal(rng, 0.9, 0.5)))
	u.leaves = float32(0.002 + 0.118*math.Pow(rng.Float64(), 3))
	u.engagement = 1
	p.enter(n)
	return n
}

// address draws from the ranges reserved for documentation, so that no real
// machine is ever named.
func address(rng *rand.Rand) string {
	if chance(rng, 0.25) {
		b := [16]byte{0x20, 0x01, 0x0d, 0xb8}
		for i := 4; i < 8; i++ {
			b[i] = byte(rng.UintN(256))
		}
		b[15] = byte(1 + rng.UintN(254))
		return netip.AddrFrom16(b).String()
	}
	nets := [3][4]byte{{203, 0, 113, 0}, {198, 51, 100, 0}, {192, 0, 2, 0}}
	b := nets[rng.IntN(3)]
	b[3] = byte(1 + rng.UintN(254))
	return netip.AddrFrom4(b).String()
}

// pick finds an idle user who is likely to come now, or -1.
func (p *people) pick(rng *rand.Rand, r *rhythm, now int64) int32 {
	const tries = 24
	fallback := int32(-1)
	for range tries {
		n := p.alive[rng.IntN(len(p.alive))]
		u := &p.users[n]
		if u.busy {
			continue
		}
		if chance(rng, float64(u.activity*u.engagement)*r.weight(int(u.place), now)) {
			return n
		}
		fallback = n
	}
	return fallback
}

// arrival finds who starts the next session, or -1 when everybody is busy.
// The second result is true for somebody new.
func (g *Generator) arrival(now int64, force bool) (int32, bool) {
	p, rng := g.people, g.rng
	thin := float64(len(p.alive)) < leastShare*float64(p.joined)
	if force && len(p.alive) == 0 || chance(rng, 0.03) {
		if n := p.grow(rng, g); n >= 0 {
			return n, true
		}
	}
	if len(p.gone) > 0 && (len(p.alive) == 0 || thin && chance(rng, 0.5) || chance(rng, 0.01)) {
		return p.welcomeBack(rng), false
	}
	if p.busy >= len(p.alive) {
		return -1, false
	}
	return p.pick(rng, g.rhythm, now), false
}

// welcomeBack returns somebody who had gone.
func (p *people) welcomeBack(rng *rand.Rand) int32 {
	i := rng.IntN(len(p.gone))
	n := p.gone[i]
	p.gone[i] = p.gone[len(p.gone)-1]
	p.gone = p.gone[:len(p.gone)-1]
	u := &p.users[n]
	u.drifting, u.engagement = false, 1
	p.enter(n)
	return n
}

// enter puts a user among those who come by themselves.
func (p *people) enter(n int32) {
	p.users[n].slot = int32(len(p.alive))
	p.alive = append(p.alive, n)
}

// exit takes a user out again.
func (p *people) exit(n int32) {
	slot, last := p.users[n].slot, p.alive[len(p.alive)-1]
	p.alive[slot] = last
	p.users[last].slot = slot
	p.alive = p.alive[:len(p.alive)-1]
	p.gone = append(p.gone, n)
}

// leave notes the end of a session and lets interest fade.
func (p *people) leave(rng *rand.Rand, n int32) {
	u := &p.users[n]
	u.busy = false
	p.busy--
	if u.drifting {
		u.engagement *= 0.55
	} else if chance(rng, float64(u.leaves)) {
		u.drifting = true
	}
	if u.engagement <= 0.1 {
		p.exit(n)
	}
}

package fraud

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrUnreadable means that bytes are no profile, population or forest that this
// version can read.
var ErrUnreadable = errors.New("unreadable")

// The first byte of each binary form names what it is, and its version.
const (
	profileForm    = 0x11
	populationForm = 0x21
)

// AppendBinary appends the profile's binary form to b. It holds no free places:
// that of a newcomer has some tens of bytes, the largest about 900.
func (p *Profile) AppendBinary(b []byte) []byte {
	w := writer{append(b, profileForm)}
	w.signed(p.firstSeen)
	w.count(uint64(p.purchases))
	for _, amount := range p.known() {
		w.float32(amount)
	}
	w.count(uint64(p.tried))
	for _, a := range p.tries() {
		w.attempt(a, p.firstSeen)
	}
	w.habits(&p.countries, p.firstSeen)
	w.habits(&p.devices, p.firstSeen)
	for _, n := range p.hours {
		w.count(uint64(n))
	}
	w.count(uint64(p.presence))
	w.signed(p.lastHour)
	return w.b
}

// UnmarshalBinary makes the profile the one that b holds. It returns
// [ErrUnreadable] for anything else.
func (p *Profile) UnmarshalBinary(b []byte) error {
	*p = Profile{}
	r := reader{b: b}
	r.expect(profileForm)
	p.firstSeen = r.signed()
	p.purchases = uint32(r.count(math.MaxUint32))
	for i := range p.known() {
		p.amounts[i] = r.float32()
	}
	p.tried = uint32(r.count(math.MaxUint32))
	for i := range p.tries() {
		p.attempts[i] = r.attempt(p.firstSeen)
	}
	r.habits(&p.countries, p.firstSeen)
	r.habits(&p.devices, p.firstSeen)
	for i := range p.hours {
		p.hours[i] = uint16(r.count(math.MaxUint16))
	}
	p.presence = uint32(r.count(math.MaxUint32))
	p.lastHour = r.signed()
	return r.end("profile")
}

// AppendBinary appends the population's binary form to b: about 2 KiB.
func (p *Population) AppendBinary(b []byte) []byte {
	w := writer{append(b, populationForm)}
	w.count(p.count)
	w.float64(p.center)
	w.float64(p.spread)
	for _, amount := range p.amounts[:min(p.count, keptPopulation)] {
		w.float32(amount)
	}
	return w.b
}

// UnmarshalBinary makes the population the one that b holds. It returns
// [ErrUnreadable] for anything else.
func (p *Population) UnmarshalBinary(b []byte) error {
	*p = Population{}
	r := reader{b: b}
	r.expect(populationForm)
	p.count = r.count(math.MaxUint64)
	p.center, p.spread = r.float64(), r.float64()
	for i := range p.amounts[:min(p.count, keptPopulation)] {
		p.amounts[i] = r.float32()
	}
	return r.end("population")
}

// writer appends numbers in their binary forms.
type writer struct{ b []byte }

func (w *writer) count(n uint64)    { w.b = binary.AppendUvarint(w.b, n) }
func (w *writer) signed(n int64)    { w.b = binary.AppendVarint(w.b, n) }
func (w *writer) float32(f float32) { w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(f)) }
func (w *writer) float64(f float64) { w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(f)) }

// The bits of an attempt's first byte.
const (
	attemptDeclined = 1 << iota
	attemptUnknown
)

// attempt writes instants as distances from the profile's first.
func (w *writer) attempt(a attempt, first int64) {
	bits := byte(0)
	if a.declined {
		bits |= attemptDeclined
	}
	if a.unknown {
		bits |= attemptUnknown
	}
	w.b = append(w.b, bits)
	w.signed(a.at - first)
	w.b = binary.LittleEndian.AppendUint64(w.b, a.id)
	w.float32(a.amount)
}

func (w *writer) habits(all *habits, first int64) {
	n := 0
	for n < len(all) && all[n].key != 0 {
		n++
	}
	w.count(uint64(n))
	for _, h := range all[:n] {
		w.count(uint64(h.key))
		w.count(uint64(h.hours))
		w.signed(h.first - first)
		w.signed(h.last - first)
	}
}

// reader takes numbers from the front of b. After the first fault it is bad
// and every further number is 0.
type reader struct {
	b   []byte
	bad bool
}

// take returns the next n bytes, or zeros.
func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.bad, r.b = true, nil
		return make([]byte, n)
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) expect(form byte) {
	if r.take(1)[0] != form {
		r.bad, r.b = true, nil
	}
}

func (r *reader) count(most uint64) uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > most {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) float32() float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(r.take(4)))
}

func (r *reader) float64() float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(r.take(8)))
}

func (r *reader) attempt(first int64) attempt {
	bits := r.take(1)[0]
	a := attempt{declined: bits&attemptDeclined != 0, unknown: bits&attemptUnknown != 0}
	a.at = first + r.signed()
	a.id = binary.LittleEndian.Uint64(r.take(8))
	a.amount = r.float32()
	return a
}

func (r *reader) habits(all *habits, first int64) {
	for i := range all[:r.count(keptHabits)] {
		all[i] = habit{key: uint32(r.count(math.MaxUint32)), hours: uint32(r.count(math.MaxUint32))}
		all[i].first, all[i].last = first+r.signed(), first+r.signed()
	}
}

// end reports whether everything was read, and nothing else was there.
func (r *reader) end(what string) error {
	if r.bad || len(r.b) > 0 {
		return fmt.Errorf("%w: not a %s of this version", ErrUnreadable, what)
	}
	return nil
}

package ingest

import (
	"context"
	"iter"
	"math/bits"
	"time"

	"github.com/zeebo/xxh3"

	"millrace/internal/event"
)

// A client that does not know whether its event has arrived sends it again,
// with the same event_id. To Kafka that is another record. A user's events
// share a partition, so the partition's owner can know the id again.

// Recall is the store's memory of what it has, and the place for what is left
// out because of it.
type Recall interface {
	// RecentIDs yields the stored events of a partition with offsets in
	// [from, before), in the order of their offsets.
	RecentIDs(ctx context.Context, topic string, partition int32, from, before int64) iter.Seq2[StoredID, error]
	// WriteDuplicates keeps a row per record that was left out. The promises
	// are those of Sink.
	WriteDuplicates(ctx context.Context, duplicates []event.Duplicate, token string) error
}

// StoredID is an event that is stored.
type StoredID struct {
	EventID    string
	Offset     int64
	ReceivedAt int64 // milliseconds since 1970, UTC
}

// memory knows the last stored ids of one partition.
//
// What it answers depends on the records before only, never on the clock: a
// block that is built again after a crash leaves out the same records. That is
// why an id is forgotten by its distance in offsets, and why its age is
// measured against the record that repeats it.
//
// Ids are kept as 128-bit hashes: the chance that two different ids among a
// partition's last million share one is about 10^-27. The last events lie in a
// ring, and a table of places in the ring finds an id: 32 bytes and, at most
// half full, 8 to 16 more. (A map from hash to place needs more than twice as
// much, and memory is what bounds how far back repeats are known.)
type memory struct {
	limit   int           // offsets, and events
	horizon time.Duration // how long after an event its repeat is known
	ring    []stored      // the last stored events, at most limit; the oldest at next once it is full
	next    int
	// slots are as many as a power of two. Each is 0, or the place in ring + 1 in
	// the bits of places, with bits of the id in the others: so a search goes to
	// the ring, which is far away in memory, for the right event alone.
	slots  []uint32
	places uint32
}

// rememberedBytes is what an id costs at most, with its part of the slots.
const rememberedBytes = 32 + 16

// stored is an event that the memory knows.
type stored struct {
	id         xxh3.Uint128
	offset     int64
	receivedAt int64 // milliseconds since 1970
}

// firstSlots is where the table begins; it doubles as the memory fills.
const firstSlots = 1024

// newMemory remembers the ids of the last limit offsets, for horizon.
func newMemory(limit int, horizon time.Duration) *memory {
	places := uint32(1)<<bits.Len(uint(limit)) - 1
	return &memory{limit: limit, horizon: horizon, slots: make([]uint32, firstSlots), places: places}
}

// knows returns where the id was stored before the record at offset.
func (m *memory) knows(id string, offset, receivedAt int64) (at int64, known bool) {
	slot := m.slots[m.slot(xxh3.HashString128(id))]
	if slot == 0 {
		return 0, false
	}
	s := &m.ring[slot&m.places-1]
	known = offset-s.offset <= int64(m.limit) && receivedAt-s.receivedAt <= m.horizon.Milliseconds()
	return s.offset, known
}

// add remembers an id that is stored; the oldest goes where the limit is reached.
func (m *memory) add(id string, offset, receivedAt int64) {
	s := stored{xxh3.HashString128(id), offset, receivedAt}
	if len(m.ring) < m.limit {
		m.ring = append(m.ring, s)
		if 2*len(m.ring) > len(m.slots) {
			m.grow()
		}
		m.slots[m.slot(s.id)] = m.word(len(m.ring) - 1)
		return
	}
	m.forget(m.next)
	m.ring[m.next] = s
	m.slots[m.slot(s.id)] = m.word(m.next)
	m.next = (m.next + 1) % m.limit
}

// slot is where the id is in the table, or the free slot where it belongs.
func (m *memory) slot(id xxh3.Uint128) int {
	i, tag := m.home(id), m.tag(id)
	for word := m.slots[i]; word != 0; word = m.slots[i] {
		if word&^m.places == tag && m.ring[word&m.places-1].id == id {
			break
		}
		i = (i + 1) & (len(m.slots) - 1)
	}
	return i
}

// tag are the bits of an id that its slot has, beside those of the place.
func (m *memory) tag(id xxh3.Uint128) uint32 { return uint32(id.Hi) &^ m.places }

// word is what the slot of the event at a place of the ring says.
func (m *memory) word(at int) uint32 { return m.tag(m.ring[at].id) | uint32(at+1) }

// home is the slot at which the search for an id begins.
func (m *memory) home(id xxh3.Uint128) int { return int(id.Lo) & (len(m.slots) - 1) }

// grow doubles the table.
func (m *memory) grow() {
	m.slots = make([]uint32, 2*len(m.slots))
	for at := range m.ring {
		m.slots[m.slot(m.ring[at].id)] = m.word(at)
	}
}

// forget takes the event at a place of the ring out of the table, unless its id
// was stored again later. The ids behind it move up, so that the search for
// them does not end at the slot that is free now.
func (m *memory) forget(at int) {
	free := m.slot(m.ring[at].id)
	if m.slots[free]&m.places != uint32(at+1) {
		return
	}
	mask := len(m.slots) - 1
	for i := (free + 1) & mask; m.slots[i] != 0; i = (i + 1) & mask {
		home := m.home(m.ring[m.slots[i]&m.places-1].id)
		if (i-home)&mask >= (i-free)&mask { // its search passes the free slot
			m.slots[free] = m.slots[i]
			free = i
		}
	}
	m.slots[free] = 0
}

// bytes is what the memory takes.
func (m *memory) bytes() int { return cap(m.ring)*32 + len(m.slots)*4 }

// covers is how far back repeats are known, counted from receivedAt: the
// horizon, or less where the traffic is too high for the limit.
func (m *memory) covers(receivedAt int64) time.Duration {
	if len(m.ring) < m.limit {
		return m.horizon
	}
	return min(m.horizon, time.Duration(receivedAt-m.ring[m.next].receivedAt)*time.Millisecond)
}

// load fills an empty memory with what the store has, for a new owner.
func (m *memory) load(ids iter.Seq2[StoredID, error]) error {
	for id, err := range ids {
		if err != nil {
			return err
		}
		m.add(id.EventID, id.Offset, id.ReceivedAt)
	}
	return nil
}

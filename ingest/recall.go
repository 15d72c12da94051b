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
	// LastOffset is the highest offset of the partition that is stored, as an
	// event or as anything else; found is false where there is none.
	LastOffset(ctx context.Context, topic string, partition int32) (last int64, found bool, err error)
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
// partition's last million share one is about 10^-27. They lie in generations:
// the youngest is added to, and when it has half of what is to be remembered,
// the oldest is emptied and becomes the youngest. So nothing is ever taken out
// of a table, and an event costs one look at a table for each generation, which
// do not wait for each other. (One table, from which the oldest id is taken out
// for each that comes in, needs two thirds of the room and more than twice the time:
// each look is at memory that is far away.)
type memory struct {
	limit   int           // offsets, and events
	horizon time.Duration // how long after an event its repeat is known
	// generations, the youngest first. The two that are full have limit events
	// between them.
	generations [3]generation
	approached  uint32 // keeps approach from being optimised away
}

// generation is a part of a memory: events in the order of their offsets, and a
// table of their places that finds an id.
type generation struct {
	events []stored
	// slots are as many as a power of two, at most half of them in use. Each is 0,
	// or the place in events + 1 in the bits of places, with bits of the id in the
	// others: so a search goes to events for the right event alone.
	slots  []uint32
	places uint32
	most   int // events that it will have
}

// rememberedBytes is what an id costs at most: an event and, of the table, two
// to four slots, one and a half times.
const rememberedBytes = (32 + 16) * 3 / 2

// stored is an event that the memory knows.
type stored struct {
	id         xxh3.Uint128
	offset     int64
	receivedAt int64 // milliseconds since 1970
}

// firstEvents is the room that a memory begins with; it doubles as it fills.
const firstEvents = 512

// newMemory remembers the ids of the last limit offsets, for horizon.
func newMemory(limit int, horizon time.Duration) *memory {
	m := &memory{limit: limit, horizon: horizon}
	for i := range m.generations {
		m.generations[i] = newGeneration(min(firstEvents, m.half()), m.half())
	}
	return m
}

// newGeneration has room for so many events, and will have most of them.
func newGeneration(room, most int) generation {
	g := generation{places: uint32(1)<<bits.Len(uint(most)) - 1, most: most}
	g.makeRoom(room)
	return g
}

// half is how many events fill a generation.
func (m *memory) half() int { return (m.limit + 1) / 2 }

// askedTogether is how many ids are looked for at a time.
const askedTogether = 64

// approach brings what note will look at into the processor's caches. The tables
// are far away in memory, and one look after the other would wait for each;
// these do not wait for one another.
func (m *memory) approach(hashes []xxh3.Uint128) {
	for i := range m.generations {
		slots := m.generations[i].slots
		for _, hash := range hashes {
			m.approached += slots[int(hash.Lo)&(len(slots)-1)]
		}
	}
}

// note returns where the id with this hash, of the record at offset, was stored
// before. One that was not is remembered from now on.
func (m *memory) note(hash xxh3.Uint128, offset, receivedAt int64) (at int64, known bool) {
	for i := range m.generations {
		if s := m.generations[i].find(hash); s != nil { // an older generation may have it too, from longer ago
			known = offset-s.offset <= int64(m.limit) && receivedAt-s.receivedAt <= m.horizon.Milliseconds()
			at = s.offset
			break
		}
	}
	if !known {
		m.add(stored{hash, offset, receivedAt})
	}
	return at, known
}

// add remembers an event that is stored.
func (m *memory) add(s stored) {
	if len(m.generations[0].events) == m.half() {
		oldest := m.generations[2]
		m.generations[2], m.generations[1] = m.generations[1], m.generations[0]
		m.generations[0] = oldest.emptied()
	}
	m.generations[0].add(s)
}

// find returns the event that had the id last, nil for none.
func (g *generation) find(id xxh3.Uint128) *stored {
	if word := g.slots[g.slot(id)]; word != 0 {
		return &g.events[word&g.places-1]
	}
	return nil
}

func (g *generation) add(s stored) {
	if len(g.events) == cap(g.events) {
		g.makeRoom(min(2*cap(g.events), g.most))
	}
	g.events = append(g.events, s)
	g.place(len(g.events) - 1)
}

// slot is where the id is in the table, or the free slot where it belongs.
func (g *generation) slot(id xxh3.Uint128) int {
	i, tag := int(id.Lo)&(len(g.slots)-1), g.tag(id)
	for word := g.slots[i]; word != 0; word = g.slots[i] {
		if word&^g.places == tag && g.events[word&g.places-1].id == id {
			break
		}
		i = (i + 1) & (len(g.slots) - 1)
	}
	return i
}

// tag are the bits of an id that its slot has, beside those of the place.
func (g *generation) tag(id xxh3.Uint128) uint32 { return uint32(id.Hi) &^ g.places }

// place puts an event into the table, instead of an earlier one with its id.
func (g *generation) place(at int) {
	id := g.events[at].id
	g.slots[g.slot(id)] = g.tag(id) | uint32(at+1)
}

// makeRoom makes room for n events, those that are there among them.
func (g *generation) makeRoom(n int) {
	events := g.events
	g.events = append(make([]stored, 0, n), events...)
	g.slots = make([]uint32, 1<<bits.Len(uint(2*n-1)))
	for at := range events {
		g.place(at)
	}
}

// emptied is the generation without its events. It follows one that is full, so
// it is given the room to become full too.
func (g *generation) emptied() generation {
	if cap(g.events) < g.most {
		return newGeneration(g.most, g.most)
	}
	clear(g.slots)
	g.events = g.events[:0]
	return *g
}

// bytes is what the memory takes.
func (m *memory) bytes() int {
	size := 0
	for i := range m.generations {
		size += cap(m.generations[i].events)*32 + len(m.generations[i].slots)*4
	}
	return size
}

// covers is how far back repeats are known, counted from receivedAt: the
// horizon, or less where the traffic is too high for the limit.
func (m *memory) covers(receivedAt int64) time.Duration {
	back := m.limit // events
	for i := range m.generations {
		events := m.generations[i].events
		if back <= len(events) {
			return min(m.horizon, time.Duration(receivedAt-events[len(events)-back].receivedAt)*time.Millisecond)
		}
		back -= len(events)
	}
	return m.horizon
}

// load fills an empty memory with what the store has, for a new owner.
func (m *memory) load(ids iter.Seq2[StoredID, error]) error {
	for id, err := range ids {
		if err != nil {
			return err
		}
		m.add(stored{xxh3.HashString128(id.EventID), id.Offset, id.ReceivedAt})
	}
	return nil
}

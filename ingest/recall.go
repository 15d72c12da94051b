package ingest

import (
	"context"
	"iter"
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
// partition's last million share one is about 10^-27.
type memory struct {
	limit   int           // offsets
	horizon time.Duration // how long after an event its repeat is known
	places  map[xxh3.Uint128]place
	order   []stored // ring of the last stored events, at most limit; oldest at next once it is full
	next    int
}

// place is where an id was stored last.
type place struct {
	offset     int64
	receivedAt int64 // milliseconds since 1970
}

// stored is an id in the order of storing.
type stored struct {
	id xxh3.Uint128
	place
}

// newMemory remembers the ids of the last limit offsets, for horizon.
func newMemory(limit int, horizon time.Duration) *memory {
	return &memory{limit: limit, horizon: horizon, places: map[xxh3.Uint128]place{}}
}

// knows returns where the id was stored before the record at offset.
func (m *memory) knows(id string, offset, receivedAt int64) (at int64, known bool) {
	p, known := m.places[xxh3.HashString128(id)]
	known = known && offset-p.offset <= int64(m.limit) && receivedAt-p.receivedAt <= m.horizon.Milliseconds()
	return p.offset, known
}

// add remembers an id that is stored; the oldest goes where the limit is reached.
func (m *memory) add(id string, offset, receivedAt int64) {
	s := stored{xxh3.HashString128(id), place{offset, receivedAt}}
	m.places[s.id] = s.place
	if len(m.order) < m.limit {
		m.order = append(m.order, s)
		return
	}
	oldest := m.order[m.next]
	if m.places[oldest.id].offset == oldest.offset { // else it was stored again later
		delete(m.places, oldest.id)
	}
	m.order[m.next] = s
	m.next = (m.next + 1) % m.limit
}

// covers is how far back repeats are known, counted from receivedAt: the
// horizon, or less where the traffic is too high for the limit.
func (m *memory) covers(receivedAt int64) time.Duration {
	if len(m.order) < m.limit {
		return m.horizon
	}
	return min(m.horizon, time.Duration(receivedAt-m.order[m.next].receivedAt)*time.Millisecond)
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

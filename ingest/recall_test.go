package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/zeebo/xxh3"

	"millrace/internal/event"
)

func TestMemoryKnowsWithinHorizonAndLimit(t *testing.T) {
	for _, tc := range []struct {
		id                 string
		offset, receivedAt int64
		want               bool
	}{
		{"a", 1, 1000, true},
		{"a", 1, 2000, true},
		{"a", 1, 2001, false}, // past the horizon
		{"a", 3, 1000, true},
		{"a", 4, 1000, false}, // too many offsets ago
		{"b", 1, 1000, false},
	} {
		m := newMemory(3, time.Second)
		m.note(xxh3.HashString128("a"), 0, 1000)
		if _, got := m.note(xxh3.HashString128(tc.id), tc.offset, tc.receivedAt); got != tc.want {
			t.Errorf("%s at offset %d, %d ms: known %v, want %v", tc.id, tc.offset, tc.receivedAt, got, tc.want)
		}
	}
	m := newMemory(3, time.Second)
	m.note(xxh3.HashString128("a"), 0, 1000)
	m.note(xxh3.HashString128("b"), 1, 1100)
	m.note(xxh3.HashString128("a"), 2, 2500) // stored again, past the horizon
	m.note(xxh3.HashString128("c"), 3, 2600)
	if at, known := m.note(xxh3.HashString128("a"), 4, 2700); !known || at != 2 {
		t.Errorf("a: %d %v, want offset 2", at, known)
	}
	m.note(xxh3.HashString128("d"), 5, 2700)
	if got := m.covers(2800); got != 300*time.Millisecond {
		t.Errorf("covers %v, want 300ms: a, c and d are the last three", got)
	}
}

// The memory answers as a map with a list of what to forget does.
func TestMemoryIsAMapThatForgets(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, limit := range []int{1, 2, 3, 100, 5000} {
		m := newMemory(limit, time.Hour)
		last := map[string]int64{} // offset by id
		for offset := range int64(8 * limit) {
			id := fmt.Sprint(rng.IntN(3 * limit))
			want, stored := last[id]
			stored = stored && offset-want <= int64(limit)
			at, known := m.note(xxh3.HashString128(id), offset, 0)
			if known != stored || known && at != want {
				t.Fatalf("limit %d, offset %d: knows %s at %d %v, want %d %v", limit, offset, id, at, known, want, stored)
			}
			if !known {
				last[id] = offset
			}
		}
		events := 0
		for i := range m.generations {
			events += len(m.generations[i].events)
		}
		if most := 3 * m.half(); events > most || m.bytes() > firstEvents*rememberedBytes*2+limit*rememberedBytes*2 {
			t.Errorf("limit %d: %d events in %d bytes are remembered", limit, events, m.bytes())
		}
	}
}

// BenchmarkMemory looks for new ids as blocks do, many at a time.
func BenchmarkMemory(b *testing.B) {
	const limit = 500_000
	m := newMemory(limit, time.Hour)
	hashes := make([]xxh3.Uint128, 4*limit/askedTogether*askedTogether)
	for i := range hashes {
		hashes[i] = xxh3.HashString128(fmt.Sprintf("019b%032x", i))
	}
	b.ReportAllocs()
	for offset := 0; b.Loop(); offset++ {
		at := offset % len(hashes)
		if at%askedTogether == 0 {
			m.approach(hashes[at : at+askedTogether])
		}
		if _, known := m.note(hashes[at], int64(offset), 0); known {
			b.Fatal("an id is known that was forgotten")
		}
	}
}

// remembering is a recorder that is also the store's memory.
type remembering struct {
	*recorder
	duplicates map[int64]event.Duplicate // by partition and offset
}

func newRemembering() *remembering {
	return &remembering{recorder: newRecorder(), duplicates: map[int64]event.Duplicate{}}
}

func (r *remembering) LastOffset(_ context.Context, _ string, partition int32) (last int64, found bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range r.rows {
		if row.partition == partition {
			last, found = max(last, row.offset), true
		}
	}
	return last, found, nil
}

func (r *remembering) RecentIDs(_ context.Context, _ string, partition int32, from, before int64) iter.Seq2[StoredID, error] {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []StoredID
	for _, row := range r.rows {
		if row.partition == partition && row.offset >= from && row.offset < before {
			ids = append(ids, StoredID{EventID: row.id, Offset: row.offset, ReceivedAt: time.Now().UnixMilli()})
		}
	}
	return func(yield func(StoredID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

func (r *remembering) WriteDuplicates(_ context.Context, duplicates []event.Duplicate, _ string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range duplicates {
		r.duplicates[int64(d.Partition)<<40|d.Offset] = d
	}
	r.announce()
	return nil
}

// consumeRecalling is consume with a memory.
func consumeRecalling(t *testing.T, cfg Config, sink Sink, recall Recall) (stop func()) {
	t.Helper()
	consumer, err := NewConsumer(cfg, Deps{Sink: sink, Recall: recall, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return runConsumer(t, consumer)
}

// Clients repeat events, owners end at any point and stores fail in every way:
// each event is stored once, and each repeat is accounted for.
func TestRepeatsAreLeftOutWhateverEndsWhen(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	cfg := testConfig(broker(t, 3))
	sink := newRemembering()
	records, events := 0, 0
	for range 15 {
		var batch []Record
		for range rng.IntN(100) {
			n := events
			if events > 0 && rng.IntN(3) == 0 {
				n = rng.IntN(events) // a repeat of any earlier event
			} else {
				events++
			}
			batch = append(batch, record(fmt.Sprintf("u%d", n%23), n))
			records++
		}
		publish(t, cfg.Brokers, batch...)
		cfg.MaxRows = 1 + rng.IntN(60)
		cfg.StopTimeout = time.Duration(1+rng.IntN(30)) * time.Millisecond
		enough := rng.IntN(events + 1)
		stop := consumeRecalling(t, cfg, newFlaky(sink.recorder, rng.Uint64()), sink)
		sink.await(t, "some rows", func() bool { return len(sink.rows) >= enough })
		stop()
	}
	cfg.StopTimeout = 5 * time.Second
	stop := consumeRecalling(t, cfg, sink, sink)
	sink.await(t, "all records", func() bool { return len(sink.rows)+len(sink.duplicates) >= records })
	stop()

	stored := map[string]storedRow{}
	for _, row := range sink.rows {
		if _, twice := stored[row.id]; twice {
			t.Errorf("event %s is stored twice", row.id)
		}
		stored[row.id] = row
	}
	if len(stored) != events || len(sink.rows)+len(sink.duplicates) != records {
		t.Errorf("%d different events in %d rows and %d repeats; want %d events of %d records",
			len(stored), len(sink.rows), len(sink.duplicates), events, records)
	}
	for _, d := range sink.duplicates {
		if row := stored[d.EventID]; row.offset != d.StoredOffset || row.partition != d.Partition || d.Offset <= row.offset {
			t.Errorf("repeat %+v of row %+v", d, row)
		}
	}
}

func TestAnUnreadableMemoryHoldsThePartition(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	publish(t, cfg.Brokers, record("a", 1))
	sink := newRemembering()
	stop := consumeRecalling(t, cfg, sink, sink)
	sink.await(t, "the first row", func() bool { return len(sink.rows) == 1 })
	stop()

	publish(t, cfg.Brokers, record("a", 1), record("a", 2))
	away := &forgetful{remembering: sink, failures: 3}
	stop = consumeRecalling(t, cfg, sink, away)
	sink.await(t, "the new event and the repeat", func() bool { return len(sink.rows)+len(sink.duplicates) == 3 })
	stop()
	if len(sink.rows) != 2 || len(sink.duplicates) != 1 || away.failures != 0 {
		t.Errorf("%d rows, %d repeats, %d failures left; want 2, 1, 0", len(sink.rows), len(sink.duplicates), away.failures)
	}
}

// forgetful fails to read its memory some times.
type forgetful struct {
	*remembering
	failures int
}

func (f *forgetful) RecentIDs(ctx context.Context, topic string, partition int32, from, before int64) iter.Seq2[StoredID, error] {
	if f.failures > 0 {
		f.failures--
		return func(yield func(StoredID, error) bool) { yield(StoredID{}, errors.New("store is away")) }
	}
	return f.remembering.RecentIDs(ctx, topic, partition, from, before)
}

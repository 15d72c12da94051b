package ingest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/event"
)

func TestSealMetadata(t *testing.T) {
	for _, want := range []seal{{0, 1, 0}, {1, 0, 0}, {1<<62 + 7, 1_790_000_000_123, 0}, {5, 6, 7}, {5, 6, 1<<31 - 1}} {
		got, err := parseSeal(want.metadata())
		if err != nil || got != want {
			t.Errorf("%+v reads as %+v, %v", want, got, err)
		}
	}
	if got, err := parseSeal("millrace/1 sealed-to=41"); err != nil || got != (seal{last: 41}) {
		t.Errorf("a seal without its instant reads as %+v, %v", got, err)
	}
	if got, err := parseSeal("millrace/1 sealed-to=41 sealed-at=7 more=x"); err != nil || got != (seal{41, 7, 0}) {
		t.Errorf("a seal with another field reads as %+v, %v", got, err)
	}
	for _, other := range []string{"", "somebody else's"} {
		if got, err := parseSeal(other); err != nil || got.last != noSeal {
			t.Errorf("%q reads as %+v, %v", other, got, err)
		}
	}
	for _, strange := range []string{"millrace/3 sealed-to=1", "millrace/2 sealed-to=1 epoch=x", "millrace/1 ", "millrace/1 sealed-to=x", "millrace/1 sealed-to=-2", "millrace/1 sealed-to=1 sealed-at=x"} {
		if got, err := parseSeal(strange); err == nil {
			t.Errorf("%q reads as %+v, want an error", strange, got)
		}
	}
}

// The store has the block, its answer is lost, and the process ends. The next
// owner cuts batches differently, and more records have come meanwhile: it has
// to rebuild the very block, or the store could not know it again.
func TestTheNextOwnerRebuildsTheSealedBlock(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	cfg.StopTimeout = 50 * time.Millisecond
	publish(t, cfg.Brokers, record("a", 1), record("a", 2), record("a", 3))

	sink := newRecorder()
	stop := consume(t, cfg, &mute{sink})
	sink.await(t, "the block that is never acknowledged", func() bool { return len(sink.rows) == 3 })
	stop()

	var more []Record
	for n := range 20 {
		more = append(more, record("a", 10+n))
	}
	publish(t, cfg.Brokers, more...)
	cfg.StopTimeout, cfg.MaxRows = time.Second, 2
	stop = consume(t, cfg, sink)
	sink.await(t, "all rows", func() bool { return len(sink.rows) >= 23 })
	stop()
	if got := len(sink.rows); got != 23 {
		t.Errorf("stored %d rows, want 23", got)
	}
	if rows := sink.tokens["millrace-ingest/events/0/0-2"]; rows != 3 {
		t.Errorf("the sealed block was not sent again whole; tokens %v", sink.tokens)
	}
}

// mute is a recorder whose acknowledgements are lost.
type mute struct{ *recorder }

func (m *mute) Write(ctx context.Context, b *event.Batch, token string) error {
	if err := m.recorder.Write(ctx, b, token); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// Owners that end at any point, with stores that fail in every way, leave each
// record in the store exactly once, and in order.
func TestEveryRecordOnceWhateverEndsWhen(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	cfg := testConfig(broker(t, 3))
	sink := newRecorder()
	total := 0
	for range rounds {
		var records []Record
		for range rng.IntN(200) {
			records = append(records, record(fmt.Sprintf("u%d", total%23), total))
			total++
		}
		publish(t, cfg.Brokers, records...)
		cfg.MaxRows = 1 + rng.IntN(60)
		cfg.StopTimeout = time.Duration(1+rng.IntN(30)) * time.Millisecond
		enough := rng.IntN(total + 1)
		stop := consume(t, cfg, newFlaky(sink, rng.Uint64()))
		sink.await(t, "some rows", func() bool { return len(sink.rows) >= min(enough, total) })
		stop()
	}
	cfg.StopTimeout = 5 * time.Second
	stop := consume(t, cfg, sink)
	sink.await(t, "all rows", func() bool { return len(sink.rows) >= total })
	stop()

	next := map[int32]int64{}
	for _, row := range sink.rows {
		if row.offset != next[row.partition] {
			t.Fatalf("partition %d: got offset %d, want %d", row.partition, row.offset, next[row.partition])
		}
		next[row.partition]++
	}
	if len(sink.rows) != total {
		t.Errorf("stored %d rows of %d records", len(sink.rows), total)
	}
}

// flaky is a recorder that fails before or after it has stored, or is slow.
type flaky struct {
	*recorder
	seed  uint64
	calls atomic.Uint64
}

func newFlaky(r *recorder, seed uint64) *flaky { return &flaky{recorder: r, seed: seed} }

func (f *flaky) Write(ctx context.Context, b *event.Batch, token string) error {
	switch rand.New(rand.NewPCG(f.seed, f.calls.Add(1))).IntN(4) {
	case 0:
		return errors.New("refused before anything was stored")
	case 1:
		err := f.recorder.Write(ctx, b, token)
		return errors.Join(err, errors.New("stored, but the connection broke"))
	case 2:
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(3 * time.Millisecond):
		}
	}
	return f.recorder.Write(ctx, b, token)
}

// A member that was paused past its session finds its commits refused, and
// must not write a block that it has not sealed.
func TestFencedMemberSealsNothing(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	publish(t, cfg.Brokers, record("a", 1))
	sink := newRecorder()
	p, _ := loosePartition(t, cfg, sink, func(context.Context, []position) map[partitionKey]error {
		return map[partitionKey]error{{"events", 0}: asFenced(kerr.IllegalGeneration)}
	})
	p.start(beginning{0, seal{last: noSeal}, -1})
	p.queue.put([]*kgo.Record{{Topic: "events", Value: record("a", 1).Value, Timestamp: time.Now()}})
	p.stop(100 * time.Millisecond)
	if sink.attempts != 0 {
		t.Errorf("a fenced member wrote %d times", sink.attempts)
	}
}

// A write that is late after its seal, as after a pause of the process, asks
// the group again before it sends.
func TestALateWriteProvesOwnershipAgain(t *testing.T) {
	cfg := testConfig([]string{"unused"})
	cfg.WriteDeadline = 5 * time.Millisecond
	sink := newRecorder()
	seals := 0
	sink.fail = func(attempt int, _ string) error {
		if attempt < 3 {
			<-time.After(2 * cfg.WriteDeadline)
			return errors.New("too slow")
		}
		return nil
	}
	p, stopCommits := loosePartition(t, cfg, sink, func(_ context.Context, positions []position) map[partitionKey]error {
		if positions[0].metadata != "" {
			seals++ // the committer's goroutine only; read after it has ended
		}
		return nil
	})
	p.start(beginning{0, seal{last: noSeal}, -1})
	p.queue.put([]*kgo.Record{{Topic: "events", Value: record("a", 1).Value, Timestamp: time.Now()}})
	sink.await(t, "the row", func() bool { return len(sink.rows) == 1 })
	p.stop(time.Second)
	stopCommits()
	if seals < 3 { // more where the machine is late too
		t.Errorf("sealed %d times, want once per late attempt: 3", seals)
	}
}

// loosePartition is a partition without a broker; send stands for the group.
func loosePartition(t *testing.T, cfg Config, sink Sink, send func(context.Context, []position) map[partitionKey]error) (p *partition, stopCommits func()) {
	t.Helper()
	m := &membership{Consumer: newTestConsumer(t, cfg, sink), commits: newCommitter(send, func() {}), budget: newBudget(divide(cfg, 1, 1))}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.commits.run(ctx)
	}()
	stopCommits = func() { cancel(); <-done }
	t.Cleanup(stopCommits)
	return m.newPartition(partitionKey{"events", 0}), stopCommits
}

// refusal is a store's error about content.
type refusal struct{}

func (refusal) Error() string  { return "cannot store this value" }
func (refusal) Rejected() bool { return true }

// picky is a recorder that refuses every block with a certain event in it.
type picky struct {
	*recorder
	bad map[string]bool
}

func (s *picky) Write(ctx context.Context, b *event.Batch, token string) error {
	for i := range b.Len() {
		if s.bad[b.EventID.At(i)] {
			s.note(token)
			return refusal{}
		}
	}
	return s.recorder.Write(ctx, b, token)
}

// What the store refuses for its content is narrowed down to the rows at
// fault, and every other row is stored.
func TestRefusedRowsBecomeDeadLetters(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	var records []Record
	for n := range 100 {
		records = append(records, record("a", n))
	}
	publish(t, cfg.Brokers, records...)
	sink := &picky{newRecorder(), map[string]bool{"a-0": true, "a-41": true, "a-42": true, "a-99": true}}
	stop := consume(t, cfg, sink)
	sink.await(t, "all rows and dead letters", func() bool { return len(sink.rows) >= 96 && len(sink.letters) >= 4 })
	stop()
	stored := map[string]int{}
	for _, row := range sink.rows {
		stored[row.id]++
	}
	for _, letter := range sink.letters {
		id := fmt.Sprintf("a-%d", letter.Offset)
		if !sink.bad[id] || letter.Reason != event.ReasonStoreRejected || stored[id] > 0 {
			t.Errorf("dead letter of %s: %+v", id, letter)
		}
		var again event.Event
		if reject := event.NewDecoder(event.DefaultLimits()).Decode(&again, letter.Payload); reject != nil || again.ID != id {
			t.Errorf("the payload of %s is %s: %v", id, letter.Payload, reject)
		}
	}
	if len(stored) != 96 || len(sink.rows) != 96 || len(sink.letters) != 4 {
		t.Errorf("%d different events in %d rows and %d dead letters, want 96, 96 and 4", len(stored), len(sink.rows), len(sink.letters))
	}
	if got := committed(t, cfg)[0]; got != 100 {
		t.Errorf("committed %d, want 100", got)
	}
}

// The owner dies between two pieces of a block, and the next one finds a store
// that would take the block whole: the piece that is stored must not land again.
func TestAHalvedBlockIsTakenOverWhereItStood(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	cfg.StopTimeout = 50 * time.Millisecond
	publish(t, cfg.Brokers, record("a", 0), record("a", 1), record("a", 2), record("a", 3))
	sink := &picky{newRecorder(), map[string]bool{"a-3": true}}
	stuck := &stuckAfter{picky: sink, pieces: 1}
	stop := consume(t, cfg, stuck)
	sink.await(t, "the first half", func() bool { return len(sink.rows) == 2 })
	stop()

	sink.bad = nil // now the store would accept the block whole
	cfg.StopTimeout = time.Second
	stop = consume(t, cfg, sink)
	sink.await(t, "all rows", func() bool { return len(sink.rows) >= 4 })
	stop()
	if len(sink.rows) != 4 {
		t.Errorf("stored %d rows, want 4; tokens in order %v", len(sink.rows), sink.sent)
	}
}

// stuckAfter stores so many pieces and then answers nothing.
type stuckAfter struct {
	*picky
	pieces int
}

func (s *stuckAfter) Write(ctx context.Context, b *event.Batch, token string) error {
	if s.pieces == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	err := s.picky.Write(ctx, b, token)
	if err == nil {
		s.pieces--
	}
	return err
}

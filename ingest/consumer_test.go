package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/internal/event"
)

func TestEveryRecordIsStoredOnceInOrder(t *testing.T) {
	cfg := testConfig(broker(t, 4))
	var records []Record
	for n := range 2000 {
		records = append(records, record(fmt.Sprintf("u%d", n%37), n))
	}
	publish(t, cfg.Brokers, records...)
	sink := newRecorder()
	stop := consume(t, cfg, sink)
	sink.await(t, "2000 rows", func() bool { return len(sink.rows) >= 2000 })
	stop()

	next := map[int32]int64{}
	for _, row := range sink.rows {
		if row.offset != next[row.partition] {
			t.Fatalf("partition %d: got offset %d, want %d", row.partition, row.offset, next[row.partition])
		}
		next[row.partition]++
	}
	for partition, offset := range committed(t, cfg) {
		if offset != next[partition] {
			t.Errorf("partition %d: committed %d, stored up to %d", partition, offset, next[partition])
		}
	}

	again := newRecorder()
	stop = consume(t, cfg, again)
	publish(t, cfg.Brokers, record("late", 1))
	again.await(t, "the one new row", func() bool { return len(again.rows) >= 1 })
	stop()
	if got := len(again.rows); got != 1 || again.rows[0].id != "late-1" {
		t.Errorf("a second run stored %d rows, want the new one only", got)
	}
}

func TestFailedWriteIsRepeatedWithTheSameToken(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	publish(t, cfg.Brokers, record("a", 1), record("a", 2), record("a", 3))
	sink := newRecorder()
	sink.fail = func(attempt int, _ string) error {
		if attempt <= 3 {
			return errors.New("store is away")
		}
		return nil
	}
	stop := consume(t, cfg, sink)
	sink.await(t, "3 rows", func() bool { return len(sink.rows) >= 3 })
	stop()
	want := "millrace-ingest/events/0/0-2"
	if sink.attempts < 4 || slices.ContainsFunc(sink.sent, func(token string) bool { return token != want }) {
		t.Errorf("tokens sent: %q, want at least four times %q", sink.sent, want)
	}
	if got := len(sink.rows); got != 3 {
		t.Errorf("stored %d rows, want 3", got)
	}
}

func TestNothingIsCommittedBeforeTheStoreHasIt(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	cfg.StopTimeout = 50 * time.Millisecond
	publish(t, cfg.Brokers, record("a", 1), record("a", 2))
	sink := newRecorder()
	failed := make(chan struct{})
	once := sync.OnceFunc(func() { close(failed) })
	sink.fail = func(int, string) error {
		once()
		return errors.New("store is away")
	}
	stop := consume(t, cfg, sink)
	<-failed
	stop()
	if got, found := committed(t, cfg)[0]; found && got > 0 {
		t.Fatalf("committed %d although nothing is stored", got)
	}

	healthy := newRecorder()
	stop = consume(t, cfg, healthy)
	healthy.await(t, "both rows", func() bool { return len(healthy.rows) >= 2 })
	stop()
	if got := committed(t, cfg)[0]; got != 2 {
		t.Errorf("committed %d, want 2", got)
	}
}

func TestBadRecordsBecomeDeadLettersAndStopNothing(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	bad := []struct {
		value string
		want  event.Reason
	}{
		{`{"type":"view","user_id":"u"`, event.ReasonTruncatedJSON},
		{`{"type":"view"}`, event.ReasonMissingUser},
		{`{"user_id":"u"}`, event.ReasonMissingType},
		{`{"type":"view","user_id":"u","tmestamp":"x"}`, event.ReasonUnknownField},
		{"{\"type\":\"view\",\"user_id\":\"\xff\"}", event.ReasonInvalidUTF8},
		{``, event.ReasonEmptyEvent},
	}
	var records []Record
	for n, b := range bad {
		records = append(records, record("u", n), Record{Key: []byte("u"), Value: []byte(b.value)})
	}
	publish(t, cfg.Brokers, records...)
	sink := newRecorder()
	stop := consume(t, cfg, sink)
	sink.await(t, "rows and dead letters", func() bool { return len(sink.rows) >= len(bad) && len(sink.letters) >= len(bad) })
	stop()
	for i, b := range bad {
		letter := sink.letters[i]
		if letter.Reason != b.want || string(letter.Payload) != b.value || letter.Offset != int64(2*i+1) {
			t.Errorf("letter %d: got %s at offset %d with %q, want %s at %d with %q",
				i, letter.Reason, letter.Offset, letter.Payload, b.want, 2*i+1, b.value)
		}
	}
	if got, want := committed(t, cfg)[0], int64(len(records)); got != want {
		t.Errorf("committed %d, want %d", got, want)
	}
}

func TestBatchClosesOnRowsAndBytes(t *testing.T) {
	for _, tc := range []struct {
		name string
		cut  func(*Config)
		want func(rows int) bool
	}{
		{"rows", func(c *Config) { c.MaxRows = 10 }, func(rows int) bool { return rows <= 10 }},
		{"bytes", func(c *Config) { c.MaxBytes = 200 }, func(rows int) bool { return rows < 20 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := testConfig(broker(t, 1))
			tc.cut(&cfg)
			var records []Record
			for n := range 100 {
				records = append(records, record("user", n))
			}
			publish(t, cfg.Brokers, records...)
			sink := newRecorder()
			stop := consume(t, cfg, sink)
			sink.await(t, "100 rows", func() bool { return len(sink.rows) >= 100 })
			stop()
			for token, rows := range sink.tokens {
				if !tc.want(rows) {
					t.Errorf("batch %s has %d rows", token, rows)
				}
			}
		})
	}
}

// A store that is slow for one partition must neither stop the others nor fill
// the memory.
func TestSlowPartitionPausesAlone(t *testing.T) {
	cfg := testConfig(broker(t, 2))
	cfg.MaxQueuedBytes = 1 << 10
	cfg.MaxRows = 10
	sink := &gate{recorder: newRecorder(), closed: make(chan struct{})}
	stop := consume(t, cfg, sink)
	var first, second []Record // users of partition 0 and 1, found by trying
	for n := 0; len(first) < 500 || len(second) < 500; n++ {
		r := record(fmt.Sprintf("u%d", n), n)
		if partitionOf(r.Key, 2) == 0 {
			first = append(first, r)
		} else {
			second = append(second, r)
		}
	}
	publish(t, cfg.Brokers, append(first, second...)...)
	count := func(partition int32) (rows int) {
		for _, row := range sink.rows {
			if row.partition == partition {
				rows++
			}
		}
		return rows
	}
	sink.await(t, "all of partition 1 while partition 0 is stuck", func() bool { return count(1) >= len(second) })
	sink.mu.Lock()
	if got := count(0); got != 0 {
		t.Errorf("partition 0 stored %d rows through a closed gate", got)
	}
	sink.mu.Unlock()
	close(sink.closed)
	sink.await(t, "all of partition 0", func() bool { return count(0) >= len(first) })
	stop()
}

// gate is a recorder that lets partition 0 wait until closed is closed.
type gate struct {
	*recorder
	closed chan struct{}
}

func (g *gate) Write(ctx context.Context, b *event.Batch, token string) error {
	if b.KafkaPartition[0] == 0 {
		select {
		case <-g.closed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return g.recorder.Write(ctx, b, token)
}

// Members that come and go cleanly hand partitions over without loss and
// without repetition.
func TestRebalanceHandsPartitionsOver(t *testing.T) {
	cfg := testConfig(broker(t, 4))
	sink := newRecorder()
	stopFirst := consume(t, cfg, sink)
	total := 0
	send := func(n int) {
		var records []Record
		for range n {
			records = append(records, record(fmt.Sprintf("u%d", total%50), total))
			total++
		}
		publish(t, cfg.Brokers, records...)
	}
	send(500)
	stopSecond := consume(t, cfg, sink)
	send(500)
	sink.await(t, "1000 rows", func() bool { return len(sink.rows) >= 1000 })
	stopFirst()
	send(500)
	sink.await(t, "1500 rows", func() bool { return len(sink.rows) >= 1500 })
	stopSecond()

	seen := map[string]int{}
	for _, row := range sink.rows {
		seen[row.id]++
	}
	if len(seen) != total {
		t.Errorf("%d different events stored, want %d", len(seen), total)
	}
	for id, times := range seen {
		if times > 1 {
			t.Errorf("event %s stored %d times", id, times)
		}
	}
}

func TestConfigReportsEveryFault(t *testing.T) {
	err := Config{}.Validate()
	if err == nil {
		t.Fatal("an empty configuration was accepted")
	}
	for _, want := range []string{"kafka", "topic", "group", "batch", "max queued bytes", "retry", "stop timeout"} {
		if !containsFold(err.Error(), want) {
			t.Errorf("%q does not name %q", err, want)
		}
	}
	cfg := DefaultConfig()
	cfg.MaxBytes = mostBytes + 1
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "at most 1073741824") {
		t.Errorf("a batch of more text than a column holds: %v", err)
	}
}

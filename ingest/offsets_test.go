package ingest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func newTestLog(t *testing.T, brokers []string) *TopicLog {
	t.Helper()
	log, err := NewTopicLog(brokers, "events", DefaultConfig().Group)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	return log
}

func TestTopicLogFindsHoursAndBounds(t *testing.T) {
	brokers := broker(t, 1)
	start := time.Now().Truncate(time.Hour).Add(time.Hour) // ahead: the client gives up on records of long ago
	var records []Record
	for i := range 10 {
		r := record("u", i)
		r.Timestamp = start.Add(time.Duration(i) * 20 * time.Minute)
		records = append(records, r)
	}
	publish(t, brokers, records...)
	log := newTestLog(t, brokers)
	for hours, want := range []int64{0, 3, 6, 9, 10} {
		got, err := log.OffsetsAt(t.Context(), start.Add(time.Duration(hours)*time.Hour))
		if err != nil || got[0] != want {
			t.Errorf("after %d hours: %v, %v, want %d", hours, got, err, want)
		}
	}
	check := func(wantStart int64, wantStored map[int32]int64) {
		t.Helper()
		starts, stored, ends, err := log.Bounds(t.Context())
		if err != nil || starts[0] != wantStart || ends[0] != 10 || cmp.Diff(wantStored, stored) != "" {
			t.Errorf("bounds %v %v %v, %v", starts, stored, ends, err)
		}
	}
	check(0, map[int32]int64{}) // the group has never been
	cfg := testConfig(brokers)
	sink := newRecorder()
	stop := consume(t, cfg, sink)
	sink.await(t, "all rows", func() bool { return len(sink.rows) == 10 })
	stop()
	offsets := kadm.Offsets{}
	offsets.AddOffset("events", 0, 4, -1)
	if _, err := log.admin.DeleteRecords(t.Context(), offsets); err != nil {
		t.Fatal(err)
	}
	check(4, map[int32]int64{0: 10})
}

// TestTopicLogTellsMarkersFromRecords writes one transaction that is committed
// and one that is aborted: each ends with a marker, which takes an offset.
func TestTopicLogTellsMarkersFromRecords(t *testing.T) {
	brokers := broker(t, 1)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic("events"), kgo.TransactionalID("test"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if err := client.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprint(i))).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	log := newTestLog(t, brokers)
	for _, tt := range []struct{ first, last, records, markers int64 }{{0, 7, 6, 2}, {3, 3, 0, 1}, {1, 2, 2, 0}, {4, 7, 3, 1}} {
		var records, markers int64
		err := log.Read(t.Context(), 0, tt.first, tt.last, func(_ int64, marker bool) {
			if marker {
				markers++
			} else {
				records++
			}
		})
		if err != nil || records != tt.records || markers != tt.markers {
			t.Errorf("offsets %d to %d: %d records and %d markers, %v, want %d and %d", tt.first, tt.last, records, markers, err, tt.records, tt.markers)
		}
	}
}

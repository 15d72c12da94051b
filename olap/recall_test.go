package olap

import (
	"testing"

	"millrace/internal/event"
)

func TestRecentIDs(t *testing.T) {
	s := newStore(t)
	var rows []row
	for range 20 {
		rows = append(rows, row{kind: "view", user: "a", at: at("2026-01-01T00:00:00Z")})
	}
	write(t, s, "t", rows)
	var offsets []int64
	for id, err := range s.RecentIDs(t.Context(), "events", 0, 5, 15) {
		if err != nil {
			t.Fatal(err)
		}
		if id.ReceivedAt != at("2026-01-01T00:00:00Z").UnixMilli() || id.EventID == "" {
			t.Errorf("got %+v", id)
		}
		offsets = append(offsets, id.Offset)
	}
	for i, offset := range offsets {
		if offset != int64(5+i) {
			t.Fatalf("offsets %v, want 5 to 14 in order", offsets)
		}
	}
	if len(offsets) != 10 {
		t.Errorf("%d offsets, want 10", len(offsets))
	}
	for id := range s.RecentIDs(t.Context(), "events", 1, 0, 100) {
		t.Errorf("another partition yields %+v", id)
	}
}

func TestLastOffset(t *testing.T) {
	s := newStore(t)
	check := func(partition int32, want int64, stored bool) {
		t.Helper()
		last, found, err := s.LastOffset(t.Context(), "events", partition)
		if err != nil || found != stored || stored && last != want {
			t.Errorf("partition %d: got %d, %v, %v, want %d, %v", partition, last, found, err, want, stored)
		}
	}
	check(0, 0, false)
	write(t, s, "t", []row{{kind: "view", user: "a", at: at("2026-01-01T00:00:00Z")}})
	check(0, 0, true)
	check(1, 0, false)
	letter := event.DeadLetter{Position: event.Position{Topic: "events", Partition: 1, Offset: 7}, Reject: event.Reject{Reason: event.ReasonMissingUser}}
	if err := s.Writer().WriteDeadLetters(t.Context(), []event.DeadLetter{letter}, "letter"); err != nil {
		t.Fatal(err)
	}
	check(1, 7, true)
	repeat := event.Duplicate{Position: event.Position{Topic: "events", Partition: 1, Offset: 9}}
	if err := s.Writer().WriteDuplicates(t.Context(), []event.Duplicate{repeat}, "repeat"); err != nil {
		t.Fatal(err)
	}
	check(1, 9, true)
}

func TestRowsBesideTheEventsLandOncePerToken(t *testing.T) {
	s := newStore(t)
	letters := []event.DeadLetter{{
		Position: event.Position{Topic: "events", Partition: 1, Offset: 7, ReceivedAt: 1000},
		Reject:   event.Reject{Reason: event.ReasonMissingUser, Field: "/user_id", Detail: "no user"},
		Payload:  []byte("{\xff"),
	}}
	duplicates := []event.Duplicate{{Position: letters[0].Position, EventID: "e", StoredOffset: 3}}
	for range 3 {
		if err := s.Writer().WriteDeadLetters(t.Context(), letters, "block"); err != nil {
			t.Fatal(err)
		}
		if err := s.Writer().WriteDuplicates(t.Context(), duplicates, "block"); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"dead_letters", "duplicates"} {
		var n uint64
		if err := s.conn.QueryRow(t.Context(), "SELECT count() FROM "+table+" WHERE kafka_offset = 7 AND kafka_partition = 1").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != 1 {
			t.Errorf("%s holds the row %d times, want once", table, n)
		}
	}
	var payload string
	if err := s.conn.QueryRow(t.Context(), "SELECT payload FROM dead_letters").Scan(&payload); err != nil || payload != "{\xff" {
		t.Errorf("payload %q: %v", payload, err)
	}
}

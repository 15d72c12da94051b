package olap

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/internal/event"
)

// writeLetters stores n letters, one a minute, of changing reasons and two
// partitions.
func writeLetters(t *testing.T, s *Store, n int) {
	t.Helper()
	var letters []event.DeadLetter
	for i := range n {
		reject := event.Reject{Reason: event.ReasonMissingUser, Field: "/user_id", Detail: "no user"}
		if i%3 == 0 {
			reject = event.Reject{Reason: event.ReasonWrongType, Field: "/context/ip", Detail: "a number"}
		}
		letters = append(letters, event.DeadLetter{
			Position: event.Position{Topic: "events", Partition: int32(i % 2), Offset: int64(i), ReceivedAt: ledgerStart.Add(time.Duration(i) * time.Minute).UnixMilli()},
			Reject:   reject, Payload: fmt.Appendf(nil, "payload %d\x00\xff", i),
		})
	}
	if err := s.Writer().WriteDeadLetters(t.Context(), letters, "t"); err != nil {
		t.Fatal(err)
	}
}

// offsetsOf are the offsets of letters, in their order.
func offsetsOf(letters []StoredLetter) string {
	var all []string
	for _, l := range letters {
		all = append(all, fmt.Sprint(l.ID.Offset))
	}
	return strings.Join(all, " ")
}

func TestDeadLettersAreListedNewestFirstInPages(t *testing.T) {
	s := newStore(t)
	writeLetters(t, s, 10)
	var got []string
	var before Cursor
	for {
		page, err := s.DeadLetters(t.Context(), LetterFilter{}, before, 3, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, offsetsOf(page))
		before = page[len(page)-1].Cursor()
	}
	if diff := cmp.Diff([]string{"9 8 7", "6 5 4", "3 2 1", "0"}, got); diff != "" {
		t.Error(diff)
	}
	one, err := s.DeadLetters(t.Context(), LetterFilter{}, Cursor{}, 1, 8)
	if err != nil || string(one[0].Payload) != "payload " || one[0].Size != 11 || one[0].Reason != event.ReasonWrongType || one[0].StoredAt.IsZero() {
		t.Errorf("got %+v, %v", one, err)
	}
}

func TestDeadLettersAreFiltered(t *testing.T) {
	s := newStore(t)
	writeLetters(t, s, 10)
	mark := Replay{ID: LetterID{"events", 0, 4}, EventID: "e4", Correction: `[{"op":"test"}]`, At: ledgerStart.Add(time.Hour)}
	for _, at := range []time.Duration{0, time.Minute} { // the later counts
		again := mark
		again.At = mark.At.Add(at)
		again.EventID = fmt.Sprint("e4 ", at)
		if err := s.MarkReplayed(t.Context(), []Replay{again}); err != nil {
			t.Fatal(err)
		}
	}
	yes, no, partition := true, false, int32(1)
	for _, tt := range []struct {
		name   string
		filter LetterFilter
		want   string
	}{
		{"time", LetterFilter{From: ledgerStart.Add(2 * time.Minute), To: ledgerStart.Add(4 * time.Minute)}, "3 2"},
		{"reason", LetterFilter{Reasons: []string{"wrong_type", "none"}}, "9 6 3 0"},
		{"partition", LetterFilter{Partition: &partition}, "9 7 5 3 1"},
		{"field", LetterFilter{Field: "/context"}, "9 6 3 0"},
		{"half a field", LetterFilter{Field: "/cont"}, ""},
		{"ids", LetterFilter{IDs: []LetterID{{"events", 0, 2}, {"events", 1, 4}, {"events", 1, 5}}}, "5 2"},
		{"replayed", LetterFilter{Replayed: &yes}, "4"},
		{"not replayed", LetterFilter{Replayed: &no, Reasons: []string{"missing_user"}}, "8 7 5 2 1"},
		{"topic", LetterFilter{Topic: "others"}, ""},
	} {
		got, err := s.DeadLetters(t.Context(), tt.filter, Cursor{}, 100, 0)
		if err != nil {
			t.Fatal(err)
		}
		if offsetsOf(got) != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, offsetsOf(got), tt.want)
		}
		counts, err := s.DeadLetterReasons(t.Context(), tt.filter)
		var total int64
		for _, c := range counts {
			total += c.Count
		}
		if err != nil || total != int64(len(got)) {
			t.Errorf("%s: %v counts %v, listed %d", tt.name, err, counts, len(got))
		}
		if i := slices.IndexFunc(got, func(l StoredLetter) bool { return l.ID.Offset == 4 }); i >= 0 {
			want := mark
			want.At, want.EventID = mark.At.Add(time.Minute), "e4 1m0s"
			if diff := cmp.Diff(want, got[i].Replay); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestStoredIDsOf(t *testing.T) {
	s := newStore(t)
	write(t, s, "t", []row{{id: "a", user: "u'1\n", at: ledgerStart}, {id: "b", user: "u2", at: ledgerStart}})
	got, err := s.StoredIDsOf(t.Context(), []string{"u'1\n", "u2"}, []string{"a", "b", "c"})
	if diff := cmp.Diff(map[string]bool{"a": true, "b": true}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestParseLetterID(t *testing.T) {
	id := LetterID{"web.events", 3, 17}
	if got, err := ParseLetterID(id.String()); err != nil || got != id {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "events", "events/0", "events/0/x", "/0/1", "events/-1/1", "events/0/1/2"} {
		if _, err := ParseLetterID(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

package olap

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/internal/event"
)

// eraseStart is when the people below did what they did.
var eraseStart = at("2026-03-01T10:00:00Z")

func positionOf(offset int) event.Position {
	return event.Position{Topic: "events", Offset: int64(offset), ReceivedAt: eraseStart.UnixMilli()}
}

// fillForErasure lets ann and bob, and the visitors va and vb that mean them, leave
// something in every table. ann's second id is also what a visitor is called.
func fillForErasure(t *testing.T, s *Store) {
	t.Helper()
	b := &event.Batch{}
	for i, user := range []string{"ann", "bob", "va", "vb", "ann", "bob", "shared", "shared"} {
		kind, properties := "purchase", `{"amount":1}`
		if i == 4 || i == 5 {
			kind, properties = "identify", `{"plan":"of `+user+`"}`
		}
		appendRow(b, row{kind: kind, user: user, at: eraseStart.Add(time.Duration(i) * time.Second), amount: "1", currency: "EUR", properties: properties}, int64(i))
	}
	b.AnonymousID = event.Text{}
	for _, visitor := range []string{"va", "vb", "va", "vb", "", "", "shared", "another"} {
		b.AnonymousID.Append(visitor)
	}
	w := s.Writer()
	if err := w.Write(t.Context(), b, "events/0"); err != nil {
		t.Fatal(err)
	}
	repeats := []event.Duplicate{
		{Position: positionOf(8), EventID: "e0", StoredOffset: 0},
		{Position: positionOf(9), EventID: "e1", StoredOffset: 1},
	}
	if err := w.WriteDuplicates(t.Context(), repeats, "repeats/0"); err != nil {
		t.Fatal(err)
	}
	var letters []event.DeadLetter
	for i, payload := range []string{
		`{"user_id":"ann","type":5}`, `{"user_id":"bob","type":5}`, `{"user_id":"ann`, `{"anonymous_id":"va","type":5}`,
		"{\"user_id\":\"ann\",", "\x1a\x03ann\xff", "\x1a\x03bob\xff", `{"type":"view","page":"ann"}`,
	} {
		letters = append(letters, event.DeadLetter{
			Position: positionOf(10 + i), Reject: event.Reject{Reason: event.ReasonMalformedJSON, Field: "/type", Detail: "what came"}, Payload: []byte(payload),
		})
	}
	if err := w.WriteDeadLetters(t.Context(), letters, "letters/0"); err != nil {
		t.Fatal(err)
	}
	err := s.MarkReplayed(t.Context(), []Replay{
		{ID: LetterID{"events", 0, 10}, EventID: "x0", Correction: `[{"op":"remove","path":"/type"}]`, At: eraseStart},
		{ID: LetterID{"events", 0, 11}, EventID: "x1", Correction: `[{"op":"remove","path":"/type"}]`, At: eraseStart},
		{ID: LetterID{"events", 0, 17}, EventID: "x2", Correction: `[{"op":"add","path":"/user_id","value":"ann"}]`, At: eraseStart},
	})
	if err != nil {
		t.Fatal(err)
	}
	scores, err := s.NewScoreWriter(ScoreChurn)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"ann", "bob", "va"} {
		if err := scores.Add(t.Context(), user, 0.5); err != nil {
			t.Fatal(err)
		}
	}
	if err := scores.Done(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// eraseAnn does all that the erasure of ann does.
func eraseAnn(t *testing.T, s *Store) (before, after []PlaceCount) {
	t.Helper()
	shared, err := s.SharedVisitors(t.Context(), []string{"va", "shared"})
	if err != nil || fmt.Sprint(shared) != "[shared]" {
		t.Fatalf("shared ids: %v, %v", shared, err)
	}
	ann := Erasee{Erasure: "er_1", Users: []string{"ann", "va"}, Visitors: shared}
	if before, err = s.CountErasee(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time, as after a death, there is nothing to do
		if err := s.Erase(t.Context(), ann); err != nil {
			t.Fatal(err)
		}
		if err := s.EraseScores(t.Context(), ann); err != nil {
			t.Fatal(err)
		}
	}
	if after, err = s.CountErasee(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	return before, after
}

// TestErase leaves nothing of one user and everything of the other.
func TestErase(t *testing.T) {
	s := newStore(t)
	fillForErasure(t, s)
	before, after := eraseAnn(t, s)
	if got := fmt.Sprint(before); got != "[{events 4} {user_traits 1} {user_scores 2} {duplicates 1} {dead_letters 5} {dead_letter_replays 2}]" {
		t.Errorf("before: %s", got)
	}
	for _, c := range after {
		if c.Rows != 0 {
			t.Errorf("%d rows are left in %s", c.Rows, c.Table)
		}
	}
	var lines []string
	for _, sql := range []string{
		"SELECT user_id || '/' || anonymous_id AS line FROM events ORDER BY line",
		"SELECT user_id || ' has traits' AS line FROM user_traits FINAL ORDER BY line",
		"SELECT user_id || ' has a score' AS line FROM user_scores FINAL WHERE user_id != '' ORDER BY line",
		"SELECT toString(kafka_offset) || ' repeats ' || toString(stored_offset) || ' ' || event_id AS line FROM duplicates ORDER BY kafka_offset",
		"SELECT toString(kafka_offset) || ' ' || detail || ': ' || payload AS line FROM dead_letters ORDER BY kafka_offset",
		"SELECT toString(kafka_offset) || ' became ' || event_id || ' by ' || correction AS line FROM dead_letter_replays ORDER BY kafka_offset",
	} {
		err := s.eachRow(t.Context(), textStatement(sql), func(scan func(...any) error) error {
			var line string
			err := scan(&line)
			lines = append(lines, line)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "erased.txt", strings.Join(lines, "\n")+"\n")
}

// TestLedgerKnowsWhatWasErased: a removed user is no missing record.
func TestLedgerKnowsWhatWasErased(t *testing.T) {
	s := newStore(t)
	l := logOf(2500, 2)
	storeLog(t, s, l, 0, 2500)
	whole := ledgerOf(t, s, l, 2)
	if err := s.Erase(t.Context(), Erasee{Erasure: "er_1", Users: []string{"u3"}}); err != nil {
		t.Fatal(err)
	}
	rest := ledgerOf(t, s, l, 2)
	if !rest.Balanced() || rest.Total.Erased < 250 || rest.Total.Stored != whole.Total.Stored-rest.Total.Erased || rest.Total.Deduplicated != whole.Total.Deduplicated {
		t.Errorf("before %+v\nafter %+v", whole.Total, rest.Total)
	}
	for _, v := range rest.Views {
		if v.Stored == nil || *v.Stored != v.Events {
			t.Errorf("view %+v", v)
		}
	}
}

package scorer

import (
	"context"
	"fmt"
	"testing"
	"time"

	"millrace/internal/event"
)

// byTopic is a store of several topics.
type byTopic map[string]*memory

func (b byTopic) State(ctx context.Context, topic string, partition int32) (State, error) {
	return b[topic].State(ctx, topic, partition)
}

func (b byTopic) Profiles(ctx context.Context, topic string, partition int32, users []string) ([]Profile, error) {
	return b[topic].Profiles(ctx, topic, partition, users)
}

func (b byTopic) Save(ctx context.Context, step Step) error {
	if step.History != (step.Topic == "history") {
		return fmt.Errorf("topic %s: history %v", step.Topic, step.History)
	}
	return b[step.Topic].Save(ctx, step)
}

// visits are purchases of a user, one a day at noon, from a topic.
func visits(t *testing.T, topic, user string, first, days int, amount float64) *event.Batch {
	t.Helper()
	b := new(event.Batch)
	for n := range days {
		at := time.Date(2026, 3, first+n, 12, 0, 0, 0, time.UTC)
		ev := &event.Event{
			ID: fmt.Sprintf("%s-%d", user, first+n), Type: "purchase", UserID: user, Timestamp: at,
			Properties: fmt.Appendf(nil, `{"amount":"%.2f","currency":"INR"}`, amount+float64(10*n)),
			Context:    event.Context{Country: "IN", Platform: "android", Device: "Pixel 9"},
		}
		if reject := b.AppendEvent(ev, event.Position{Topic: topic, Offset: int64(first + n), ReceivedAt: at.UnixMilli()}); reject != nil {
			t.Fatal(reject)
		}
	}
	return b
}

// TestHistoryTeachesAndRaisesNoAlert gives a scorer two weeks of history of somebody
// who buys for much. Nobody is told of it, though live it would be reviewed; live
// it is usual for him then, and for nobody else; and what comes into the history
// once a user was seen live changes nothing.
func TestHistoryTeachesAndRaisesNoAlert(t *testing.T) {
	store := byTopic{"events": newMemory(), "history": newMemory()}
	s := start(t, store, func(c *Config) { c.Backfill = "history" })
	take := func(b *event.Batch) {
		t.Helper()
		if err := s.Write(t.Context(), b, "a block"); err != nil {
			t.Fatal(err)
		}
	}
	take(visits(t, "history", "known", 1, 14, 90_000))
	if n := len(store["history"].scores) + len(store["events"].scores); n != 0 {
		t.Fatalf("history has %d scores", n)
	}
	take(visits(t, "events", "known", 20, 1, 90_000))
	take(visits(t, "events", "unknown", 21, 1, 90_000))
	known, unknown := store["events"].scores["known-20\x00known"], store["events"].scores["unknown-21\x00unknown"]
	if known.Score >= unknown.Score || known.Decision != "allow" {
		t.Errorf("with history %.3f %s %s, without %.3f %s %s", known.Score, known.Decision, known.Reasons, unknown.Score, unknown.Decision, unknown.Reasons)
	}
	alone := newMemory()
	if err := start(t, alone, nil).Write(t.Context(), visits(t, "events", "known", 20, 1, 90_000), "a block"); err != nil {
		t.Fatal(err)
	}
	if first := alone.scores["known-20\x00known"]; first.Decision != "review" {
		t.Errorf("without any history: %.3f %s", first.Score, first.Decision)
	}
	before := string(store["events"].profiles["known"])
	take(visits(t, "history", "known", 22, 5, 90_000))
	take(visits(t, "events", "other", 22, 1, 1000))
	if string(store["events"].profiles["known"]) != before {
		t.Error("history of later has changed the profile of a user seen live")
	}
	// A purchase that has come with the history is over.
	take(visits(t, "history", "twice", 30, 1, 1000))
	take(visits(t, "events", "twice", 30, 1, 1000))
	if _, judged := store["events"].scores["twice-30\x00twice"]; judged {
		t.Error("a purchase of the history is judged when it comes again")
	}
}

package olap

import (
	"context"
	"fmt"
	"time"
)

// Replay says that a dead letter was put back into the topic.
type Replay struct {
	ID LetterID
	// EventID is the id of the event that it has become.
	EventID string
	// Correction is what was changed, as JSON.
	Correction string
	At         time.Time
}

const insertReplays = `INSERT INTO dead_letter_replays
	(kafka_topic, kafka_partition, kafka_offset, event_id, correction, replayed_at)`

// MarkReplayed notes that letters were replayed. A mark that is made twice does
// no harm: the latest counts.
func (s *Store) MarkReplayed(ctx context.Context, replays []Replay) error {
	if len(replays) == 0 {
		return nil
	}
	first, last := replays[0], replays[len(replays)-1]
	token := fmt.Sprintf("replay/%s-%s/%d", first.ID, last.ID, first.At.UnixMilli())
	return s.Writer().insertRows(ctx, insertReplays, len(replays), token, func(i int) []any {
		r := &replays[i]
		return []any{r.ID.Topic, r.ID.Partition, r.ID.Offset, r.EventID, r.Correction, r.At}
	})
}

// addReplays looks up the latest replay of each letter.
func (s *Store) addReplays(ctx context.Context, letters []StoredLetter) error {
	if len(letters) == 0 {
		return nil
	}
	ids := make([]LetterID, len(letters))
	places := make(map[LetterID][]int, len(letters))
	for i := range letters {
		ids[i] = letters[i].ID
		places[ids[i]] = append(places[ids[i]], i)
	}
	q := newStatement()
	q.text("SELECT kafka_topic, kafka_partition, kafka_offset, argMax(event_id, replayed_at), argMax(correction, replayed_at), max(replayed_at)",
		" FROM dead_letter_replays WHERE (kafka_topic, kafka_partition, kafka_offset) IN ")
	writeLetterIDs(q, ids)
	q.text(" GROUP BY kafka_topic, kafka_partition, kafka_offset")
	return s.eachRow(ctx, q, func(scan func(...any) error) error {
		var r Replay
		err := scan(&r.ID.Topic, &r.ID.Partition, &r.ID.Offset, &r.EventID, &r.Correction, &r.At)
		for _, i := range places[r.ID] {
			letters[i].Replay = r
		}
		return err
	})
}

// StoredIDsOf returns which of a user's events, by their ids, are stored.
func (s *Store) StoredIDsOf(ctx context.Context, users, eventIDs []string) (map[string]bool, error) {
	stored := map[string]bool{}
	if len(users) == 0 {
		return stored, nil
	}
	q := newStatement()
	q.text("SELECT DISTINCT event_id FROM events WHERE user_id IN (SELECT arrayJoin(", q.bind(users), ")) AND event_id IN (SELECT arrayJoin(", q.bind(eventIDs), "))")
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		stored[id] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up stored events: %w", err)
	}
	return stored, nil
}

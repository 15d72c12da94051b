package olap

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/internal/event"
)

// LetterID names a dead letter: where its record lies in Kafka.
type LetterID struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String is topic/partition/offset.
func (id LetterID) String() string {
	return fmt.Sprintf("%s/%d/%d", id.Topic, id.Partition, id.Offset)
}

// ParseLetterID reads what String has written. A topic's name has no slash.
func ParseLetterID(text string) (LetterID, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 3 && parts[0] != "" {
		partition, err1 := strconv.ParseInt(parts[1], 10, 32)
		offset, err2 := strconv.ParseInt(parts[2], 10, 64)
		if err1 == nil && err2 == nil && partition >= 0 && offset >= 0 {
			return LetterID{parts[0], int32(partition), offset}, nil
		}
	}
	return LetterID{}, fmt.Errorf("%q is not the id of a dead letter, such as events/0/17", text)
}

// StoredLetter is a dead letter as it lies in the store.
type StoredLetter struct {
	ID LetterID
	event.Reject
	// Payload is the record's value, or the beginning of it where the listing
	// was asked for that; Size is that of the whole.
	Payload []byte
	Size    int64
	// ReceivedAt is when the broker got it, StoredAt when the store did.
	ReceivedAt, StoredAt time.Time
	// Replay is the latest replay, the zero Replay where there was none.
	Replay Replay
}

// Cursor is the letter's place in a listing.
func (l *StoredLetter) Cursor() Cursor {
	return Cursor{Timestamp: l.ReceivedAt, Topic: l.ID.Topic, Partition: l.ID.Partition, Offset: l.ID.Offset}
}

// LetterFilter chooses dead letters. Empty fields choose all.
type LetterFilter struct {
	// From and To bound the time of receipt: [From, To).
	From, To  time.Time
	IDs       []LetterID
	Reasons   []string
	Topic     string
	Partition *int32
	// Field is the JSON pointer of the field at fault; those below it count too.
	Field string
	// Replayed chooses letters that were, or were not, replayed; nil means both.
	Replayed *bool
}

// DeadLetters lists up to limit letters, newest first, behind the cursor before.
// Of each payload it reads the first payloadBytes bytes, all of them for 0.
func (s *Store) DeadLetters(ctx context.Context, f LetterFilter, before Cursor, limit, payloadBytes int) ([]StoredLetter, error) {
	q := newStatement()
	payload := "payload"
	if payloadBytes > 0 {
		payload = "substring(payload, 1, " + q.bind(payloadBytes) + ")"
	}
	q.text("SELECT kafka_topic, kafka_partition, kafka_offset, reason, field, detail, ", payload, ", toInt64(length(payload)), received_at, stored_at FROM dead_letters WHERE ")
	f.write(q)
	if !before.IsZero() {
		q.text(" AND received_at <= ", q.bind(before.Timestamp), // repeats the first place of the tuple, for the index
			" AND (received_at, kafka_topic, kafka_partition, kafka_offset) < (", q.bind(before.Timestamp), ", ", q.bind(before.Topic),
			", ", q.bind(before.Partition), ", ", q.bind(before.Offset), ")")
	}
	q.text(" ORDER BY received_at DESC, kafka_topic DESC, kafka_partition DESC, kafka_offset DESC LIMIT ", q.bind(limit))
	var letters []StoredLetter
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var l StoredLetter
		var reason, payload string
		err := scan(&l.ID.Topic, &l.ID.Partition, &l.ID.Offset, &reason, &l.Field, &l.Detail, &payload, &l.Size, &l.ReceivedAt, &l.StoredAt)
		l.Reason, l.Payload = event.Reason(reason), []byte(payload)
		letters = append(letters, l)
		return err
	})
	if err == nil {
		err = s.addReplays(ctx, letters)
	}
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return letters, nil
}

// ReasonCount is how many there are of one reason.
type ReasonCount struct {
	Reason string
	Count  int64
}

// DeadLetterReasons counts the letters of a filter by reason, most first.
func (s *Store) DeadLetterReasons(ctx context.Context, f LetterFilter) ([]ReasonCount, error) {
	q := newStatement()
	q.text("SELECT toString(reason) AS r, toInt64(count()) AS n FROM dead_letters WHERE ")
	f.write(q)
	q.text(" GROUP BY r ORDER BY n DESC, r")
	var counts []ReasonCount
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var c ReasonCount
		err := scan(&c.Reason, &c.Count)
		counts = append(counts, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count dead letters: %w", err)
	}
	return counts, nil
}

// write adds the filter as a condition.
func (f *LetterFilter) write(q *statement) {
	q.text("1")
	if !f.From.IsZero() {
		q.text(" AND received_at >= ", q.bind(f.From))
	}
	if !f.To.IsZero() {
		q.text(" AND received_at < ", q.bind(f.To))
	}
	if len(f.IDs) > 0 {
		offsets := make([]int64, len(f.IDs))
		for i, id := range f.IDs {
			offsets[i] = id.Offset
		}
		q.text(" AND kafka_offset >= ", q.bind(slices.Min(offsets)), " AND kafka_offset <= ", q.bind(slices.Max(offsets)), // for the index
			" AND (kafka_topic, kafka_partition, kafka_offset) IN ")
		writeLetterIDs(q, f.IDs)
	}
	if len(f.Reasons) > 0 {
		q.text(" AND has(", q.bind(f.Reasons), ", toString(reason))")
	}
	if f.Topic != "" {
		q.text(" AND kafka_topic = ", q.bind(f.Topic))
	}
	if f.Partition != nil {
		q.text(" AND kafka_partition = ", q.bind(*f.Partition))
	}
	if f.Field != "" {
		q.text(" AND (field = ", q.bind(f.Field), " OR startsWith(field, ", q.bind(f.Field+"/"), "))")
	}
	if f.Replayed != nil {
		not := ""
		if !*f.Replayed {
			not = "NOT "
		}
		q.text(" AND (kafka_topic, kafka_partition, kafka_offset) ", not, "IN (SELECT kafka_topic, kafka_partition, kafka_offset FROM dead_letter_replays)")
	}
}

// writeLetterIDs adds the ids as a set of tuples.
func writeLetterIDs(q *statement, ids []LetterID) {
	topics, partitions, offsets := make([]string, len(ids)), make([]int64, len(ids)), make([]int64, len(ids))
	for i, id := range ids {
		topics[i], partitions[i], offsets[i] = id.Topic, int64(id.Partition), id.Offset
	}
	q.text("(SELECT t, toInt32(p), o FROM (SELECT ", q.bind(topics), " AS t, ", q.bind(partitions), " AS p, ", q.bind(offsets), " AS o) ARRAY JOIN t, p, o)")
}

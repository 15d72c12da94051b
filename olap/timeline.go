package olap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"millrace/internal/event"
)

// StoredEvent is an event as it lies in the store.
type StoredEvent struct {
	event.Event
	// ReceivedAt is when the broker got it, StoredAt when the store did.
	ReceivedAt, StoredAt time.Time
	// Cursor continues a listing behind this event.
	Cursor Cursor
}

// Cursor is a place in a user's timeline, which runs from the newest event to
// the oldest. The zero Cursor is before the newest.
type Cursor struct {
	Timestamp time.Time
	Topic     string
	Partition int32
	Offset    int64
}

// IsZero reports whether the cursor is at the beginning.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// String writes the cursor for a client to send back.
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d.%s", c.Timestamp.UnixMilli(), c.Partition, c.Offset, c.Topic)
}

// ParseCursor reads what String has written.
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	parts := strings.SplitN(text, ".", 4)
	if len(parts) != 4 {
		return Cursor{}, errors.New("not a cursor; send next_cursor of the page before, unchanged")
	}
	at, err1 := strconv.ParseInt(parts[0], 10, 64)
	partition, err2 := strconv.ParseInt(parts[1], 10, 32)
	offset, err3 := strconv.ParseInt(parts[2], 10, 64)
	if errors.Join(err1, err2, err3) != nil {
		return Cursor{}, errors.New("not a cursor; send next_cursor of the page before, unchanged")
	}
	return Cursor{Timestamp: time.UnixMilli(at).UTC(), Partition: int32(partition), Offset: offset, Topic: parts[3]}, nil
}

// UserEvents lists up to limit events of a user, newest first, behind the
// cursor before.
func (s *Store) UserEvents(ctx context.Context, userID string, before Cursor, limit int) ([]StoredEvent, error) {
	q := newStatement()
	q.text(`SELECT event_id, type, user_id, anonymous_id, session_id, timestamp, received_at, stored_at, properties,
	ip, user_agent, country, page, referrer, platform, app_version, device, os, browser, locale,
	kafka_topic, kafka_partition, kafka_offset
FROM events WHERE user_id = `, q.bind(userID))
	if !before.IsZero() {
		q.text(" AND timestamp <= ", q.bind(before.Timestamp), // repeats the first place of the tuple, for the index
			" AND (timestamp, kafka_topic, kafka_partition, kafka_offset) < (", q.bind(before.Timestamp), ", ", q.bind(before.Topic),
			", ", q.bind(before.Partition), ", ", q.bind(before.Offset), ")")
	}
	q.text(" ORDER BY timestamp DESC, kafka_topic DESC, kafka_partition DESC, kafka_offset DESC LIMIT ", q.bind(limit))
	var events []StoredEvent
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var e StoredEvent
		var properties string
		err := scan(&e.ID, &e.Type, &e.UserID, &e.AnonymousID, &e.SessionID, &e.Timestamp, &e.ReceivedAt, &e.StoredAt, &properties,
			&e.Context.IP, &e.Context.UserAgent, &e.Context.Country, &e.Context.Page, &e.Context.Referrer, &e.Context.Platform,
			&e.Context.AppVersion, &e.Context.Device, &e.Context.OS, &e.Context.Browser, &e.Context.Locale,
			&e.Cursor.Topic, &e.Cursor.Partition, &e.Cursor.Offset)
		e.Properties, e.Cursor.Timestamp = json.RawMessage(properties), e.Timestamp
		events = append(events, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the events of a user: %w", err)
	}
	return events, nil
}

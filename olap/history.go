package olap

import (
	"context"
	"fmt"
	"time"
)

// History is the extent of the stored events.
type History struct {
	// First and Newest are the times of the first and the newest event that is not
	// in the future; zero where there is none.
	First, Newest time.Time
	// Users is about how many users had an event in the time asked about.
	Users uint64
}

// AsOf is the instant at which users are looked at now: just after the newest
// event, so that it counts. It is not the wall clock, for silence of the whole
// store says nothing of one user.
func (h History) AsOf() time.Time { return h.Newest.Add(time.Millisecond) }

// History tells from when to when events are stored, and how many users were
// active within the given time before the newest.
func (s *Store) History(ctx context.Context, within time.Duration) (h History, err error) {
	extent := newStatement()
	extent.text("SELECT count(), min(timestamp), max(timestamp) FROM events WHERE timestamp <= ", extent.bind(s.now()))
	var events uint64
	if err := s.readRow(ctx, extent, &events, &h.First, &h.Newest); err != nil {
		return History{}, fmt.Errorf("read the extent of the events: %w", err)
	}
	if events == 0 {
		return History{}, nil
	}
	h.First, h.Newest = h.First.UTC(), h.Newest.UTC()
	active := newStatement()
	active.text("SELECT uniq(user_id) FROM events WHERE timestamp >= ", active.bind(h.Newest.Add(-within)),
		" AND timestamp <= ", active.bind(h.Newest))
	if err := s.readRow(ctx, active, &h.Users); err != nil {
		return History{}, fmt.Errorf("count the active users: %w", err)
	}
	return h, nil
}

func (s *Store) readRow(ctx context.Context, q *statement, into ...any) error {
	ctx, cancel := s.reading(ctx, q.parameters())
	defer cancel()
	return s.conn.QueryRow(ctx, q.String()).Scan(into...)
}

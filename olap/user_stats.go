package olap

import (
	"context"
	_ "embed"
	"fmt"
	"iter"
	"time"
)

// UserStats is what is known of one user over all time. Every value is
// absolute.
type UserStats struct {
	UserID string
	// FirstSeen and LastSeen are event times.
	FirstSeen, LastSeen time.Time
	Events              uint64
	EventsByType        map[string]uint64
	// Sessions counts different session ids, and for events without one, visits
	// that are more than 30 minutes apart.
	Sessions   uint64
	ActiveDays uint64 // UTC days with an event
	Orders     uint64 // events of type purchase
	// RevenueByCurrency and LargestOrder are decimals by currency code, "" where
	// the purchase named none.
	RevenueByCurrency map[string]string
	LargestOrder      map[string]string
	// FavouriteCategory is the most frequent category of the user's events.
	FavouriteCategory string
	// Country, Device and Platform are the latest known.
	Country, Device, Platform string
}

//go:embed user_stats.sql
var userStatsSQL string

// UserStats yields the statistics of every user with an event stored in
// [from, to), by the store's clock. It reads all events of those users, which
// lie together in the table.
func (s *Store) UserStats(ctx context.Context, from, to time.Time) iter.Seq2[UserStats, error] {
	return func(yield func(UserStats, error) bool) {
		q := newStatement()
		q.bind(from) // {p1} and {p2} of the file
		q.bind(to)
		ctx, cancel := s.reading(ctx, q.parameters())
		defer cancel()
		rows, err := s.conn.Query(ctx, userStatsSQL)
		if err != nil {
			yield(UserStats{}, fmt.Errorf("read user statistics: %w", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var u UserStats
			err := rows.Scan(&u.UserID, &u.FirstSeen, &u.LastSeen, &u.Events, &u.EventsByType, &u.Sessions, &u.ActiveDays,
				&u.Orders, &u.RevenueByCurrency, &u.LargestOrder, &u.FavouriteCategory, &u.Country, &u.Device, &u.Platform)
			if !yield(u, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(UserStats{}, fmt.Errorf("read user statistics: %w", err))
		}
	}
}

package olap

import (
	"context"
	_ "embed"
	"fmt"
	"iter"
	"maps"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
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
	// AverageOrder is that of the purchases with an amount, cut at millionths.
	AverageOrder map[string]string
	// RefundsByCurrency is what was given back, and ValueByCurrency what is left of
	// the revenue: the user's lifetime value so far.
	RefundsByCurrency map[string]string
	ValueByCurrency   map[string]string
	// FavouriteCategory is the most frequent category of the user's events.
	FavouriteCategory string
	// Country, Device and Platform are the latest known.
	Country, Device, Platform string
}

var (
	//go:embed user_stats.sql
	userStatsSQL string
	//go:embed user_stats_pages.sql
	userStatsPagesSQL string
)

// statsPage is how many users one statement counts: a page takes seconds at
// most, so that it ends within the time a question may take, whatever the number
// of users.
const statsPage = 20_000

// UserStats yields the statistics of every user with an event stored in
// [from, to), by the store's clock, page by page. It reads all events
// of those users, which lie together in the table.
//
// A user who comes in while it reads, with an event stored in the range, may be
// left out: the caller asks for the end of the range again.
func (s *Store) UserStats(ctx context.Context, from, to time.Time) iter.Seq2[UserStats, error] {
	return func(yield func(UserStats, error) bool) {
		ends, err := s.userPages(ctx, from, to)
		if err != nil {
			yield(UserStats{}, fmt.Errorf("read the users touched: %w", err))
			return
		}
		after := ""
		for _, last := range ends {
			goOn, err := s.userStatsPage(ctx, storedRange(from, to, clickhouse.Parameters{
				"after": escapeParameter(after), "last": escapeParameter(last)}), yield)
			if err != nil {
				yield(UserStats{}, fmt.Errorf("read user statistics: %w", err))
			}
			if err != nil || !goOn {
				return
			}
			after = last
		}
	}
}

// userPages is the last user of each page; there is none where nobody was touched.
func (s *Store) userPages(ctx context.Context, from, to time.Time) (ends []string, err error) {
	var users uint64
	var last string
	const count = "SELECT uniq(user_id), max(user_id) FROM events WHERE stored_at >= {from:DateTime64(3, 'UTC')} AND stored_at < {to:DateTime64(3, 'UTC')}"
	reading, cancel := s.reading(ctx, storedRange(from, to, nil))
	defer cancel()
	if err := s.conn.QueryRow(reading, count).Scan(&users, &last); err != nil || users == 0 {
		return nil, err
	}
	if users > statsPage {
		reading, cancel := s.reading(ctx, storedRange(from, to, clickhouse.Parameters{"size": strconv.Itoa(statsPage)}))
		defer cancel()
		var pages []struct {
			UserID string `ch:"user_id"`
		}
		if err := s.conn.Select(reading, &pages, userStatsPagesSQL); err != nil {
			return nil, err
		}
		for _, page := range pages {
			ends = append(ends, page.UserID)
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] < last {
		ends = append(ends, last)
	}
	return ends, nil
}

// userStatsPage yields one page, and tells whether more is wanted.
func (s *Store) userStatsPage(ctx context.Context, page clickhouse.QueryOption, yield func(UserStats, error) bool) (goOn bool, err error) {
	ctx, cancel := s.reading(ctx, page)
	defer cancel()
	rows, err := s.conn.Query(ctx, userStatsSQL)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var u UserStats
		err := rows.Scan(&u.UserID, &u.FirstSeen, &u.LastSeen, &u.Events, &u.EventsByType, &u.Sessions, &u.ActiveDays,
			&u.Orders, &u.RevenueByCurrency, &u.LargestOrder, &u.AverageOrder, &u.RefundsByCurrency, &u.ValueByCurrency,
			&u.FavouriteCategory, &u.Country, &u.Device, &u.Platform)
		if err != nil {
			return false, err
		}
		if !yield(u, nil) {
			return false, nil
		}
	}
	return true, rows.Err()
}

// storedRange binds {from} and {to}, and more.
func storedRange(from, to time.Time, more clickhouse.Parameters) clickhouse.QueryOption {
	const millis = "2006-01-02 15:04:05.000"
	values := clickhouse.Parameters{"from": from.UTC().Format(millis), "to": to.UTC().Format(millis)}
	maps.Copy(values, more)
	return clickhouse.WithParameters(values)
}

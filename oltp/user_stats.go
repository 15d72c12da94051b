package oltp

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var (
	//go:embed user_stats_upsert.sql
	upsertUserStatsSQL string
	//go:embed user_stats_get.sql
	getUserStatsSQL string
)

var (
	// ErrUnknownUser means that there is no row for the user asked for.
	ErrUnknownUser = errors.New("unknown user")
	// ErrUnstorableUser means that Postgres cannot hold the user's id: it is
	// empty, over 1,024 bytes, not UTF-8, or holds a NUL.
	ErrUnstorableUser = errors.New("postgres cannot hold this user id")
)

// maxUserID is the longest id, in bytes, that is sure to fit an index entry.
const maxUserID = 1024

// UserStats is what is known of one user, over all time. Every value is
// absolute: writing it twice is the same as writing it once.
type UserStats struct {
	UserID string
	// FirstSeen and LastSeen are event times, at millisecond precision.
	FirstSeen, LastSeen time.Time
	Events              uint64
	EventsByType        map[string]uint64
	Sessions            uint64
	// ActiveDays is the number of UTC days with an event.
	ActiveDays uint64
	Orders     uint64
	// These are decimal strings by ISO currency code.
	RevenueByCurrency map[string]string
	LargestOrder      map[string]string
	// AverageOrder is that of the purchases with an amount.
	AverageOrder map[string]string
	// RefundsByCurrency is what was given back, and ValueByCurrency what is left of
	// the revenue: the user's lifetime value so far.
	RefundsByCurrency map[string]string
	ValueByCurrency   map[string]string
	FavouriteCategory string
	// Country, Device and Platform are the latest that are known.
	Country  string
	Device   string
	Platform string
}

// UserStats returns the row of one user, or [ErrUnknownUser].
func (s *Store) UserStats(ctx context.Context, userID string) (UserStats, error) {
	if !storable(userID) {
		return UserStats{}, ErrUnknownUser
	}
	var u UserStats
	err := s.pool.QueryRow(ctx, getUserStatsSQL, userID).Scan(
		&u.UserID, &u.FirstSeen, &u.LastSeen, &u.Events, &u.EventsByType, &u.Sessions, &u.ActiveDays,
		&u.Orders, &u.RevenueByCurrency, &u.LargestOrder, &u.AverageOrder,
		&u.RefundsByCurrency, &u.ValueByCurrency, &u.FavouriteCategory, &u.Country, &u.Device, &u.Platform)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return UserStats{}, ErrUnknownUser
	case err != nil:
		return UserStats{}, wrap("read user stats", err)
	}
	u.FirstSeen, u.LastSeen = u.FirstSeen.UTC(), u.LastSeen.UTC()
	return u, nil
}

// UpsertUserStats writes the users' rows in one statement, all or none. Of two
// entries for one user the later counts. A user whose id Postgres cannot hold
// fails the call with [ErrUnstorableUser].
func (s *Store) UpsertUserStats(ctx context.Context, users []UserStats) error {
	for i := range users {
		if !storable(users[i].UserID) {
			return fmt.Errorf("user %q: %w", users[i].UserID, ErrUnstorableUser)
		}
	}
	return upsertUserStats(ctx, s.pool, users)
}

// execer is a pool or a transaction.
type execer interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
}

// upsertUserStats expects storable ids. It sorts users in place.
func upsertUserStats(ctx context.Context, db execer, users []UserStats) error {
	if len(users) == 0 {
		return nil
	}
	users = lastOfEach(users)
	cols, err := newStatsColumns(users)
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, upsertUserStatsSQL, cols.args()...); err != nil {
		return fmt.Errorf("write stats of %d users: %w", len(users), err)
	}
	return nil
}

// lastOfEach keeps the last entry of each user, ordered by id: one statement may
// touch a row only once, and writers that lock rows in one order cannot deadlock.
func lastOfEach(users []UserStats) []UserStats {
	slices.Reverse(users)
	slices.SortStableFunc(users, func(a, b UserStats) int { return cmp.Compare(a.UserID, b.UserID) })
	return slices.CompactFunc(users, func(a, b UserStats) bool { return a.UserID == b.UserID })
}

// storable reports whether Postgres can hold id as an indexed text.
func storable(id string) bool {
	return id != "" && len(id) <= maxUserID && utf8.ValidString(id) && strings.IndexByte(id, 0) < 0
}

// statsColumns are the arguments of the upsert, one slice per column.
type statsColumns struct {
	userID              []string
	firstSeen, lastSeen []time.Time
	events              []int64
	eventsByType        []string
	sessions            []int64
	activeDays          []int64
	orders              []int64
	revenue             []string
	largestOrder        []string
	averageOrder        []string
	refunds             []string
	value               []string
	favouriteCategory   []string
	country             []string
	device              []string
	platform            []string
}

func newStatsColumns(users []UserStats) (*statsColumns, error) {
	c := &statsColumns{}
	for i := range users {
		if err := c.append(&users[i]); err != nil {
			return nil, fmt.Errorf("stats of user %q: %w", users[i].UserID, err)
		}
	}
	return c, nil
}

func (c *statsColumns) append(u *UserStats) error {
	byType, err := jsonObject(u.EventsByType)
	if err != nil {
		return err
	}
	money := make([]string, 0, 5)
	for _, amounts := range []map[string]string{u.RevenueByCurrency, u.LargestOrder, u.AverageOrder, u.RefundsByCurrency, u.ValueByCurrency} {
		text, err := jsonObject(amounts)
		if err != nil {
			return err
		}
		money = append(money, text)
	}
	c.userID = append(c.userID, u.UserID)
	c.firstSeen = append(c.firstSeen, u.FirstSeen)
	c.lastSeen = append(c.lastSeen, u.LastSeen)
	c.events = append(c.events, bigint(u.Events))
	c.eventsByType = append(c.eventsByType, byType)
	c.sessions = append(c.sessions, bigint(u.Sessions))
	c.activeDays = append(c.activeDays, bigint(u.ActiveDays))
	c.orders = append(c.orders, bigint(u.Orders))
	c.revenue = append(c.revenue, money[0])
	c.largestOrder = append(c.largestOrder, money[1])
	c.averageOrder = append(c.averageOrder, money[2])
	c.refunds = append(c.refunds, money[3])
	c.value = append(c.value, money[4])
	c.favouriteCategory = append(c.favouriteCategory, cleanText(u.FavouriteCategory))
	c.country = append(c.country, cleanText(u.Country))
	c.device = append(c.device, cleanText(u.Device))
	c.platform = append(c.platform, cleanText(u.Platform))
	return nil
}

func (c *statsColumns) args() []any {
	return []any{
		c.userID, c.firstSeen, c.lastSeen, c.events, c.eventsByType, c.sessions, c.activeDays,
		c.orders, c.revenue, c.largestOrder, c.averageOrder, c.refunds, c.value, c.favouriteCategory, c.country, c.device, c.platform,
	}
}

// bigint keeps a count inside Postgres' largest integer.
func bigint(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// jsonObject renders a map for a jsonb column; an absent map is {}.
func jsonObject[V uint64 | string](m map[string]V) (string, error) {
	clean := make(map[string]V, len(m))
	for key, value := range m {
		clean[cleanText(key)] = value
	}
	text, err := json.Marshal(clean)
	return string(text), err
}

// cleanText replaces what Postgres cannot hold in text, NUL and bytes that are
// not UTF-8, by U+FFFD: a strange label must not stop everyone's sync.
func cleanText(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

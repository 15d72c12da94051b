package olap

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// How long events are kept
//
// By default for ever. Otherwise ClickHouse drops them by their time, and with
// them what was computed from them: the windows, the traits of users, and what
// could not be stored. Tables with a part per month drop a month as a whole,
// once all of it is older: rewriting parts day by day would cost more than the
// inserts. So an event is gone at most 31 days after its time is over.

const (
	day = 24 * time.Hour
	// KeepLeast is the shortest time, in days, that events can be kept.
	KeepLeast = 2 * keepSlack
	// keepSlack is how much younger than that an event has to be when it arrives:
	// so that whatever was received within this time is still there, and the
	// ledger exact for it.
	keepSlack = int(LedgerMost / day)
)

// keptTables are the tables that forget, each with the time it goes by.
func keptTables() []struct{ name, time string } {
	return []struct{ name, time string }{
		{"windows_by_type", "window_start"},
		{"user_traits", "toDateTime(tupleElement(latest, 'timestamp'))"},
		{"dead_letters", "toDateTime(received_at)"},
		{"duplicates", "toDateTime(received_at)"},
		{"events", "toDateTime(timestamp)"}, // last: it says what holds
	}
}

// Keep makes the store keep events for so many days, or for ever with 0. What is
// older already goes in the background. It is kept in the tables, so it holds
// for every process; others that run know it from their next start on.
func (s *Store) Keep(ctx context.Context, days int) error {
	if days != 0 && days < KeepLeast {
		return fmt.Errorf("keep events for %d days: give at least %d, or 0 for ever", days, KeepLeast)
	}
	return s.keepTables(ctx, days)
}

func (s *Store) keepTables(ctx context.Context, days int) error {
	tables, _, err := s.schemaTables(ctx)
	if err != nil {
		return fmt.Errorf("read how long events are kept: %w", err)
	}
	for _, t := range keptTables() {
		if keptDays(tables[s.database+"."+t.name].full) == days {
			continue
		}
		if err := s.keepTable(ctx, t.name, t.time, days); err != nil {
			return fmt.Errorf("keep %s for %d days: %w", t.name, days, err)
		}
	}
	s.keeps.Store(int64(days))
	return nil
}

func (s *Store) keepTable(ctx context.Context, table, at string, days int) error {
	if days == 0 {
		return s.conn.Exec(ctx, "ALTER TABLE "+table+" REMOVE TTL")
	}
	// Parts that are there learn their times from that column alone. user_traits
	// has no months, so its rows go one by one.
	whole := map[bool]int{true: 0, false: 1}[table == "user_traits"]
	settings := fmt.Sprintf("ALTER TABLE %s MODIFY SETTING ttl_only_drop_parts = %d, materialize_ttl_recalculate_only = 1", table, whole)
	if err := s.conn.Exec(ctx, settings); err != nil {
		return err
	}
	return s.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s MODIFY TTL %s + toIntervalDay(%d)", table, at, days))
}

// Kept reads for how many days events are kept, 0 for ever, and remembers it for
// what the store answers. Tables that came with a later version learn it.
func (s *Store) Kept(ctx context.Context) (days int, err error) {
	tables, _, err := s.schemaTables(ctx)
	if err != nil {
		return 0, fmt.Errorf("read how long events are kept: %w", err)
	}
	days = keptDays(tables[s.database+".events"].full)
	if days == 0 {
		s.keeps.Store(0)
		return 0, nil
	}
	return days, s.keepTables(ctx, days)
}

// MostAge is how old an event may be when it arrives, in a store that keeps
// events for so many days; 0 for any age.
func MostAge(days int) time.Duration {
	if days == 0 {
		return 0
	}
	return time.Duration(days-keepSlack) * day
}

// keptPattern finds the days of a table's TTL in its engine with settings.
var keptPattern = regexp.MustCompile(`TTL .*toIntervalDay\((\d+)\)`)

func keptDays(full string) int {
	found := keptPattern.FindStringSubmatch(full)
	if found == nil {
		return 0
	}
	days, _ := strconv.Atoi(found[1])
	return days
}

// keptSince is the time before which events may be gone; false where they are
// kept for ever.
func (s *Store) keptSince(now time.Time) (time.Time, bool) {
	days := s.keeps.Load()
	return now.Add(-time.Duration(days) * day).UTC(), days > 0
}

// settledSince is the time since when everything that was received is still
// there; false where that is all of it.
func (s *Store) settledSince(now time.Time) (time.Time, bool) {
	return now.Add(-LedgerMost), s.keeps.Load() > 0
}

// warnOfTheForgotten says which figures may be made of less than there was.
func (r *run) warnOfTheForgotten(f frame) {
	since, forgets := r.store.keptSince(r.now)
	if !forgets {
		return
	}
	begin := stamp(since.Truncate(time.Second).In(f.calendar.zone))
	if f.from.Before(since) {
		r.warn("events from before %s are not kept: figures of that time are of what is left", begin)
	}
	if r.first {
		r.warn("the first event of a user is the first that is kept, from %s on", begin)
	}
}

// looksAtFirsts tells whether a question asks for the first event of all time.
func looksAtFirsts(q Query) bool {
	switch q := q.(type) {
	case *lifecycle:
		return true
	case *retention:
		return q.Cohort == cohortFirstEver
	case *trends:
		for _, s := range q.Series {
			if s.Measure == measureNewUsers {
				return true
			}
		}
	}
	return false
}

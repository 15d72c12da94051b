package olap

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Windows of months from before
//
// A view sees what is stored after it was made. Where there were events before,
// windows_missing lists their months, and for each of these
//
//   - the windows are made anew from the raw events, in a table beside, and put in
//     the place of the month's partition, if no event of the month came in
//     meanwhile;
//   - at least windowsRest later the windows are counted: if they have as many
//     events as there are rows, the month is taken off the list; if not, they are
//     made anew once more.
//
// Until then questions read the raw events of the month. The rest is for blocks
// that were in doubt when the windows were made: sent again, such a block is known
// to the raw table and not to the new view, which would count it a second time.
// What is still in doubt after it is not covered; the ledger would show it.

const (
	// windowsRest is how long windows that were made anew have to be at rest.
	windowsRest = time.Hour
	// windowsTries is how often a month is tried while events of it come in.
	windowsTries = 3
	// rebuiltWindows is the table beside. While it is there, somebody is at work.
	rebuiltWindows = "windows_rebuilt"
	// rebuiltMost is when whoever made it must have died.
	rebuiltMost = 2 * time.Hour
)

// settleWindows works on the months that windows_missing lists, and returns those
// whose windows it made anew.
func (s *Store) settleWindows(ctx context.Context) ([]string, error) {
	listed, err := s.listedMonths(ctx)
	if err != nil || len(listed) == 0 {
		return nil, err
	}
	defer s.forgetMissing()
	if free, err := s.claimRebuilt(ctx); err != nil || !free {
		return nil, err
	}
	defer func() { _ = s.conn.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+rebuiltWindows) }() // or the next call does
	var made []string
	for _, m := range listed {
		anew, err := s.settleMonth(ctx, m)
		if err != nil {
			return made, fmt.Errorf("make the windows of %d: %w", m.name, err)
		}
		if anew {
			made = append(made, fmt.Sprint(m.name))
		}
	}
	return made, nil
}

// claimRebuilt makes the table beside, unless somebody else has it.
func (s *Store) claimRebuilt(ctx context.Context) (bool, error) {
	q := newStatement()
	q.text("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = ", q.bind(rebuiltWindows),
		" AND metadata_modification_time > now() - toIntervalSecond(", q.bind(int64(rebuiltMost.Seconds())), ")")
	var taken uint64
	if err := s.readRow(ctx, q, &taken); err != nil {
		return false, fmt.Errorf("look whether windows are being made: %w", err)
	}
	if taken > 0 {
		return false, nil
	}
	for _, statement := range []string{"DROP TABLE IF EXISTS " + rebuiltWindows, "CREATE TABLE " + rebuiltWindows + " AS windows_by_type"} {
		if err := s.conn.Exec(ctx, statement); err != nil {
			return false, fmt.Errorf("make a table for windows: %w", err)
		}
	}
	return true, nil
}

// settleMonth takes a month off the list if its windows are complete, and makes
// them anew otherwise.
func (s *Store) settleMonth(ctx context.Context, m listedMonth) (anew bool, err error) {
	for range windowsTries {
		before, kept, err := s.countMonth(ctx, m, "windows_by_type")
		if err != nil {
			return false, err
		}
		if before == kept {
			return false, s.unlist(ctx, m)
		}
		if err := s.rebuild(ctx, m); err != nil {
			return false, err
		}
		after, made, err := s.countMonth(ctx, m, rebuiltWindows)
		if err != nil {
			return false, err
		}
		if before == made && made == after {
			return true, s.replaceWindows(ctx, m)
		}
	}
	return false, nil // events of it come in all the time: at the next call
}

// countMonth counts the raw events of a month, and those in a table of windows.
// Money counts twice, for its half hours: they may lack where an older Millrace,
// beside this one, has made the windows.
func (s *Store) countMonth(ctx context.Context, m listedMonth, table string) (rows, kept uint64, err error) {
	q := newStatement()
	month := q.bind(int64(m.name))
	q.text("SELECT (SELECT count() + countIf(type IN (", q.bind(typePurchase), ", ", q.bind(typeRefund), ")) FROM events WHERE toYYYYMM(timestamp) = ", month, "),",
		" (SELECT sum(events) FROM ", table, " WHERE by_country IN (0, 2) AND toYYYYMM(window_start) = ", month, ")")
	if err := s.readRow(ctx, q, &rows, &kept); err != nil {
		return 0, 0, fmt.Errorf("count events: %w", err)
	}
	return rows, kept, nil
}

// rebuild fills the table beside with the windows of a month, day by day: so memory
// is that of a day. A window does not reach over midnight.
func (s *Store) rebuild(ctx context.Context, m listedMonth) error {
	if err := s.conn.Exec(ctx, "TRUNCATE TABLE "+rebuiltWindows); err != nil {
		return err
	}
	for at := m.from; at.Before(m.to); at = at.Add(day) {
		q := newStatement()
		rows := windowRows{timeRange: timeRange{at, at.Add(day)}, only: "1", raw: true}
		q.text("INSERT INTO ", rebuiltWindows, " (by_country, type, window_start, country, currency, events, amounts, revenue, users)",
			"\nSELECT by_country, type, toDateTime(intDiv(if(by_country < 2, at, at - at % ", q.bind(moneyWidth.Milliseconds()), "), 1000), 'UTC') AS window_start, if(by_country IN (1, 3), place, '') AS country, currency,",
			"\n    sum(n), sum(priced), sum(paid), groupUniqArrayArray(people)",
			"\nFROM (SELECT at, type, country AS place, currency, events AS n, amounts AS priced, revenue AS paid, users AS people FROM ", rows.render(q), ")",
			"\nARRAY JOIN if(type IN (", q.bind(typePurchase), ", ", q.bind(typeRefund), "), [0, 1, 2, 3], [0, 1]) AS by_country\nGROUP BY by_country, type, window_start, country, currency")
		if err := s.conn.Exec(clickhouse.Context(ctx, q.parameters()), q.String()); err != nil {
			return err
		}
	}
	return nil
}

// replaceWindows puts the table beside in the place of the month. Windows of events
// that came in since it was counted go with the old ones: the count an hour later
// tells.
func (s *Store) replaceWindows(ctx context.Context, m listedMonth) error {
	q := newStatement()
	q.text("INSERT INTO windows_missing (month) SELECT ", q.bind(int64(m.name)))
	if err := s.conn.Exec(clickhouse.Context(ctx, q.parameters()), q.String()); err != nil {
		return err
	}
	return s.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE windows_by_type REPLACE PARTITION %d FROM %s", m.name, rebuiltWindows))
}

// unlist takes a month off the list, once its windows have been at rest.
func (s *Store) unlist(ctx context.Context, m listedMonth) error {
	if !m.rested {
		return nil
	}
	return s.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE windows_missing DELETE WHERE month = %d SETTINGS mutations_sync = 2", m.name))
}

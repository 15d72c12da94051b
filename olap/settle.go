package olap

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// settleAge is how long after its end a month counts as over: what still comes
	// for it is little.
	settleAge = 24 * time.Hour
	// settleRows is how many rows without the second order are worth the work.
	settleRows = 100_000
	// settleWindowRows is how many rows of windows in several parts are.
	settleWindowRows = 10_000
)

// Settle makes the windows of months that lack them (a database from before they
// were kept has such). For months that are over it merges what parts of windows the
// store has left, and begins to build the second order of the raw events, the
// projection by_person. It returns the months that it worked on, as the store names them (202601). The second order is built in the
// background; answers are the same before, during and after both.
//
// It is meant to be called now and then, by any number of processes: what is
// settled is left alone, and nothing is begun while an earlier call's work is
// still under way.
func (s *Store) Settle(ctx context.Context) ([]string, error) {
	months, err := s.settleWindows(ctx)
	if err != nil {
		return months, err
	}
	for _, settle := range []func(context.Context) ([]string, error){s.mergeWindows, s.settleOrder} {
		more, err := settle(ctx)
		if months = append(months, more...); err != nil {
			return months, err
		}
	}
	err = s.settleTwins(ctx)
	slices.Sort(months)
	return slices.Compact(months), err
}

// settleOrder begins to build the second order.
func (s *Store) settleOrder(ctx context.Context) ([]string, error) {
	q := newStatement()
	q.text("SELECT partition_id\nFROM system.parts\nWHERE database = currentDatabase() AND table = 'events' AND active AND NOT has(projections, 'by_person')",
		"\n    AND toUInt32OrZero(partition) < toYYYYMM(toDateTime(", q.bind(s.now().Add(-settleAge).Unix()), ", 'UTC'))",
		"\n    AND (SELECT count() FROM system.mutations WHERE database = currentDatabase() AND table = 'events' AND NOT is_done) = 0",
		"\nGROUP BY partition_id\nHAVING sum(rows) >= ", q.bind(int64(settleRows)), "\nORDER BY partition_id")
	months, err := s.monthsOf(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, month := range months { // not waited for: a month of 30 million events takes minutes on a busy machine
		if err := s.conn.Exec(ctx, "ALTER TABLE events MATERIALIZE PROJECTION by_person IN PARTITION ID "+quoteText(month)+" SETTINGS mutations_sync = 0"); err != nil {
			return nil, fmt.Errorf("settle the month %s: %w", month, err)
		}
	}
	return months, nil
}

// mergeWindows merges the windows of each month that is over into one part. By
// itself the store leaves several, in which a window has several rows: at 100
// million events in 90 days that is a tenth of what dashboards cost, and merging a
// month takes three seconds.
func (s *Store) mergeWindows(ctx context.Context) ([]string, error) {
	q := newStatement()
	q.text("SELECT partition_id\nFROM system.parts\nWHERE database = currentDatabase() AND table = 'windows_by_type' AND active",
		"\n    AND toUInt32OrZero(partition) < toYYYYMM(toDateTime(", q.bind(s.now().Add(-settleAge).Unix()), ", 'UTC'))",
		"\nGROUP BY partition_id\nHAVING count() > 1 AND sum(rows) >= ", q.bind(int64(settleWindowRows)), "\nORDER BY partition_id")
	months, err := s.monthsOf(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, month := range months {
		if err := s.conn.Exec(ctx, "OPTIMIZE TABLE windows_by_type PARTITION ID "+quoteText(month)+" FINAL"); err != nil {
			return nil, fmt.Errorf("merge the windows of %s: %w", month, err)
		}
	}
	return months, nil
}

// monthsOf reads the names of months.
func (s *Store) monthsOf(ctx context.Context, q *statement) ([]string, error) {
	var months []string
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var month string
		err := scan(&month)
		months = append(months, month)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for months to settle: %w", err)
	}
	return months, nil
}

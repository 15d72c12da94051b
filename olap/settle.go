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
)

// Settle makes the windows of months that lack them (a database from before they
// were kept has such), and begins to build the second order of the raw events, the
// projection by_person, for months that are over. It returns the months that it
// worked on, as the store names them (202601). The second order is built in the
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
	ordered, err := s.settleOrder(ctx)
	months = append(months, ordered...)
	if err == nil {
		err = s.settleTwins(ctx)
	}
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
	for _, month := range months { // not waited for: a month of 30 million events takes minutes on a busy machine
		if err := s.conn.Exec(ctx, "ALTER TABLE events MATERIALIZE PROJECTION by_person IN PARTITION ID "+quoteText(month)+" SETTINGS mutations_sync = 0"); err != nil {
			return nil, fmt.Errorf("settle the month %s: %w", month, err)
		}
	}
	return months, nil
}

package olap

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

//go:embed churn_features.sql
var churnFeaturesSQL string

// churnFeaturesTimeout bounds one date of all users. It may take longer than a
// question: nobody waits for it, and it runs on one core.
const churnFeaturesTimeout = 15 * time.Minute

// ChurnSelection says which users' features are read, and when.
type ChurnSelection struct {
	// At is the date: features come from events before it, at millisecond
	// precision.
	At time.Time
	// Until ends the time after At in which an event shows that a user has not
	// churned. Where only features are wanted it is zero, and Churned means nothing.
	Until time.Time
	// ActiveSince leaves out users whose latest event before At is older; the zero
	// time leaves out nobody.
	ActiveSince time.Time
	// OneIn takes one user in so many, the same ones at every date. 0 and 1 take all.
	OneIn int
}

// ChurnRow is one user at one date.
type ChurnRow struct {
	UserID string
	// Values are the features', in the order of the names asked for.
	Values []float64
	// Churned tells that the user has no event in [At, Until).
	Churned bool
}

// ChurnFeatures yields the named features of users with an event before the date,
// in no particular order. The names are those of package churn; one that the
// store does not compute is an error. Each row's Values are its own.
func (s *Store) ChurnFeatures(ctx context.Context, names []string, sel ChurnSelection) iter.Seq2[ChurnRow, error] {
	return func(yield func(ChurnRow, error) bool) {
		averages, err := s.AveragePurchases(ctx, sel.At)
		if err != nil {
			yield(ChurnRow{}, err)
			return
		}
		ctx, cancel := s.churnReading(ctx, sel, averages)
		defer cancel()
		rows, err := s.conn.Query(ctx, churnFeaturesSQL)
		if err != nil {
			yield(ChurnRow{}, fmt.Errorf("read churn features: %w", err))
			return
		}
		defer rows.Close()
		scan, err := newChurnScan(rows, names)
		for err == nil && rows.Next() {
			var row ChurnRow
			if row, err = scan.row(); err == nil && !yield(row, nil) {
				return
			}
		}
		if err = errors.Join(err, rows.Err()); err != nil {
			yield(ChurnRow{}, fmt.Errorf("read churn features: %w", err))
		}
	}
}

// churnReading is the context of the query with its parameters. It must not be in
// the way of questions.
func (s *Store) churnReading(ctx context.Context, sel ChurnSelection, averages map[string]float64) (context.Context, context.CancelFunc) {
	epoch := time.Unix(0, 0).UTC()
	if sel.Until.IsZero() {
		sel.Until = sel.At
	}
	if sel.ActiveSince.Before(epoch) {
		sel.ActiveSince = epoch
	}
	currencies := slices.Sorted(maps.Keys(averages))
	worth := make([]float64, len(currencies))
	for i, currency := range currencies {
		worth[i] = averages[currency]
	}
	parameters := clickhouse.Parameters{}
	for name, value := range map[string]any{
		"p1": sel.At, "p2": sel.Until, "p3": sel.ActiveSince, "p4": max(sel.OneIn, 1), "p5": currencies, "p6": worth,
	} {
		parameters[name] = wireOf(value)
	}
	settings := s.settings()
	settings["max_execution_time"] = int(churnFeaturesTimeout.Seconds())
	settings["max_threads"] = 1
	ctx, cancel := context.WithTimeout(ctx, churnFeaturesTimeout)
	return clickhouse.Context(ctx, clickhouse.WithSettings(settings), clickhouse.WithParameters(parameters)), cancel
}

// wireOf is a value as the server reads a parameter.
func wireOf(value any) string {
	q := newStatement()
	q.bind(value)
	return q.params[0].wire
}

// churnScan reads rows by the names of their columns.
type churnScan struct {
	rows    driver.Rows
	user    string
	churned uint8
	values  []float64 // as the query gives them
	targets []any
	columns []int // in values, of each name
}

func newChurnScan(rows driver.Rows, names []string) (*churnScan, error) {
	const before = 2 // user_id and churned
	known := rows.Columns()[before:]
	s := &churnScan{rows: rows, values: make([]float64, len(known)), columns: make([]int, len(names))}
	s.targets = []any{&s.user, &s.churned}
	for i := range s.values {
		s.targets = append(s.targets, &s.values[i])
	}
	for i, name := range names {
		if s.columns[i] = slices.Index(known, name); s.columns[i] < 0 {
			return nil, fmt.Errorf("no churn feature is called %q; there are %v", name, known)
		}
	}
	return s, nil
}

func (s *churnScan) row() (ChurnRow, error) {
	if err := s.rows.Scan(s.targets...); err != nil {
		return ChurnRow{}, err
	}
	row := ChurnRow{UserID: s.user, Values: make([]float64, len(s.columns)), Churned: s.churned == 1}
	for i, column := range s.columns {
		row.Values[i] = s.values[column]
	}
	return row, nil
}

package olap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// This file has what the ledger reads beside the rows of its range.

// CollectorRejections are events of one reason that the collector refused in one
// minute.
type CollectorRejections struct {
	Minute time.Time
	Reason string
	Events int64
}

const insertRejections = `INSERT INTO collector_rejections (minute, reason, events)`

// WriteRejections keeps how many events the collector refused. The promises are
// those of [Writer.Write].
func (w *Writer) WriteRejections(ctx context.Context, rejections []CollectorRejections, token string) error {
	return w.insertRows(ctx, insertRejections, len(rejections), token, func(i int) []any {
		r := &rejections[i]
		return []any{r.Minute, r.Reason, uint64(r.Events)}
	})
}

// addRejections adds what the collector refused to the hours.
func (s *Store) addRejections(ctx context.Context, l *Ledger) error {
	q := newStatement()
	q.text("SELECT toInt64(intDiv(toUnixTimestamp(minute), 3600) * 3600) AS hour, toString(reason) AS r, toInt64(sum(events)) AS n FROM collector_rejections WHERE minute >= ",
		q.bind(l.From), " AND minute < ", q.bind(l.To), " GROUP BY hour, r ORDER BY hour, n DESC, r")
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var hour int64
		var c ReasonCount
		if err := scan(&hour, &c.Reason, &c.Count); err != nil {
			return err
		}
		line := &l.Hours[int(time.Unix(hour, 0).Sub(l.From)/time.Hour)]
		line.Rejected += c.Count
		line.RejectedBy = append(line.RejectedBy, c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what the collector refused: %w", err)
	}
	return nil
}

// blocksSince is when the view that counts for the ledger was made. Rows stored
// before have not gone through it.
func (s *Store) blocksSince(ctx context.Context) (since time.Time, err error) {
	err = s.eachRow(ctx, textStatement("SELECT max(applied_at) FROM schema_migrations WHERE name = 'ledger'"), func(scan func(...any) error) error {
		return scan(&since)
	})
	if err != nil {
		return since, fmt.Errorf("read when the ledger's view was made: %w", err)
	}
	return since, nil
}

func textStatement(text string) *statement {
	q := newStatement()
	q.text(text)
	return q
}

// removedUntil is the time of the latest record that the broker's retention has
// removed from the start of a partition, as far as the store has it, the zero
// time where nothing was removed. Where the store does not know, it is far ahead.
func (s *Store) removedUntil(ctx context.Context, topic string, partition int32, start int64) (until time.Time, err error) {
	if start == 0 {
		return until, nil
	}
	q := newStatement()
	q.text("SELECT max(at), count() FROM (")
	for i, table := range ledgerTables {
		if i > 0 {
			q.text(" UNION ALL ")
		}
		q.text("SELECT received_at AS at FROM ", table, " WHERE kafka_topic = ", q.bind(topic), " AND kafka_partition = ", q.bind(partition),
			" AND kafka_offset >= ", q.bind(start-blockOffsets), " AND kafka_offset < ", q.bind(start))
	}
	q.text(")")
	var rows uint64
	err = s.eachRow(ctx, q, func(scan func(...any) error) error { return scan(&until, &rows) })
	if err != nil {
		return until, fmt.Errorf("look up what retention has removed: %w", err)
	}
	if rows == 0 {
		until = s.now().AddDate(100, 0, 0)
	}
	return until, nil
}

// countingView is the target of a view with the column events; in rows of once,
// each event counts once.
type countingView struct{ name, once string }

func countingViews() []countingView {
	return []countingView{{"windows_by_type", "NOT by_country"}, {"stored_seconds", "1"}, {"offset_blocks", "1"}}
}

// errMoved says that rows came in between two counts.
var errMoved = errors.New("rows came in meanwhile")

// viewTotals compares what each view has counted with the number of raw rows. A
// row is in the table a moment before it is in the views, so they are compared
// only where nothing came in meanwhile; a busy store is tried a few times. Where
// events are not kept for ever they are not compared: some views are.
func (s *Store) viewTotals(ctx context.Context) ([]LedgerView, error) {
	const tries = 3
	var views []LedgerView
	var err error
	for range tries {
		if views, err = s.tryViewTotals(ctx); !errors.Is(err, errMoved) {
			break
		}
	}
	if _, forgets := s.settledSince(s.now()); errors.Is(err, errMoved) || err == nil && forgets {
		return uncompared(views), nil // some views keep what the rows have lost
	}
	if missing, listErr := s.missingWindows(ctx); err == nil {
		err = listErr
		if len(missing) > 0 {
			uncompared(views[:1]) // its events from before are still to come
		}
	}
	return views, err
}

// uncompared leaves out what the views would be compared with.
func uncompared(views []LedgerView) []LedgerView {
	for i := range views {
		views[i].Stored = nil
	}
	return views
}

func (s *Store) tryViewTotals(ctx context.Context) ([]LedgerView, error) {
	before, err := s.eventCounts(ctx)
	if err != nil {
		return nil, err
	}
	after, err := s.eventCounts(ctx)
	if err != nil {
		return nil, err
	}
	var moved error
	views := make([]LedgerView, len(countingViews()))
	for i, v := range countingViews() {
		views[i] = LedgerView{Name: v.name, Events: before[i+1], Stored: &before[0]}
	}
	for i := range before {
		if before[i] != after[i] {
			moved = errMoved
		}
	}
	// A view that lags may be that of an insert that is still under way.
	for _, v := range views {
		if v.Events < before[0] && moved == nil {
			moved = s.insertsUnderWay(ctx)
		}
	}
	return views, moved
}

// eventCounts are the number of raw rows, with those that were erased since the
// views have counted them, and what each view has counted.
func (s *Store) eventCounts(ctx context.Context) ([]int64, error) {
	parts := []string{"toInt64((SELECT count() FROM events) + (SELECT " + erasedIn("duplicates") + " FROM duplicates))"}
	for _, view := range countingViews() {
		parts = append(parts, "toInt64((SELECT sum(events) FROM "+view.name+" WHERE "+view.once+"))")
	}
	counts := make([]int64, len(parts))
	places := make([]any, len(parts))
	for i := range counts {
		places[i] = &counts[i]
	}
	err := s.eachRow(ctx, textStatement("SELECT "+strings.Join(parts, ", ")), func(scan func(...any) error) error { return scan(places...) })
	if err != nil {
		return nil, fmt.Errorf("count the views: %w", err)
	}
	return counts, nil
}

// insertsUnderWay returns errMoved where an insert is running.
func (s *Store) insertsUnderWay(ctx context.Context) error {
	var inserts uint64
	err := s.eachRow(ctx, textStatement("SELECT count() FROM system.processes WHERE query_kind = 'Insert'"), func(scan func(...any) error) error {
		return scan(&inserts)
	})
	if err == nil && inserts > 0 {
		err = errMoved
	}
	return err
}

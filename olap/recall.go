package olap

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"millrace/internal/event"
)

// StoredID is an event that is stored, and where its record lies.
type StoredID struct {
	EventID    string
	Offset     int64
	ReceivedAt int64 // milliseconds since 1970, UTC
}

// recallTimeout bounds what the ingest asks before it begins with a partition.
// That reads the offsets of all months, so it takes longer than a question may
// where the store is large; a partition that gave up would never begin.
const recallTimeout = 10 * time.Minute

// recalling prepares such a question, as reading does for those of users.
func (s *Store) recalling(ctx context.Context, q *statement) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, recallTimeout)
	settings := s.settings()
	settings["max_execution_time"] = int(recallTimeout.Seconds())
	return clickhouse.Context(ctx, clickhouse.WithSettings(settings), q.parameters()), cancel
}

// LastOffset is the highest offset of a partition that the store has, as an
// event or as what was left out or refused; found is false where there is none.
func (s *Store) LastOffset(ctx context.Context, topic string, partition int32) (last int64, found bool, err error) {
	q := newStatement()
	q.text("SELECT max(last), sum(n) > 0 FROM (")
	for i, table := range ledgerTables {
		if i > 0 {
			q.text(" UNION ALL ")
		}
		q.text("SELECT max(kafka_offset) AS last, count() AS n FROM ", table, " WHERE kafka_topic = ", q.bind(topic), " AND kafka_partition = ", q.bind(partition))
	}
	q.text(")")
	ctx, cancel := s.recalling(ctx, q)
	defer cancel()
	if err := s.conn.QueryRow(ctx, q.String()).Scan(&last, &found); err != nil {
		return 0, false, fmt.Errorf("look for stored records of %s/%d: %w", topic, partition, err)
	}
	return last, found, nil
}

// RecentIDs yields the stored events of a partition with offsets in
// [from, before), in the order of their offsets.
func (s *Store) RecentIDs(ctx context.Context, topic string, partition int32, from, before int64) iter.Seq2[StoredID, error] {
	return func(yield func(StoredID, error) bool) {
		q := newStatement()
		q.text("SELECT event_id, kafka_offset, toUnixTimestamp64Milli(received_at) FROM events WHERE kafka_topic = ", q.bind(topic),
			" AND kafka_partition = ", q.bind(partition),
			" AND kafka_offset >= ", q.bind(from), " AND kafka_offset < ", q.bind(before),
			" ORDER BY kafka_offset")
		ctx, cancel := s.recalling(ctx, q)
		defer cancel()
		rows, err := s.conn.Query(ctx, q.String())
		if err != nil {
			yield(StoredID{}, fmt.Errorf("read the stored ids of %s/%d: %w", topic, partition, err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var id StoredID
			err := rows.Scan(&id.EventID, &id.Offset, &id.ReceivedAt)
			if !yield(id, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(StoredID{}, fmt.Errorf("read the stored ids of %s/%d: %w", topic, partition, err))
		}
	}
}

const insertDuplicates = `INSERT INTO duplicates
	(event_id, stored_offset, received_at, kafka_topic, kafka_partition, kafka_offset)`

// WriteDuplicates keeps records that were left out as repeats. The promises are
// those of [Writer.Write].
func (w *Writer) WriteDuplicates(ctx context.Context, duplicates []event.Duplicate, token string) error {
	return w.insertRows(ctx, insertDuplicates, len(duplicates), token, func(i int) []any {
		d := &duplicates[i]
		return []any{d.EventID, d.StoredOffset, time.UnixMilli(d.ReceivedAt), d.Topic, d.Partition, d.Offset}
	})
}

// insertRows sends few rows as one block with a token.
func (w *Writer) insertRows(ctx context.Context, statement string, rows int, token string, row func(i int) []any) error {
	if rows == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.store.cfg.WriteTimeout)
	defer cancel()
	batch, err := w.store.conn.PrepareBatch(clickhouse.Context(ctx, clickhouse.WithSettings(insertSettings(token))), statement)
	if err != nil {
		return fmt.Errorf("write %d rows beside the events: %w", rows, classified(err))
	}
	defer batch.Close()
	for i := range rows {
		if err := batch.Append(row(i)...); err != nil {
			return fmt.Errorf("write row %d of %d beside the events: %w", i, rows, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("write %d rows beside the events: %w", rows, classified(err))
	}
	return nil
}

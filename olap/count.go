package olap

import (
	"context"
	"fmt"
)

// CountStored is the number of raw rows, from the tables' own bookkeeping: it
// costs the same at any size.
func (s *Store) CountStored(ctx context.Context) (uint64, error) {
	ctx, cancel := s.reading(ctx)
	defer cancel()
	var n uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM events").Scan(&n); err != nil {
		return 0, fmt.Errorf("count stored events: %w", err)
	}
	return n, nil
}

// CountOffsets is the number of different records of a topic partition that are
// stored, with offsets in [first, end).
func (s *Store) CountOffsets(ctx context.Context, topic string, partition int32, first, end int64) (uint64, error) {
	q := newStatement()
	q.text("SELECT uniqExact(kafka_offset) FROM events WHERE kafka_topic = ", q.bind(topic),
		" AND kafka_partition = ", q.bind(partition),
		" AND kafka_offset >= ", q.bind(first), " AND kafka_offset < ", q.bind(end))
	ctx, cancel := s.reading(ctx, q.parameters())
	defer cancel()
	var n uint64
	if err := s.conn.QueryRow(ctx, q.String()).Scan(&n); err != nil {
		return 0, fmt.Errorf("count stored offsets: %w", err)
	}
	return n, nil
}

// TableSize is what one table takes, active parts only.
type TableSize struct {
	Table string
	Rows  uint64
	Bytes uint64 // compressed, on disk
	Parts uint64
}

// TableSizes lists the tables of the database by name.
func (s *Store) TableSizes(ctx context.Context) ([]TableSize, error) {
	ctx, cancel := s.reading(ctx)
	defer cancel()
	rows, err := s.conn.Query(ctx, `SELECT table, sum(rows), sum(bytes_on_disk), count()
FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table ORDER BY table`)
	if err != nil {
		return nil, fmt.Errorf("read table sizes: %w", err)
	}
	defer rows.Close()
	var sizes []TableSize
	for rows.Next() {
		var t TableSize
		if err := rows.Scan(&t.Table, &t.Rows, &t.Bytes, &t.Parts); err != nil {
			return nil, fmt.Errorf("read table sizes: %w", err)
		}
		sizes = append(sizes, t)
	}
	return sizes, rows.Err()
}

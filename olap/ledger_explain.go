package olap

import (
	"context"
	"fmt"
)

const (
	// faultsShown bounds the ranges that a line of the ledger names of a partition.
	faultsShown = 20
	// rangesAsked bounds the missing ranges that the broker is asked about.
	rangesAsked = 1000
	// offsetsAsked bounds such a range: in a longer one all offsets are taken to
	// be records.
	offsetsAsked = 100_000
)

// explainSpan looks closer at a span whose rows are not its offsets: which are
// missing, and which are there more than once. Markers of transactions take an
// offset and are no records.
func (s *Store) explainSpan(ctx context.Context, span *ledgerSpan, line *LedgerLine, total int64) error {
	repeated, err := s.repeatedOffsets(ctx, span, line)
	if err != nil {
		return err
	}
	missing := span.settled - span.first - (total - repeated)
	line.Repeated += repeated
	ranges, err := s.missingRanges(ctx, span)
	if err != nil {
		return err
	}
	shown := 0
	for _, r := range ranges {
		records, markers := r.end-r.first, int64(0)
		if records <= offsetsAsked {
			if records, markers, err = span.log.Kinds(ctx, span.partition, r.first, r.end-1); err != nil {
				return err
			}
		}
		absent := r.end - r.first - records
		line.Produced -= absent
		missing -= absent
		what := "missing"
		if records == 0 {
			what = "gone"
		}
		if absent > markers || records > 0 {
			if shown++; shown <= faultsShown {
				line.Faults = append(line.Faults, LedgerFault{span.log.Topic(), span.partition, r.first, r.end - 1, what})
			}
		}
	}
	line.Missing += missing
	return nil
}

// writeAllTables adds the offsets of a span in all tables as a subquery.
func writeAllTables(q *statement, span *ledgerSpan) {
	q.text("(")
	for i, table := range ledgerTables {
		if i > 0 {
			q.text(" UNION ALL ")
		}
		q.text("SELECT kafka_offset AS o FROM ", table, " WHERE kafka_topic = ", q.bind(span.log.Topic()), " AND kafka_partition = ", q.bind(span.partition),
			" AND kafka_offset >= ", q.bind(span.first), " AND kafka_offset < ", q.bind(span.settled))
	}
	q.text(")")
}

// repeatedOffsets counts the rows beyond the first of their record, and names
// the offsets of the first few.
func (s *Store) repeatedOffsets(ctx context.Context, span *ledgerSpan, line *LedgerLine) (repeated int64, err error) {
	q := newStatement()
	q.text("SELECT toInt64(sum(n - 1)), groupArray(", fmt.Sprint(faultsShown), ")(o) FROM (SELECT o, count() AS n FROM ")
	writeAllTables(q, span)
	q.text(" GROUP BY o HAVING n > 1)")
	var offsets []int64
	err = s.eachRow(ctx, q, func(scan func(...any) error) error { return scan(&repeated, &offsets) })
	if err != nil {
		return 0, fmt.Errorf("look for repeated records: %w", err)
	}
	for _, o := range offsets {
		line.Faults = append(line.Faults, LedgerFault{span.log.Topic(), span.partition, o, o, "repeated"})
	}
	return repeated, nil
}

// missingRanges lists the first ranges of offsets that are in no table.
func (s *Store) missingRanges(ctx context.Context, span *ledgerSpan) ([]reach, error) {
	q := newStatement()
	q.text("SELECT before + 1, o FROM (SELECT o, lagInFrame(o, 1, ", q.bind(span.first-1), ") OVER (ORDER BY o ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before FROM (SELECT DISTINCT o FROM ")
	writeAllTables(q, span)
	q.text(" UNION ALL SELECT ", q.bind(span.settled), ")) WHERE o - before > 1 ORDER BY o LIMIT ", q.bind(rangesAsked))
	var ranges []reach
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var r reach
		err := scan(&r.first, &r.end)
		ranges = append(ranges, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for missing records: %w", err)
	}
	return ranges, nil
}

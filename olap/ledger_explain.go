package olap

import (
	"context"
	"fmt"
)

const (
	// faultsShown bounds the ranges that a line of the ledger names of a partition.
	faultsShown = 20
	// rangesTogether is how many missing ranges are asked for at a time.
	rangesTogether = 1000
	// offsetsAsked bounds what is read from the broker in one go, and a missing
	// range that it is asked about: in a longer one all offsets are taken to be
	// records.
	offsetsAsked = 100_000
	// offsetsBetween bounds the offsets between two missing ranges that are read
	// with them: to read some records costs less than to ask once more.
	offsetsBetween = 1000
)

// missingRange is a range of offsets that no table has.
type missingRange struct {
	reach
	records, markers int64 // what the broker has there
}

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
	shown := 0
	for from := span.first; ; {
		ranges, err := s.missingRanges(ctx, span, from)
		if err != nil {
			return err
		}
		if err := countKinds(ctx, span, ranges); err != nil {
			return err
		}
		for _, r := range ranges {
			absent := r.end - r.first - r.records
			line.Produced -= absent
			missing -= absent
			what := "missing"
			if r.records == 0 {
				what = "gone"
			}
			if absent > r.markers || r.records > 0 {
				if shown++; shown <= faultsShown {
					line.Faults = append(line.Faults, LedgerFault{span.log.Topic(), span.partition, r.first, r.end - 1, what})
				}
			}
		}
		if len(ranges) < rangesTogether {
			break
		}
		from = ranges[len(ranges)-1].end
	}
	line.Missing += missing
	return nil
}

// countKinds asks the broker what it has in the ranges. Those that lie close
// together are read in one go.
func countKinds(ctx context.Context, span *ledgerSpan, ranges []missingRange) error {
	for len(ranges) > 0 {
		first, n := ranges[0].first, 1
		if ranges[0].end-first > offsetsAsked {
			ranges[0].records = ranges[0].end - first
			ranges = ranges[1:]
			continue
		}
		for n < len(ranges) && ranges[n].first-ranges[n-1].end <= offsetsBetween && ranges[n].end-first <= offsetsAsked {
			n++
		}
		at := ranges[:n]
		err := span.log.Read(ctx, span.partition, first, ranges[n-1].end-1, func(offset int64, marker bool) {
			for len(at) > 0 && offset >= at[0].end {
				at = at[1:]
			}
			switch {
			case len(at) == 0 || offset < at[0].first:
			case marker:
				at[0].markers++
			default:
				at[0].records++
			}
		})
		if err != nil {
			return err
		}
		ranges = ranges[n:]
	}
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

// missingRanges lists the first ranges of offsets, from one on, that are in no table.
func (s *Store) missingRanges(ctx context.Context, span *ledgerSpan, from int64) ([]missingRange, error) {
	rest := *span
	rest.first = from
	q := newStatement()
	q.text("SELECT before + 1, o FROM (SELECT o, lagInFrame(o, 1, ", q.bind(from-1), ") OVER (ORDER BY o ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before FROM (SELECT DISTINCT o FROM ")
	writeAllTables(q, &rest)
	q.text(" UNION ALL SELECT ", q.bind(span.settled), ")) WHERE o - before > 1 ORDER BY o LIMIT ", q.bind(rangesTogether))
	var ranges []missingRange
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var r missingRange
		err := scan(&r.first, &r.end)
		ranges = append(ranges, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for missing records: %w", err)
	}
	return ranges, nil
}

package olap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// This file counts the rows of offset ranges, so that a lost and a doubled row
// cannot hide each other: beside the number of rows it sums a hash of their
// offsets, which is known for a range that is there exactly once.

// blockOffsets is how many offsets one row of offset_blocks stands for.
const blockOffsets = 1000

// ledgerTables are the tables that a record can end in.
var ledgerTables = [3]string{"events", "duplicates", "dead_letters"}

// ledgerCell is what a table has of a partition between two neighbouring bounds.
type ledgerCell struct {
	table  string
	lower  int64 // the bound at or below its offsets
	rows   int64
	erased int64 // of rows, those that stand for an erased event
	hashes uint64
	oldest time.Time // stored_at
}

func byLower(c ledgerCell, offset int64) int { return cmp.Compare(c.lower, offset) }

// fill counts the rows of every span and adds them to the lines.
func (s *Store) fill(ctx context.Context, logs []TopicLog, spans []ledgerSpan, lines []LedgerLine) error {
	known, err := s.blocksSince(ctx)
	if err != nil {
		return err
	}
	cells := map[partitionOf][]ledgerCell{}
	blocks := map[partitionOf]map[int64]int64{}
	if asked := askedSpans(spans); len(asked) > 0 {
		if blocks, err = s.offsetBlocks(ctx, asked); err != nil {
			return err
		}
		for _, log := range logs {
			if err := s.countTopic(ctx, log, asked, cells); err != nil {
				return err
			}
		}
	}
	if err := dropMovedTails(ctx, logs, spans); err != nil {
		return err
	}
	for of := range cells {
		slices.SortFunc(cells[of], func(a, b ledgerCell) int { return cmp.Compare(a.lower, b.lower) })
	}
	now := s.now()
	for i := range lines {
		zero := int64(0)
		lines[i].Aggregated, lines[i].Checkable, lines[i].Settled = &zero, true, !lines[i].Hour.Add(time.Hour).After(now)
	}
	for i := range spans {
		if err := s.addSpan(ctx, &spans[i], &lines[spans[i].line], cells[spans[i].of()], blocks[spans[i].of()], known); err != nil {
			return err
		}
	}
	for i := range lines {
		lines[i].settle()
	}
	return nil
}

// settle computes what follows from the counts.
func (l *LedgerLine) settle() {
	if !l.Checkable {
		*l = LedgerLine{Hour: l.Hour, RejectedBy: l.RejectedBy, Rejected: l.Rejected}
		return
	}
	l.Difference = l.Produced - l.Pending - l.Stored - l.Deduplicated - l.DeadLettered - l.Erased
	l.Settled = l.Settled && l.Pending == 0
	l.Received = l.Produced + l.Rejected
}

// partitionOf names a partition of a topic.
type partitionOf struct {
	topic     string
	partition int32
}

func (s *ledgerSpan) of() partitionOf { return partitionOf{s.log.Topic(), s.partition} }

// floorBlock is where the block of an offset begins.
func floorBlock(offset int64) int64 { return offset - offset%blockOffsets }

// askedSpans are those that the store has to be asked about.
func askedSpans(spans []ledgerSpan) []ledgerSpan {
	return slices.DeleteFunc(slices.Clone(spans), func(s ledgerSpan) bool { return s.gone || s.settled == s.first })
}

// reach is the range of offsets of a partition that spans cover.
type reach struct{ first, end int64 }

func reaches(spans []ledgerSpan) map[partitionOf]reach {
	all := map[partitionOf]reach{}
	for i := range spans {
		s := &spans[i]
		r, seen := all[s.of()]
		if !seen {
			r = reach{s.first, s.settled}
		}
		all[s.of()] = reach{min(r.first, s.first), max(r.end, s.settled)}
	}
	return all
}

// writeReach adds the condition that a row is in a reach. The lowest offset is
// that of the block that the first one lies in.
func writeReach(q *statement, all map[partitionOf]reach) {
	q.text("(")
	separator := ""
	for _, of := range slices.SortedFunc(maps.Keys(all), comparePartitions) {
		r := all[of]
		q.text(separator, "(kafka_topic = ", q.bind(of.topic), " AND kafka_partition = ", q.bind(of.partition),
			" AND kafka_offset >= ", q.bind(floorBlock(r.first)), " AND kafka_offset < ", q.bind(r.end), ")")
		separator = " OR "
	}
	q.text(")")
}

func comparePartitions(a, b partitionOf) int {
	return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
}

// countTopic reads the rows of a topic in all tables.
func (s *Store) countTopic(ctx context.Context, log TopicLog, spans []ledgerSpan, cells map[partitionOf][]ledgerCell) error {
	spans = slices.DeleteFunc(slices.Clone(spans), func(s ledgerSpan) bool { return s.log != log })
	if len(spans) == 0 {
		return nil
	}
	for _, table := range ledgerTables {
		if err := s.countCells(ctx, table, spans, cells); err != nil {
			return err
		}
	}
	return nil
}

// countCells reads the rows of a topic in one table once: those of each partition
// between the bounds of all spans together. One topic at a time, so that the
// groups' keys are numbers.
func (s *Store) countCells(ctx context.Context, table string, spans []ledgerSpan, cells map[partitionOf][]ledgerCell) error {
	var bounds []int64
	for i := range spans {
		bounds = append(bounds, spans[i].first, spans[i].settled, floorBlock(spans[i].first), floorBlock(spans[i].settled))
	}
	slices.Sort(bounds)
	q := newStatement()
	q.text("SELECT kafka_partition, roundDown(kafka_offset, ", q.bind(slices.Compact(bounds)), ") AS lower,",
		" toInt64(count()), toInt64(", erasedIn(table), "), sum(intHash64(kafka_offset)), min(stored_at) FROM ", table, " WHERE ")
	writeReach(q, reaches(spans))
	q.text(" GROUP BY kafka_partition, lower")
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		c := ledgerCell{table: table}
		of := partitionOf{topic: spans[0].log.Topic()}
		err := scan(&of.partition, &c.lower, &c.rows, &c.erased, &c.hashes, &c.oldest)
		cells[of] = append(cells[of], c)
		return err
	})
	if err != nil {
		return fmt.Errorf("count the ledger's rows of %s: %w", table, err)
	}
	return nil
}

// offsetBlocks reads what the view has counted, by block.
func (s *Store) offsetBlocks(ctx context.Context, spans []ledgerSpan) (map[partitionOf]map[int64]int64, error) {
	q := newStatement()
	q.text("SELECT toString(kafka_topic) AS topic, kafka_partition, block, toInt64(sum(events)) FROM offset_blocks WHERE ")
	separator := ""
	all := reaches(spans)
	for _, of := range slices.SortedFunc(maps.Keys(all), comparePartitions) {
		r := all[of]
		q.text(separator, "(kafka_topic = ", q.bind(of.topic), " AND kafka_partition = ", q.bind(of.partition),
			" AND block >= ", q.bind(r.first/blockOffsets), " AND block <= ", q.bind(r.end/blockOffsets), ")")
		separator = " OR "
	}
	q.text(" GROUP BY topic, kafka_partition, block")
	blocks := map[partitionOf]map[int64]int64{}
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var of partitionOf
		var block, events int64
		err := scan(&of.topic, &of.partition, &block, &events)
		if blocks[of] == nil {
			blocks[of] = map[int64]int64{}
		}
		blocks[of][block] = events
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read offset_blocks: %w", err)
	}
	return blocks, nil
}

// dropMovedTails looks at the logs once more. The last block of a partition is
// compared only where nothing came in while the store was counting.
func dropMovedTails(ctx context.Context, logs []TopicLog, spans []ledgerSpan) error {
	for _, log := range logs {
		_, _, ends, err := log.Bounds(ctx)
		if err != nil {
			return err
		}
		for i := range spans {
			if s := &spans[i]; s.log == log && ends[s.partition] != s.end {
				s.tail = false
			}
		}
	}
	return nil
}

// addSpan adds what the store has of a span to its line.
func (s *Store) addSpan(ctx context.Context, span *ledgerSpan, line *LedgerLine, cells []ledgerCell, blocks map[int64]int64, viewSince time.Time) error {
	if span.gone {
		line.Checkable = false
		return nil
	}
	line.Produced += span.end - span.first
	line.Pending += span.end - span.settled
	if span.settled == span.first {
		return nil
	}
	var found countedSpan
	from, _ := slices.BinarySearchFunc(cells, floorBlock(span.first), byLower)
	for i := from; i < len(cells) && cells[i].lower < span.end; i++ {
		found.add(span, &cells[i], viewSince)
	}
	line.Stored += found.rows["events"]
	line.Deduplicated += found.rows["duplicates"] - found.erased
	line.Erased += found.erased
	line.DeadLettered += found.rows["dead_letters"]
	switch {
	case found.older:
		line.Aggregated = nil
	case line.Aggregated != nil:
		*line.Aggregated += found.rows["events"] + viewDifference(span, &found, blocks)
	}
	if found.total() == span.settled-span.first && found.hashes == hashOfOffsets(span.first, span.settled) {
		return nil
	}
	return s.explainSpan(ctx, span, line, found.total())
}

// countedSpan is what the tables have of a span.
type countedSpan struct {
	rows    map[string]int64
	erased  int64 // of the rows of duplicates
	hashes  uint64
	aligned int64 // events in the span's whole blocks, those that were erased included
	older   bool  // some rows were stored before the view that counts was made
}

func (c *countedSpan) add(span *ledgerSpan, cell *ledgerCell, viewSince time.Time) {
	if c.rows == nil {
		c.rows = map[string]int64{}
	}
	if cell.lower >= span.first && cell.lower < span.settled {
		c.rows[cell.table] += cell.rows
		c.erased += cell.erased
		c.hashes += cell.hashes
	}
	if cell.lower >= floorBlock(span.first) && cell.lower < span.alignedEnd() {
		c.aligned += cell.erased // the view has counted them
		if cell.table == "events" {
			c.aligned += cell.rows
			c.older = c.older || cell.oldest.Before(viewSince)
		}
	}
}

func (c *countedSpan) total() int64 {
	return c.rows["events"] + c.rows["duplicates"] + c.rows["dead_letters"]
}

// alignedEnd is where the blocks end that are compared with the view: those that
// begin in the span. The last one of all is compared only when it is at rest.
func (s *ledgerSpan) alignedEnd() int64 {
	if s.tail {
		return s.end
	}
	return floorBlock(s.settled)
}

// viewDifference is how many events more the view has than the raw rows, in the
// blocks that belong to the span.
func viewDifference(span *ledgerSpan, found *countedSpan, blocks map[int64]int64) int64 {
	var counted int64
	for block := span.first / blockOffsets; block*blockOffsets < span.alignedEnd(); block++ {
		counted += blocks[block]
	}
	return counted - found.aligned
}

// hashOfOffsets is the sum of ClickHouse's intHash64 over [first, end), which is
// the finalizer of MurmurHash3 after an exclusive or.
func hashOfOffsets(first, end int64) (sum uint64) {
	for offset := first; offset < end; offset++ {
		x := uint64(offset) ^ 0x4CF2D2BAAE6DA887
		x ^= x >> 33
		x *= 0xff51afd7ed558ccd
		x ^= x >> 33
		x *= 0xc4ceb9fe1a85ec53
		x ^= x >> 33
		sum += x
	}
	return sum
}

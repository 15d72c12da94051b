package olap

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// TopicLog is a topic as its broker has it, and how far its consumer group has
// come. *ingest.TopicLog is one.
type TopicLog interface {
	// Topic is the topic's name.
	Topic() string
	// Bounds returns for each partition the first offset that the broker still
	// has, the one that comes next, and the group's: everything before it is
	// stored. A partition without a committed offset is absent from stored.
	Bounds(ctx context.Context) (starts, stored, ends map[int32]int64, err error)
	// OffsetsAt returns for each partition the first offset whose record has a
	// timestamp of at or later, and the end where there is none.
	OffsetsAt(ctx context.Context, at time.Time) (map[int32]int64, error)
	// Read calls each with what the broker has at the offsets [first, last], in
	// their order: a record, or one of Kafka's own markers of transactions.
	Read(ctx context.Context, partition int32, first, last int64, each func(offset int64, marker bool)) error
}

// LedgerMost is the longest range that a ledger covers.
const LedgerMost = 31 * 24 * time.Hour

// Ledger compares what the broker accepted with what the store has.
type Ledger struct {
	From, To time.Time // whole hours, UTC
	Topics   []string
	Hours    []LedgerLine
	// Total is the sum of the hours that can be checked.
	Total LedgerLine
	// Views are the sums of the materialized views over all time.
	Views []LedgerView
}

// LedgerLine is one hour of the ledger, or its total. An hour is a range of
// offsets in each partition, between the first record of the hour by the
// broker's timestamps and the first of the next. All numbers are of records.
type LedgerLine struct {
	Hour time.Time
	// Received is Produced and Rejected together.
	Received int64
	// Rejected were refused by the collector and never reached the broker.
	Rejected   int64
	RejectedBy []ReasonCount
	// Produced is what the broker accepted: offsets without Kafka's own markers.
	Produced int64
	// Pending is the part of Produced that the group has not acknowledged as
	// stored. The store is asked about the rest only.
	Pending      int64
	Stored       int64
	Deduplicated int64
	DeadLettered int64
	// Erased were stored, and removed with their user.
	Erased int64
	// Aggregated is Stored by the count of the materialized views, nil where some
	// rows are older than the view that counts.
	Aggregated *int64
	// Difference is Produced without Pending, Stored, Deduplicated, DeadLettered
	// and Erased: Missing without Repeated.
	Difference int64
	Missing    int64 // records that are in no table
	Repeated   int64 // rows beyond the first of their record
	// Settled says that the hour is over and nothing of it is pending.
	Settled bool
	// Checkable is false where the broker does not have all of the hour any more,
	// or the store may have dropped rows of it for their age; then only Rejected is
	// known.
	Checkable bool
	// Faults name the offsets behind Missing and Repeated, the first few.
	Faults []LedgerFault
}

// LedgerFault is a range of offsets, First and Last included.
type LedgerFault struct {
	Topic       string
	Partition   int32
	First, Last int64
	// What is wrong: missing, repeated, or gone: neither in a table nor in the
	// broker's log, although its neighbours are.
	What string
}

// LedgerView is what a view has counted over all time.
type LedgerView struct {
	Name   string
	Events int64
	// Stored is the number of raw rows, those that were erased with their user
	// included; it is known only where none came in while the two were counted.
	Stored *int64
}

// Balanced reports whether every record is accounted for exactly once, in rows
// and in views, as far as it can be checked.
func (l *Ledger) Balanced() bool {
	for _, v := range l.Views {
		if v.Stored != nil && *v.Stored != v.Events {
			return false
		}
	}
	for i := range l.Hours {
		if !l.Hours[i].Balanced() {
			return false
		}
	}
	return true
}

// Balanced reports whether the line has no difference. A line that cannot be
// checked has none that is known.
func (l *LedgerLine) Balanced() bool {
	return l.Difference == 0 && l.Missing == 0 && l.Repeated == 0 && (l.Aggregated == nil || *l.Aggregated == l.Stored)
}

// Ledger computes the ledger of the hours that [from, to) touches.
func (s *Store) Ledger(ctx context.Context, logs []TopicLog, from, to time.Time) (*Ledger, error) {
	from, to = from.UTC().Truncate(time.Hour), ceilHour(to.UTC())
	if !from.Before(to) || to.Sub(from) > LedgerMost {
		return nil, fmt.Errorf("ledger from %v to %v: the range must be longer than nothing and at most %d days", from, to, int(LedgerMost.Hours())/24)
	}
	var starts []time.Time
	for at := from; !at.After(to); at = at.Add(time.Hour) {
		starts = append(starts, at)
	}
	spans, err := s.hourSpans(ctx, logs, starts)
	if err != nil {
		return nil, err
	}
	l := &Ledger{From: from, To: to, Hours: make([]LedgerLine, len(starts)-1)}
	for _, log := range logs {
		l.Topics = append(l.Topics, log.Topic())
	}
	for i := range l.Hours {
		l.Hours[i] = LedgerLine{Hour: starts[i]}
	}
	if err := s.fill(ctx, logs, spans, l.Hours); err != nil {
		return nil, err
	}
	if err := s.addRejections(ctx, l); err != nil {
		return nil, err
	}
	l.sum()
	l.Views, err = s.viewTotals(ctx)
	return l, err
}

// LedgerOfAll compares everything that the broker still has, as one line.
func (s *Store) LedgerOfAll(ctx context.Context, logs []TopicLog) (LedgerLine, []LedgerView, error) {
	var spans []ledgerSpan
	for _, log := range logs {
		starts, stored, ends, err := log.Bounds(ctx)
		if err != nil {
			return LedgerLine{}, nil, err
		}
		for partition, end := range ends {
			spans = append(spans, newSpan(0, log, partition, starts[partition], end, stored[partition], end))
		}
	}
	lines := make([]LedgerLine, 1)
	if err := s.fill(ctx, logs, spans, lines); err != nil {
		return LedgerLine{}, nil, err
	}
	views, err := s.viewTotals(ctx)
	return lines[0], views, err
}

func ceilHour(t time.Time) time.Time {
	if whole := t.Truncate(time.Hour); !whole.Equal(t) {
		return whole.Add(time.Hour)
	}
	return t
}

// ledgerSpan is the offsets [first, end) of a partition in one hour.
type ledgerSpan struct {
	line       int // the hour's place
	log        TopicLog
	partition  int32
	first, end int64
	// settled is where the part begins that is not known to be stored.
	settled int64
	// tail says that the log ends here and everything in it is stored.
	tail bool
	gone bool // the broker does not have all of it any more, or the store may not
}

func newSpan(line int, log TopicLog, partition int32, first, end, stored, logEnd int64) ledgerSpan {
	settled := min(max(stored, first), end)
	return ledgerSpan{line: line, log: log, partition: partition, first: first, end: end, settled: settled,
		tail: settled == logEnd && end == logEnd}
}

// hourSpans asks the broker where each hour begins and ends.
func (s *Store) hourSpans(ctx context.Context, logs []TopicLog, hours []time.Time) ([]ledgerSpan, error) {
	var all []ledgerSpan
	for _, log := range logs {
		starts, stored, ends, err := log.Bounds(ctx) // the group's offsets before the hours': what is stored later is pending
		if err != nil {
			return nil, err
		}
		at, err := offsetsOfHours(ctx, log, hours)
		if err != nil {
			return nil, err
		}
		since, forgets := s.settledSince(s.now())
		for partition, start := range starts {
			removed, err := s.removedUntil(ctx, log.Topic(), partition, start)
			if err != nil {
				return nil, err
			}
			bound := at[0][partition]
			for i := range len(hours) - 1 {
				next := max(at[i+1][partition], bound) // the log may have grown between two answers
				span := newSpan(i, log, partition, bound, next, stored[partition], ends[partition])
				span.gone = start > 0 && bound <= start && !removed.Before(hours[i]) || forgets && hours[i].Before(since)
				all = append(all, span)
				bound = next
			}
		}
	}
	return all, nil
}

func offsetsOfHours(ctx context.Context, log TopicLog, hours []time.Time) ([]map[int32]int64, error) {
	at := make([]map[int32]int64, len(hours))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, hour := range hours {
		group.Go(func() (err error) {
			at[i], err = log.OffsetsAt(ctx, hour)
			return err
		})
	}
	return at, group.Wait()
}

// sum adds up the hours that can be checked; what the collector refused counts
// in every hour.
func (l *Ledger) sum() {
	t := &l.Total
	t.Hour, t.Settled, t.Checkable = l.From, true, true
	aggregated, known := int64(0), true
	for i := range l.Hours {
		h := &l.Hours[i]
		h.Received = h.Produced + h.Rejected
		t.Received += h.Received
		t.Rejected += h.Rejected
		t.RejectedBy = addReasons(t.RejectedBy, h.RejectedBy)
		t.Checkable = t.Checkable && h.Checkable
		t.Settled = t.Settled && h.Settled
		t.Produced += h.Produced
		t.Pending += h.Pending
		t.Stored += h.Stored
		t.Deduplicated += h.Deduplicated
		t.DeadLettered += h.DeadLettered
		t.Erased += h.Erased
		t.Difference += h.Difference
		t.Missing += h.Missing
		t.Repeated += h.Repeated
		if h.Aggregated != nil {
			aggregated += *h.Aggregated
		} else if h.Checkable {
			known = false
		}
	}
	if known {
		t.Aggregated = &aggregated
	}
}

func addReasons(to, more []ReasonCount) []ReasonCount {
	for _, m := range more {
		found := false
		for i := range to {
			if to[i].Reason == m.Reason {
				to[i].Count += m.Count
				found = true
			}
		}
		if !found {
			to = append(to, m)
		}
	}
	return to
}

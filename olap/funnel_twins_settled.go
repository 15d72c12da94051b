package olap

import (
	"context"
	"fmt"
	"maps"
	"time"
)

// Counting whole hashes beside is the dearest part of a sliced funnel. For months
// that are over, Settle looks once for twins among all their users, and this
// process remembers which blocks of rows the months consisted of. As long as
// they consist of the same, every twin in them is known, and a statement over
// them need not count. An insert has a block number above those before it and adds
// rows; a merge does neither.

// settledUserBits is how many bits of the hash beside a slice's are looked at:
// a quarter of a year and three steps leave more.
const settledUserBits = 28

// monthBlocks is what a month consists of: its highest block number, and its rows.
type monthBlocks struct {
	block int64
	rows  uint64
}

// blocks is what months consist of, by their names in the store.
type blocks map[string]monthBlocks

// settledMonths are the months before an instant, and what they consisted of.
type settledMonths struct {
	until  time.Time
	blocks blocks
}

func (m settledMonths) given() bool { return len(m.blocks) > 0 }

// monthOver is the first instant of the first month that is not over.
func (s *Store) monthOver() time.Time {
	t := s.now().Add(-settleAge)
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// blocksUntil reads the blocks of months before an instant.
func (s *Store) blocksUntil(ctx context.Context, until time.Time) (blocks, error) {
	q := newStatement()
	q.text("SELECT partition_id, max(max_block_number), sum(rows)\nFROM system.parts\nWHERE database = currentDatabase() AND table = 'events' AND active",
		" AND toUInt32OrZero(partition) < ", q.bind(int64(until.Year()*100+int(until.Month()))), "\nGROUP BY partition_id")
	months := blocks{}
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var month string
		var m monthBlocks
		err := scan(&month, &m.block, &m.rows)
		months[month] = m
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read of which blocks months consist: %w", err)
	}
	return months, nil
}

// settleTwins looks for twins in the months that are over, unless it is known.
func (s *Store) settleTwins(ctx context.Context) error {
	until := s.monthOver()
	now, err := s.blocksUntil(ctx, until)
	if err != nil || len(now) == 0 {
		return err
	}
	if maps.Equal(s.twins.settled().blocks, now) {
		return nil
	}
	q := newStatement()
	alike := bitsOfSlices(settledUserBits)
	twinsAmong(q, alike, "timestamp < "+q.bind(until))
	found := newTwinSearch(alike)
	err = s.eachRow(ctx, q, func(scan func(...any) error) error { return found.take(scan) })
	if err != nil {
		return fmt.Errorf("look for users whose hashes are alike: %w", err)
	}
	s.twins.add(found.twins)
	s.twins.settle(settledMonths{until, now})
	return nil
}

// mayRely gives the months in which all twins that the question could meet were
// known when Settle looked, and takes those into the plan; none where there are no
// such months.
func (p *funnelPlan) mayRely(r *run) settledMonths {
	months := r.store.twins.settled()
	if r.collecting || p.last().After(months.until) || !p.sliced() || p.userBits() < settledUserBits {
		return settledMonths{}
	}
	p.twins = r.store.twins.known()
	return months
}

// unchanged tells, after a statement has read its rows, whether the months are
// still as they were. Where they are not, no other statement relies on them until
// Settle has looked again.
func (s *Store) unchanged(ctx context.Context, months settledMonths) bool {
	now, err := s.blocksUntil(ctx, months.until)
	if err != nil {
		return false
	}
	same := maps.Equal(months.blocks, now)
	if !same && maps.Equal(months.blocks, s.twins.settled().blocks) {
		s.twins.settle(settledMonths{})
	}
	return same
}

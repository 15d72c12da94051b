package olap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Twins are users that a slice cannot tell apart, since their hashes agree in all
// bits that its numbers have room for (funnel_slices.go). Among a million users
// and thirty days there is one pair more often than not, among ten million there
// are fifty. A statement that meets twins fails. They are looked for then, and
// kept: from then on each of a pair but the first has a slice to itself, and the
// statement is run again. New twins make a statement fail again, so what is kept
// need not be complete, nor outlive the process.

// mostTwins bounds what is kept; funnels over more gather whole hashes.
const mostTwins = 10_000

// twinsMessage is what a statement fails with.
const twinsMessage = "twins in a slice"

// codeThrown is ClickHouse's FUNCTION_THROW_IF_VALUE_IS_NON_ZERO.
const codeThrown = 395

// twins are those that have been met, by their hashes.
type twins struct {
	mu     sync.Mutex
	hashes []uint64
	looked settledMonths // all of theirs are known
}

func (t *twins) settled() settledMonths {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.looked
}

func (t *twins) settle(months settledMonths) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.looked = months
}

func (t *twins) known() []uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hashes
}

// add keeps more. The slice that known gave stays as it is.
func (t *twins) add(hashes []uint64) []uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := append(slices.Clone(t.hashes), hashes...)
	slices.Sort(all)
	t.hashes = slices.Compact(all)
	return t.hashes
}

// fewTwins are told from other users one by one, which is cheaper than a set.
const fewTwins = 8

// slice renders the number of a user's slice. Those of twins lie beyond the others.
func (p *funnelPlan) slice() string {
	slice := fmt.Sprintf("bitShiftRight(person, %d)", 64-sliceBits)
	switch {
	case len(p.twins) == 0:
		return slice
	case len(p.twins) > fewTwins:
		return fmt.Sprintf("if(person IN %s, person, %s)", p.bind(p.twins), slice)
	}
	for i, twin := range p.twins {
		slice += fmt.Sprintf(" + (person = %s) * %d", p.bind(twin), (i+1)<<sliceBits)
	}
	return slice
}

// metTwins tells whether a statement failed because of twins.
func metTwins(err error) bool {
	var exception *clickhouse.Exception
	return errors.As(err, &exception) && exception.Code == codeThrown && strings.Contains(exception.Message, twinsMessage)
}

// findTwins looks for twins among the users of the question, and has them kept.
func (p *funnelPlan) findTwins(ctx context.Context, r *run) error {
	q := *p
	q.statement = newStatement()
	_, where, err := q.events()
	if err != nil {
		return err
	}
	alike := bitsOfSlices(p.userBits())
	twinsAmong(q.statement, alike, where)
	found := newTwinSearch(alike)
	if err := r.each(ctx, q.statement, func(rows driver.Rows) error { return found.take(rows.Scan) }); err != nil {
		return err
	}
	p.twins = r.store.twins.add(found.twins)
	return nil
}

// bitsOfSlices are the bits of a hash that a slice and its numbers keep.
func bitsOfSlices(userBits int) uint64 {
	return (1<<sliceBits-1)<<(64-sliceBits) | (uint64(1)<<userBits - 1)
}

// twinsAmong renders the hashes that another one is like, side by side: where
// there are too many, more than mostTwins are among those that are read.
func twinsAmong(q *statement, alike uint64, where string) {
	looks := fmt.Sprintf("bitAnd(person, %d)", alike)
	q.text("SELECT DISTINCT person\nFROM events\nWHERE ", where, " AND ", looks, " IN\n(\n    SELECT ", looks, " AS looks\n    FROM events\n    WHERE ", where,
		"\n    GROUP BY looks\n    HAVING min(person) != max(person)\n)\nORDER BY ", looks, ", person\nLIMIT ", q.bind(int64(2*mostTwins+2)))
}

// twinSearch takes hashes in order, and keeps those that are like an earlier one.
type twinSearch struct {
	alike uint64
	seen  map[uint64]bool
	twins []uint64
}

func newTwinSearch(alike uint64) *twinSearch {
	return &twinSearch{alike: alike, seen: map[uint64]bool{}}
}

func (f *twinSearch) take(scan func(...any) error) error {
	var person uint64
	if err := scan(&person); err != nil {
		return err
	}
	if looks := person & f.alike; f.seen[looks] {
		f.twins = append(f.twins, person)
	} else {
		f.seen[looks] = true
	}
	return nil
}

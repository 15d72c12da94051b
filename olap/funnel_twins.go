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

// slice renders the number of a user's slice.
func (p *funnelPlan) slice() string {
	slice := fmt.Sprintf("bitShiftRight(person, %d)", 64-sliceBits)
	if len(p.twins) == 0 {
		return slice
	}
	return fmt.Sprintf("if(person IN %s, person, %s)", p.bind(p.twins), slice)
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
	alike := fmt.Sprintf("bitAnd(person, %d)", p.bitsKept())
	q.text("SELECT DISTINCT person\nFROM events\nWHERE ", where, " AND ", alike, " IN\n(\n    SELECT ", alike, " AS looks\n    FROM events\n    WHERE ", where,
		"\n    GROUP BY looks\n    HAVING min(person) != max(person)\n)\nORDER BY person\nLIMIT ", q.bind(int64(2*mostTwins)))
	seen, found := map[uint64]bool{}, []uint64{}
	err = r.each(ctx, q.statement, func(rows driver.Rows) error {
		var person uint64
		err := rows.Scan(&person)
		if looks := person & p.bitsKept(); seen[looks] {
			found = append(found, person)
		} else {
			seen[looks] = true
		}
		return err
	})
	if err == nil {
		p.twins = r.store.twins.add(found)
	}
	return err
}

// bitsKept are the bits of a hash that a slice and its numbers keep.
func (p *funnelPlan) bitsKept() uint64 {
	return (1<<sliceBits-1)<<(64-sliceBits) | (uint64(1)<<p.userBits() - 1)
}

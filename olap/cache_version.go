package olap

import (
	"context"
	"fmt"
	"time"
)

// version says which data a table's parts hold. Two equal versions hold the same
// events; a merge changes nothing, an insert or a deletion does.
type version struct {
	all   string // of everything that questions read
	until string // of the months up to the end of the question's range
}

// otherTables are those that no question reads. A table that is not named here
// counts as read: forgetting one costs an answer anew, while naming one wrongly
// would give an old answer for a new one.
func otherTables() []string {
	return []string{"schema_migrations", "stored_seconds", "dead_letters", "dead_letter_replays", "duplicates", "offset_blocks", "collector_rejections"}
}

// version reads the bookkeeping of parts. It is asked before the rows are, so
// that an answer is at least as new as its version.
//
// A part is named by the blocks it was made of, and merging keeps the highest
// number. Its data version is its first block, until a mutation sets it. A partition that is named by a
// month after until holds nothing for a question that ends there.
func (s *Store) version(ctx context.Context, until time.Time) (version, error) {
	q := newStatement()
	q.text(`SELECT
    hex(groupBitXor(state)), hex(groupBitXorIf(state, NOT (match(partition, '^[0-9]{6}$') AND partition > `, q.bind(until.UTC().Format("200601")), `)))
FROM
(
    SELECT partition, cityHash64(table, partition, max(max_block_number), max(if(data_version = min_block_number, 0, data_version))) AS state
    FROM system.parts
    WHERE active AND database = currentDatabase() AND NOT has(`, q.bind(otherTables()), `, table)
    GROUP BY table, partition
)`)
	ctx, cancel := s.reading(ctx, q.parameters())
	defer cancel()
	var v version
	if err := s.conn.QueryRow(ctx, q.String()).Scan(&v.all, &v.until); err != nil {
		return v, fmt.Errorf("read the version of the data: %w", err)
	}
	return v, nil
}

// readsUntil is the end of what a question reads, where that is known to be the
// end of its range.
func readsUntil(q Query, f frame) (time.Time, bool) {
	if mentioned(q).ofUsers() { // an identify may come at any time
		return time.Time{}, false
	}
	switch q := q.(type) {
	case *trends:
		return f.to, true
	case *funnel:
		if q.FinishAfterRange {
			return f.to.Add(q.Window.Duration), true
		}
		return f.to, true
	case *stickiness, *lifecycle, *revenue, *windows, *paths, *video:
		return f.to, true
	case *sessionsQuestion: // and whether the last of them may go on
		return f.to.Add(sessionHorizon + q.Gap.Duration), true
	case *retention:
		if q.PeriodsFrom == periods24h {
			return f.to.Add(time.Duration(q.Periods) * 24 * time.Hour), true
		}
		return f.calendar.shift(f.to, q.Periods+2), true // the last cohort's bucket ends after to; two more than enough
	}
	return time.Time{}, false
}

package olap

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// The labels of a breakdown's two catch-alls.
const (
	labelNone  = "(none)"  // the event does not carry the property
	labelOther = "(other)" // values beyond the limit, as one
)

// groups are the values of a breakdown that are shown by name, best first.
//
// In SQL a group is its number: 1 and up for the named values, 0 for all the
// others, -1 for none. So a real value that reads "(other)" cannot be confused
// with the rest. Without a breakdown every event is in group 0.
type groups struct {
	by     *breakdown
	values []string
}

// slots is how many groups there are: others, the values, none.
func (g groups) slots() int { return len(g.values) + 2 }

// slot turns a group's number into an index: others first, none last.
func (g groups) slot(number int64) int {
	if number < 0 {
		return len(g.values) + 1
	}
	return int(number)
}

// label is the name of a slot, nil without a breakdown.
func (g groups) label(slot int) *string {
	if g.by == nil {
		return nil
	}
	label := labelOther
	if slot == len(g.values)+1 {
		label = labelNone
	} else if slot > 0 {
		label = g.values[slot-1]
	}
	return &label
}

// shown lists the slots of the answer in order: the values, then (other) and
// (none) where they hold anything.
func (g groups) shown(all ...[][]line) []int {
	if g.by == nil {
		return []int{0}
	}
	var out []int
	for i := range g.values {
		out = append(out, i+1)
	}
	for _, slot := range []int{0, len(g.values) + 1} {
		if anySeen(all, slot) {
			out = append(out, slot)
		}
	}
	return out
}

func anySeen(all [][][]line, slot int) bool {
	for _, lines := range all {
		for _, l := range lines {
			if l[slot].seen {
				return true
			}
		}
	}
	return false
}

// number renders the group of an event.
func (g groups) number(st *statement) string {
	p := g.by.Property.property
	if len(g.values) == 0 {
		return fmt.Sprintf("if(%s, toInt64(0), toInt64(-1))", p.present(st))
	}
	return fmt.Sprintf("if(%s, %s, toInt64(-1))", p.present(st), g.rank(st, p.text(st)))
}

// rank renders the number of a value that is present.
func (g groups) rank(st *statement, text string) string {
	ranks := make([]int64, len(g.values))
	for i := range ranks {
		ranks[i] = int64(i + 1)
	}
	return fmt.Sprintf("transform(toString(%s), %s, %s, toInt64(0))", text, st.bind(g.values), st.bind(ranks))
}

// groups finds the values that matter most: by the measure of the first series
// where more of it means more, else by the number of events. Ties go to the
// series' events together, then to the value that sorts first.
func (t *trends) groups(ctx context.Context, r *run, f frame) (groups, error) {
	g := groups{by: t.Breakdown}
	if g.by == nil {
		return g, nil
	}
	st, err := t.ranking(f)
	if err != nil {
		return g, err
	}
	err = r.each(ctx, st, func(rows driver.Rows) error {
		var value string
		if err := rows.Scan(&value); err != nil {
			return err
		}
		g.values = append(g.values, value)
		return nil
	})
	return g, err
}

func (t *trends) ranking(f frame) (*statement, error) {
	st := newStatement()
	var selected []string
	for i := range t.Series {
		one, err := t.selection(st, i, f)
		if err != nil {
			return nil, err
		}
		selected = append(selected, one)
	}
	first, anySeries := selected[0], "("+strings.Join(selected, " OR ")+")"
	p := t.Breakdown.Property.property
	st.text("SELECT toString(", p.text(st), ") AS value\nFROM ")
	if t.rankFromWindows() {
		rows := f.windowsOf(anySeries)
		rows.split = true
		st.text(rows.render(st), "\nWHERE ", p.present(st), "\nGROUP BY value\nORDER BY ", t.windowRank(first), " DESC, sum(events)")
	} else {
		st.text("events\nWHERE ", f.during(st), " AND ", anySeries, " AND ", p.present(st), "\nGROUP BY value\nORDER BY ", t.rankBy(st, first), " DESC, count()")
	}
	st.text(" DESC, value\nLIMIT ", st.bind(int64(t.Breakdown.Limit)))
	return st, nil
}

// rankBy renders how much of the first series a value holds.
func (t *trends) rankBy(st *statement, first string) string {
	s := t.Series[0]
	p := s.Property.property
	switch {
	case s.Measure.ranksByUsers():
		return "uniqExactIf(user_id, " + first + ")"
	case s.Measure == measureUnique:
		return fmt.Sprintf("uniqExactIf(%s, %s AND %s)", p.text(st), first, p.present(st))
	case s.Measure == measureSum && p.isAmount():
		return fmt.Sprintf("ifNull(sumIf(amount, %s), 0)", first)
	case s.Measure == measureSum && s.Property.given:
		return fmt.Sprintf("ifNull(sumIf(%s, %s), 0)", p.number(st), first)
	}
	return "countIf(" + first + ")"
}

// ranksByUsers tells whether more users make a value matter more.
func (m measure) ranksByUsers() bool {
	return m.countsUsers() || m == measureSessions
}

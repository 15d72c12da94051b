package olap

import (
	"context"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// How windows are read
//
// Most windows of a type are one row of the rollup, and the length of its array is
// their number of users. Only where there are several rows, of different currencies
// or of parts that are not merged yet, are the arrays themselves read, in a second
// statement: they are most of the bytes.

// windowRead is a row of the answer, by its place in the range.
type windowRead struct {
	WindowRow
	index int
	// again says that its users are still to be counted: the rollup has several rows.
	again bool
}

// rows reads all windows and types of the range, by time and type.
func (w *windows) rows(ctx context.Context, r *run, f frame) ([]windowRead, error) {
	st := newStatement()
	if err := w.render(st, f); err != nil {
		return nil, err
	}
	var read []windowRead
	asked := 0
	err := r.each(ctx, st, func(rows driver.Rows) error {
		var row windowRead
		var index int64
		var again uint8
		var currencies, amounts []string
		if err := rows.Scan(&index, &row.Type, &row.Events, &row.Users, &again, &currencies, &amounts); err != nil {
			return err
		}
		row.index, row.again, row.Revenue = int(index), again == 1, windowRevenue(row.Type, currencies, amounts)
		read = append(read, row)
		if w.Event.takes(row.Type) {
			asked++
		}
		if asked > maxWindowRows {
			return faultf(CodeTooExpensive, "", "the range has more than %d rows of a window and a type; choose a shorter range, or name the events you want", maxWindowRows)
		}
		return nil
	})
	return read, err
}

// windowKey is one window of one type.
type windowKey struct {
	index int
	kind  string
}

// recount counts the users of windows that have several rows.
func (w *windows) recount(ctx context.Context, r *run, f frame, read []windowRead) error {
	again := map[windowKey]*windowRead{}
	over := map[string]timeRange{} // by type, from the first of them to the last
	for i, row := range read {
		if !row.again {
			continue
		}
		again[windowKey{row.index, row.Type}] = &read[i]
		from, known := over[row.Type]
		if !known {
			from.from = latest(f.from, f.bounds[row.index])
		}
		over[row.Type] = timeRange{from.from, earliest(f.to, f.bounds[row.index+1])}
	}
	if len(again) == 0 {
		return nil
	}
	st := newStatement()
	if err := w.renderUsers(st, f, over); err != nil {
		return err
	}
	return r.each(ctx, st, func(rows driver.Rows) error {
		var index int64
		var kind string
		var users uint64
		if err := rows.Scan(&index, &kind, &users); err != nil {
			return err
		}
		if row := again[windowKey{int(index), kind}]; row != nil {
			row.Users = users
		}
		return nil
	})
}

// render gives a row per window and type: the window's index, type, events,
// users, whether these are still to be counted, and currencies and sums of
// amounts; a currency may be there several times. Rows that are made of raw events
// have their users with them.
func (w *windows) render(st *statement, f frame) error {
	types := eventChoice{}
	if len(w.Event.types) > 0 {
		types.types = slices.Concat(w.Event.types, summarized())
	}
	only, err := selection(st, f.clock, types, w.Where)
	if err != nil {
		return err
	}
	rows := f.windowsOf(only)
	rows.split, rows.raw, rows.sized = w.Where.given(), !w.Where.inWindows(), true
	st.text("SELECT ", f.bucket(st, "at"), " AS index, type, sum(events) AS events,",
		"\n    toUInt64(if(count() = 1, sum(size), ", differentUsers("users"), ")) AS different, different = 0 AS again,",
		"\n    groupArrayIf(toString(currency), amounts > 0) AS currencies, groupArrayIf(toString(revenue), amounts > 0) AS revenues",
		"\nFROM ", rows.render(st), "\nGROUP BY at, type\nORDER BY at, type")
	return nil
}

// renderUsers gives the index, the type and the different users of windows of the
// rollup, for some types, each in a part of the range.
func (w *windows) renderUsers(st *statement, f frame, over map[string]timeRange) error {
	where, err := selection(st, f.clock, eventChoice{}, w.Where)
	if err != nil {
		return err
	}
	var types []string
	for _, kind := range sortedKeys(over) {
		types = append(types, "type = "+st.bind(kind)+" AND "+inPieces(st, "window_start", []timeRange{over[kind]}))
	}
	rows := f.windowsOf(allOf("("+strings.Join(types, " OR ")+")", where))
	rows.split = w.Where.given()
	kept, _ := rows.pieces()
	st.text("SELECT ", f.bucket(st, "at"), " AS index, type, toUInt64(", differentUsers("users"), ") AS different\nFROM (",
		rows.kept(st, 0, kept), "\n)\nGROUP BY at, type")
	return nil
}

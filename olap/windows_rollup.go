package olap

import (
	"fmt"
	"strings"
	"time"
)

// windowWidth is that of the tumbling windows that the store keeps.
const windowWidth = 10 * time.Minute

// onWindows tells whether each bucket of the range is made of whole windows, so
// that figures of windows add up to those of buckets. The ends of the range do
// not matter: see windowRows.
func (f frame) onWindows() bool {
	for _, bound := range f.bounds[1:f.buckets()] {
		if bound.UnixMilli()%windowWidth.Milliseconds() != 0 {
			return false
		}
	}
	return true
}

// inWindows tells whether windows keep a value, so that a condition or a
// breakdown may name it.
func (p property) inWindows() bool {
	return p.of == "" && (p.column == "type" || p.column == "country" || p.column == "currency")
}

// inWindows tells whether windows keep all that a condition names.
func (c condition) inWindows() bool {
	var m mentions
	m.expression(c.expr)
	for _, p := range m.properties {
		if !p.inWindows() {
			return false
		}
	}
	return true
}

// timeRange is a piece of time, [from, to).
type timeRange struct{ from, to time.Time }

// windowRows are the events of a range by window.
type windowRows struct {
	timeRange
	// missing are months that the windows lack, in order: see Store.missingWindows.
	missing []timeRange
	// only says which events, by type and currency; where split, by country as well.
	only string
	// split asks for rows by country; otherwise country may be empty.
	split bool
	// raw makes all rows out of raw events; only may be any condition then.
	raw bool
}

// windowsOf are those of a question's range.
func (f frame) windowsOf(only string) windowRows {
	return windowRows{timeRange: timeRange{f.from, f.to}, missing: f.missing, only: only}
}

// render gives a table with the columns at (the window's beginning, in
// milliseconds), type, country, currency, events, users (an array of hashes, each
// user once), amounts (events that carry one) and revenue (their sum). Parts of
// the same window may come as several rows.
//
// Whole windows are read from the rollup. Where the range cuts its first or its
// last window, and in months that the rollup lacks, the raw events are read.
func (w windowRows) render(st *statement) string {
	kept, raw := w.pieces()
	var tables []string
	if len(kept) > 0 {
		tables = append(tables, w.kept(st, kept))
	}
	if len(raw) > 0 {
		tables = append(tables, w.made(st, raw))
	}
	return "(" + strings.Join(tables, "\n    UNION ALL") + "\n)"
}

// pieces cuts the range into what the rollup has and what it has not.
func (w windowRows) pieces() (kept, raw []timeRange) {
	first, last := floorWindow(w.from.Add(windowWidth-time.Millisecond)), floorWindow(w.to)
	if w.raw || !first.Before(last) {
		return nil, []timeRange{w.timeRange}
	}
	add := func(pieces *[]timeRange, from, to time.Time) {
		if from.Before(to) {
			*pieces = append(*pieces, timeRange{from, to})
		}
	}
	add(&raw, w.from, first)
	at := first
	for _, m := range w.missing {
		from, to := latest(m.from, at), earliest(m.to, last)
		if from.Before(to) {
			add(&kept, at, from)
			add(&raw, from, to)
			at = to
		}
	}
	add(&kept, at, last)
	add(&raw, last, w.to)
	return kept, raw
}

func (w windowRows) kept(st *statement, pieces []timeRange) string {
	level := "NOT by_country"
	if w.split {
		level = "by_country"
	}
	return "\n    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue" +
		"\n    FROM windows_by_type\n    WHERE " + allOf(level, inPieces(st, "window_start", pieces), w.only)
}

// made makes the rollup's rows out of raw events.
func (w windowRows) made(st *statement, pieces []timeRange) string {
	width := st.bind(windowWidth.Milliseconds())
	return fmt.Sprintf(`
    SELECT intDiv(toUnixTimestamp64Milli(timestamp), %[1]s) * %[1]s AS at, type, country, currency, count() AS events,
        groupUniqArray(sipHash64(user_id)) AS users, count(amount) AS amounts, sum(ifNull(amount, toDecimal64(0, 6))) AS revenue
    FROM events
    WHERE `, width) + allOf(inPieces(st, "timestamp", pieces), w.only) + "\n    GROUP BY at, type, country, currency"
}

// inPieces renders that a time lies in one of the pieces.
func inPieces(st *statement, column string, pieces []timeRange) string {
	times := make([]string, len(pieces))
	for i, p := range pieces {
		times[i] = column + " >= " + st.bind(p.from) + " AND " + column + " < " + st.bind(p.to)
	}
	if len(times) == 1 {
		return times[0]
	}
	return "((" + strings.Join(times, ") OR (") + "))"
}

// usersOf renders the different users of several rows, in order. Sorting costs
// less than a set of them.
func usersOf(column string) string {
	return "arrayCompact(arraySort(groupArrayArray(" + column + ")))"
}

// differentUsers renders how many they are.
func differentUsers(column string) string { return "length(" + usersOf(column) + ")" }

func floorWindow(t time.Time) time.Time {
	width := windowWidth.Milliseconds()
	ms := t.UnixMilli()
	return time.UnixMilli(ms - ((ms%width)+width)%width).UTC()
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

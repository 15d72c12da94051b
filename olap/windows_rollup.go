package olap

import (
	"fmt"
	"strings"
	"time"
)

// windowWidth is that of the tumbling windows that the store keeps.
const windowWidth = 10 * time.Minute

// moneyWidth is that of the windows that hold purchases and refunds once more.
const moneyWidth = 30 * time.Minute

// onWindows tells whether each bucket of the range is made of whole windows, so
// that figures of windows add up to those of buckets. The ends of the range do
// not matter: see windowRows.
func (f frame) onWindows() bool { return f.cutAt(windowWidth) }

// cutAt tells whether buckets meet at multiples of a width only.
func (f frame) cutAt(width time.Duration) bool {
	for _, bound := range f.bounds[1:f.buckets()] {
		if bound.UnixMilli()%width.Milliseconds() != 0 {
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
	// money says that only names purchases and refunds alone, and that rows of half
	// hours will do.
	money bool
	// sized asks for one more column, size: how many users there are. The column
	// users of rows of the rollup is empty then, for its arrays are most of the bytes.
	sized bool
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
	if w.money {
		var wide []timeRange
		if wide, kept = wider(kept); len(wide) > 0 {
			tables = append(tables, w.kept(st, 2, wide))
		}
	}
	if len(kept) > 0 {
		tables = append(tables, w.kept(st, 0, kept))
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

// wider takes out of the pieces what whole windows of money make up.
func wider(pieces []timeRange) (wide, rest []timeRange) {
	for _, p := range pieces {
		first, last := floorTo(p.from.Add(moneyWidth-time.Millisecond), moneyWidth), floorTo(p.to, moneyWidth)
		if !first.Before(last) {
			rest = append(rest, p)
			continue
		}
		wide = append(wide, timeRange{first, last})
		for _, end := range []timeRange{{p.from, first}, {last, p.to}} {
			if end.from.Before(end.to) {
				rest = append(rest, end)
			}
		}
	}
	return wide, rest
}

// kept reads the rollup: level 0 has the windows, level 2 those of money, and one
// level up each has them by country. The column's name is older than the levels.
func (w windowRows) kept(st *statement, level int, pieces []timeRange) string {
	if w.split {
		level++
	}
	users := "users"
	if w.sized {
		users = "emptyArrayUInt64() AS users, length(windows_by_type.users) AS size"
	}
	return "\n    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, " + users + ", amounts, revenue" +
		"\n    FROM windows_by_type\n    WHERE " + allOf(fmt.Sprintf("by_country = %d", level), inPieces(st, "window_start", pieces), w.only)
}

// made makes the rollup's rows out of raw events.
func (w windowRows) made(st *statement, pieces []timeRange) string {
	width, size := st.bind(windowWidth.Milliseconds()), ""
	if w.sized {
		size = ", length(users) AS size"
	}
	return fmt.Sprintf(`
    SELECT intDiv(toUnixTimestamp64Milli(timestamp), %[1]s) * %[1]s AS at, type, country, currency, count() AS events,
        groupUniqArray(sipHash64(user_id)) AS users%[2]s, count(amount) AS amounts, sum(ifNull(amount, toDecimal64(0, 6))) AS revenue
    FROM events
    WHERE `, width, size) + allOf(inPieces(st, "timestamp", pieces), w.only) + "\n    GROUP BY at, type, country, currency"
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

// differentUsers renders how many users there are in several rows, or in those of
// them that fit a condition. A set is made once, of all, where the state of
// uniqExact would make one for each thread and each total.
func differentUsers(column string) string { return "arrayUniq(groupArrayArray(" + column + "))" }

func differentUsersIf(column, condition string) string {
	return "arrayUniq(groupArrayArrayIf(" + column + ", " + condition + "))"
}

func floorWindow(t time.Time) time.Time { return floorTo(t, windowWidth) }

// floorTo is the last multiple of a width, since 1970, that is not after the time.
func floorTo(t time.Time, width time.Duration) time.Time {
	ms, step := t.UnixMilli(), width.Milliseconds()
	return time.UnixMilli(ms - ((ms%step)+step)%step).UTC()
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

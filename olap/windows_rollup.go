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

// windowRows renders the events of the range by window, type and currency:
// at (the window's beginning, in milliseconds), type, currency, events, users
// (a state of uniqExact over hashes), amounts (events that carry one) and
// revenue (their sum). Parts of the same window may come as several rows.
//
// Whole windows are read from the rollup. Where the range cuts its first or its
// last window, that piece is read from the raw events. With raw, all of it is:
// only names the events, and may hold any condition then; otherwise it may
// name type and currency alone.
func windowRows(st *statement, f frame, only string, raw bool) string {
	first, last := floorWindow(f.from.Add(windowWidth-time.Millisecond)), floorWindow(f.to)
	if raw || !first.Before(last) {
		return "(" + rawWindows(st, only, [2]time.Time{f.from, f.to}) + "\n)"
	}
	sql := "(\n    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, currency, events, users, amounts, revenue" +
		"\n    FROM windows_10m\n    WHERE " + allOf("window_start >= "+st.bind(first), "window_start < "+st.bind(last), only)
	var pieces [][2]time.Time
	for _, piece := range [][2]time.Time{{f.from, first}, {last, f.to}} {
		if piece[0].Before(piece[1]) {
			pieces = append(pieces, piece)
		}
	}
	if len(pieces) > 0 {
		sql += "\n    UNION ALL" + rawWindows(st, only, pieces...)
	}
	return sql + "\n)"
}

// rawWindows makes the rollup's rows out of raw events.
func rawWindows(st *statement, only string, pieces ...[2]time.Time) string {
	times := make([]string, len(pieces))
	for i, piece := range pieces {
		times[i] = during(st, piece[0], piece[1])
	}
	when := times[0]
	if len(times) > 1 {
		when = "(" + strings.Join(times, " OR ") + ")"
	}
	width := st.bind(windowWidth.Milliseconds())
	return fmt.Sprintf(`
    SELECT intDiv(toUnixTimestamp64Milli(timestamp), %[1]s) * %[1]s AS at, type, currency, count() AS events,
        uniqExactState(sipHash64(user_id)) AS users, count(amount) AS amounts, sum(ifNull(amount, toDecimal64(0, 6))) AS revenue
    FROM events
    WHERE `, width) + allOf(when, only) + "\n    GROUP BY at, type, currency"
}

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

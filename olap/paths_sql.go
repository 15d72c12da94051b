package olap

import (
	"fmt"
	"strings"
)

// How paths become SQL
//
// Each user's items become one sorted array, which is cut into paths by array
// functions; the paths become edges, and those are counted. Everything of a user
// is in one row, so that the users of an edge are counted without remembering
// who they are.
//
// Grouping by user and session was rejected: the whole question took half as
// long again as with sorting by session inside each user, for the table is in the
// order of users. Window functions were rejected: `start` and `end` need a second pass.

// item renders what an event is called before groups; nothing where it is no item.
func (p *paths) item() string {
	switch p.Items {
	case itemsEvent:
		return "toString(type)"
	case itemsPage:
		return "page"
	}
	return "if(type IN ('page_view', 'screen_view') AND page != '', page, toString(type))"
}

// grouped renders the item as paths have it: the first pattern that matches, or
// its own name.
func (p *paths) grouped(st *statement, item string) string {
	if len(p.Group) == 0 {
		return item
	}
	choices := make([]string, len(p.Group))
	for i, pattern := range p.Group {
		choices[i] = fmt.Sprintf("%s LIKE %s, %s", item, st.bind(pattern.like()), st.bind(string(pattern)))
	}
	return "multiIf(" + strings.Join(choices, ", ") + ", " + item + ")"
}

// taken renders which events are items.
func (p *paths) taken(st *statement, f frame) (string, error) {
	where, err := selection(st, f.clock, eventChoice{}, p.Where)
	if err != nil {
		return "", err
	}
	parts := []string{f.during(st), where}
	if p.Items == itemsPage {
		parts = append(parts, "page != ''")
	}
	for _, pattern := range p.Exclude {
		parts = append(parts, p.item()+" NOT LIKE "+st.bind(pattern.like()))
	}
	return allOf(parts...), nil
}

// users renders a row per user: user_id, and edges, an array of step, from, to
// and milliseconds. Each path begins with an edge of step 0, which stands for
// the path itself.
func (p *paths) users(st *statement, f frame) error {
	where, err := p.taken(st, f)
	if err != nil {
		return err
	}
	session := "toUInt64(0)"
	if p.By == "session" {
		session = "sipHash64(session_id)" // a user's sessions are few: 64 bits keep them apart
	}
	layers := []layer{
		{"e.2 AS at", "e.4 AS item", "arrayMap((t, before, s, last) -> t - before > " + st.bind(p.Gap.Milliseconds()) + " OR s != last,\n        " +
			"e.2, arrayPushFront(arrayPopBack(e.2), e[1].2), e.1, arrayPushFront(arrayPopBack(e.1), e[1].1)) AS cut"},
		{"arrayMap((i, before, c) -> c OR i != before, item, arrayPushFront(arrayPopBack(item), ''), cut) AS opens"},
		{"arraySplit((x, c) -> c, arrayFilter((x, o) -> o, arrayZip(at, item), opens), arrayFilter((c, o) -> o, cut, opens)) AS whole"},
	}
	layers = append(layers, p.ends(st)...)
	layers = append(layers, layer{"arrayFlatten(arrayMap(p -> arrayConcat([(toUInt8(0), '', '', toInt64(0))],\n        " +
		"arrayMap((a, b, step) -> (toUInt8(step), a.2, b.2, b.1 - a.1), arrayPopBack(p), arrayPopFront(p), range(1, length(p)))), paths)) AS edges"})
	for i := range layers {
		st.text("    SELECT *, ", strings.Join(layers[len(layers)-1-i], ", "), " FROM (\n")
	}
	st.text("        SELECT user_id, arraySort(groupArray((", session, ", toUnixTimestamp64Milli(timestamp), kafka_offset, ", p.grouped(st, p.item()), "))) AS e",
		"\n        FROM events\n        WHERE ", where, "\n        GROUP BY user_id\n    ", strings.Repeat(")", len(layers)))
	return nil
}

// ends renders where paths begin and stop, and how much of them is followed.
func (p *paths) ends(st *statement) []layer {
	var layers []layer
	from, length := "whole", st.bind(int64(p.Steps+1))
	if p.Start != "" {
		start := st.bind(string(p.Start))
		layers = append(layers, layer{"arrayMap(p -> arraySlice(p, indexOf(p.2, " + start + ")), arrayFilter(p -> has(p.2, " + start + "), " + from + ")) AS started"})
		from = "started"
	}
	if p.End != "" {
		end := st.bind(string(p.End))
		layers = append(layers, layer{"arrayMap(p -> arraySlice(p, 1, indexOf(p.2, " + end + ")), arrayFilter(p -> has(p.2, " + end + "), " + from + ")) AS ended"})
		from = "ended"
	}
	slice := "arraySlice(p, 1, " + length + ")"
	if p.End != "" && p.Start == "" { // the way to the end is of interest
		slice = "arraySlice(p, -" + length + ")"
	}
	return append(layers, layer{"arrayMap(p -> " + slice + ", " + from + ") AS paths"})
}

// edges renders the answer: a row for the paths themselves (step 0), then the
// edges that are shown. Each row also holds the number of all rows and the sum of
// their counts.
func (p *paths) edges(st *statement, f frame) error {
	st.text("SELECT edge.1 AS step, edge.2 AS from_item, edge.3 AS to_item, count() AS n, countIf(nth = 1) AS users, toString(avg(edge.4) / 1000) AS seconds,",
		"\n    count() OVER () AS all_rows, sum(n) OVER () AS taken\nFROM\n(\n    SELECT edges, arrayEnumerateUniq(edges.1, edges.2, edges.3) AS nths FROM (\n")
	if err := p.users(st, f); err != nil {
		return err
	}
	st.text("\n    )\n)\nARRAY JOIN edges AS edge, nths AS nth\nGROUP BY step, from_item, to_item\nORDER BY step > 0, n DESC, step, from_item, to_item\nLIMIT ", st.bind(int64(p.Limit+1)))
	return nil
}

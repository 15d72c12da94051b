package olap

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/internal/query"
)

// How properties are found
//
// Properties lie in JSON text, so finding them means reading rows. A view that
// unpacked every row at insert would cost the ingest more than all its other
// views; instead a sample is read when somebody asks. It takes strips of 8,192
// rows, one step of the primary index, at even distances in every part:
// _part_offset in a condition is settled by the index, so that nothing beside the
// strips is read. Users come first in the sort key, so a strip holds all the
// events of some users, over all of time within its month. Of each type no more
// than a few thousand rows are unpacked, so that a rare one is not drowned.

const (
	stripRows     = 8192
	sampleRows    = 100_000 // read for the whole catalogue
	sampleMost    = 4_000_000
	unpackPerType = 2_000
	maxStrips     = 200 // conditions in one statement
)

// strips renders which rows of each part are sampled, about n of all.
func strips(st *statement, n, stored, largestPart uint64) string {
	if stored <= n {
		return "1"
	}
	stride := max(stored/max(n/stripRows, 1), largestPart/maxStrips, stripRows)
	stride -= stride % stripRows
	var all []string
	for at := uint64(0); at < largestPart; at += stride {
		all = append(all, fmt.Sprintf("(_part_offset >= %s AND _part_offset < %s)", st.bind(int64(at)), st.bind(int64(at+stripRows))))
	}
	return "(" + strings.Join(all, " OR ") + ")"
}

// catalogEvents counts the types of events.
func (s *Store) catalogEvents(ctx context.Context, filter CatalogFilter, c *Catalog) error {
	missing, err := s.missingWindows(ctx)
	if err != nil {
		return err
	}
	st := newStatement()
	always := windowRows{timeRange: timeRange{time.Unix(0, 0), time.Unix(0, 0).AddDate(200, 0, 0)}, missing: missing, only: "1"}
	if filter.Event != "" {
		always.only = "type = " + st.bind(filter.Event)
	}
	st.text("SELECT type, sum(events) AS n, fromUnixTimestamp64Milli(min(at), 'UTC'), fromUnixTimestamp64Milli(max(at), 'UTC') FROM ",
		always.render(st), " GROUP BY type ORDER BY n DESC, type LIMIT 1000")
	err = s.eachRow(ctx, st, func(scan func(...any) error) error {
		var e CatalogEvent
		err := scan(&e.Name, &e.Count, &e.FirstSeen, &e.LastSeen)
		e.FirstSeen, e.LastSeen = e.FirstSeen.UTC(), e.LastSeen.UTC()
		c.Events = append(c.Events, e)
		return err
	})
	if err != nil {
		return fmt.Errorf("list the types of events: %w", err)
	}
	return nil
}

// catalogProperties samples the events of the filter.
func (s *Store) catalogProperties(ctx context.Context, filter CatalogFilter, wanted []string, largestPart uint64, c *Catalog) error {
	st := newStatement()
	selected := sample(st, filter, largestPart, c)
	only := "1"
	if wanted != nil {
		only = "(empty(value.1) OR " + filter.values(st, wanted) + ")"
	}
	values := filter.most()
	st.text("SELECT type, name, n, kinds, first, last, arrayMap(t -> t.1, top), arrayMap(t -> toUInt64(t.2), top)",
		"\nFROM\n(\nSELECT type, value.1 AS name, count() AS n, groupUniqArray(value.2) AS kinds, min(timestamp) AS first, max(timestamp) AS last,",
		"\n    topK(", strconv.Itoa(values), ", 3, 'counts')(value.3) AS top",
		"\nFROM (SELECT * FROM events WHERE ", selected, " LIMIT ", strconv.Itoa(unpackPerType), " BY type)",
		"\nARRAY JOIN ", carried(st), " AS value",
		"\nWHERE ", only,
		"\nGROUP BY type, name\n)\nORDER BY type, name")
	if err := s.readProperties(ctx, st, c); err != nil {
		return fmt.Errorf("look for properties: %w", err)
	}
	return nil
}

// values renders which of the unpacked values are wanted: those of one property.
func (f CatalogFilter) values(st *statement, wanted []string) string {
	sql := "value.1 = " + st.bind(wanted)
	if f.Prefix != "" {
		sql += " AND startsWith(lowerUTF8(value.3), lowerUTF8(" + st.bind(f.Prefix) + "))"
	}
	return sql
}

// most is how many values of a property are shown.
func (f CatalogFilter) most() int {
	if f.Property != "" {
		return catalogAllValues
	}
	return catalogValues
}

// sample renders which rows are looked at.
func sample(st *statement, filter CatalogFilter, largestPart uint64, c *Catalog) string {
	if filter.Event == "" {
		return strips(st, sampleRows, c.StoredRows, largestPart)
	}
	n := uint64(sampleRows)
	if len(c.Events) > 0 { // enough rows for some thousand of the type
		n = min(max(n, 4*unpackPerType*(c.StoredRows/max(c.Events[0].Count, 1))), sampleMost)
	}
	return allOf("type = "+st.bind(filter.Event), strips(st, n, c.StoredRows, largestPart))
}

// rowsIn tells how many rows a table holds, and the largest of its parts.
func (s *Store) rowsIn(ctx context.Context, table string) (rows, largestPart uint64, err error) {
	st := newStatement()
	st.text("SELECT sum(rows), max(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = ", st.bind(table))
	err = s.eachRow(ctx, st, func(scan func(...any) error) error { return scan(&rows, &largestPart) })
	if err != nil {
		return 0, 0, fmt.Errorf("read the size of the data: %w", err)
	}
	return rows, largestPart, nil
}

// carried renders what one row carries: for each value its name in parts, its
// type and its text. The first, without a name, stands for the row itself.
func carried(st *statement) string {
	columns := make([]string, 0, 20)
	for _, name := range slices.Concat(contextNames(), hotNames()) {
		columns = append(columns, fmt.Sprintf("(['%s'], 'text', toString(%s))", name, name))
	}
	columns = append(columns, "(['amount'], 'number', ifNull(toString(amount), ''))")
	return `arrayConcat(
    [(CAST([], 'Array(String)'), '', '')],
    arrayFilter(v -> v.3 != '', [` + strings.Join(columns, ", ") + `]),` +
		unpacked("properties", " AND NOT has("+st.bind(append(hotNames(), "amount"))+", kv.1)") + `)`
}

// unpacked renders what the JSON text in properties holds, objects one level
// deep, as two arrays such as those of carried. Names begin with the given word;
// only restricts the keys kv.1.
func unpacked(begin, only string) string {
	const (
		kind = "multiIf(startsWith(%[1]s, '\"'), 'text', %[1]s IN ('true', 'false'), 'truth', startsWith(%[1]s, '['), 'list', startsWith(%[1]s, '{'), 'object', 'number')"
		text = "substringUTF8(if(startsWith(%[1]s, '\"'), JSONExtractString(%[1]s), %[1]s), 1, 100)"
	)
	return `
    arrayMap(kv -> (['` + begin + `', kv.1], ` + fmt.Sprintf(kind, "kv.2") + `, ` + fmt.Sprintf(text, "kv.2") + `),
        arrayFilter(kv -> kv.2 != 'null'` + only + `, JSONExtractKeysAndValuesRaw(properties))),
    arrayFlatten(arrayMap(kv -> arrayMap(sub -> (['` + begin + `', kv.1, sub.1], ` + fmt.Sprintf(kind, "sub.2") + `, ` + fmt.Sprintf(text, "sub.2") + `),
            arrayFilter(sub -> sub.2 != 'null', JSONExtractKeysAndValuesRaw(kv.2))),
        arrayFilter(kv -> startsWith(kv.2, '{'), JSONExtractKeysAndValuesRaw(properties))))`
}

// readProperties adds what the sample holds, and scales counts up to all events
// of the type.
func (s *Store) readProperties(ctx context.Context, st *statement, c *Catalog) error {
	counts := map[string]uint64{}
	for _, e := range c.Events {
		counts[e.Name] = e.Count
	}
	index := map[string]int{}
	scale := 1.0
	return s.eachRow(ctx, st, func(scan func(...any) error) error {
		var event string
		var parts []string
		var n uint64
		var values []string
		var times []uint64
		p := CatalogProperty{}
		if err := scan(&event, &parts, &n, &p.Types, &p.FirstSeen, &p.LastSeen, &values, &times); err != nil {
			return err
		}
		if len(parts) == 0 { // comes first of its type
			c.SampledRows += n
			scale = float64(max(counts[event], n)) / float64(n)
			return nil
		}
		slices.Sort(p.Types)
		p.Name, p.Events, p.Count = nameOf(parts), []string{event}, uint64(float64(n)*scale)
		p.FirstSeen, p.LastSeen = p.FirstSeen.UTC(), p.LastSeen.UTC()
		p.times = map[string]float64{}
		for i, value := range values {
			p.times[value] = float64(times[i]) * scale
		}
		c.merge(index, p)
		return nil
	})
}

// parts are those of the name under which the catalogue lists a property.
func (p property) parts() []string {
	switch {
	case p.of != "":
		return append([]string{"user"}, p.path...)
	case p.column != "":
		return []string{p.column}
	}
	return append([]string{"properties"}, p.path...)
}

// nameOf writes the parts of a name as a question does.
func nameOf(parts []string) string {
	written := make([]string, len(parts))
	for i, part := range parts {
		written[i] = query.NamePart(part)
	}
	return strings.Join(written, ".")
}

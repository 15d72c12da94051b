package olap

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// traitRows is about how many users are looked at for their traits.
const traitRows = 20_000

// catalogTraits samples the traits of users, in strips as the events are.
func (s *Store) catalogTraits(ctx context.Context, filter CatalogFilter, wanted []string, c *Catalog) error {
	stored, largest, err := s.rowsIn(ctx, "user_traits")
	if err != nil || stored == 0 {
		return err
	}
	st := newStatement()
	from, only := "user_traits FINAL", "1"
	if stored > traitRows { // users who are there twice, until parts are merged, matter little
		from = "user_traits WHERE " + strips(st, traitRows, stored, largest)
	}
	if wanted != nil {
		only = filter.values(st, wanted)
	}
	st.text("SELECT value.1 AS name, count() AS n, any(looked) AS looked, groupUniqArray(value.2) AS kinds, min(at) AS first, max(at) AS last,",
		"\n    arrayMap(t -> t.1, topK(", strconv.Itoa(filter.most()), ", 3, 'counts')(value.3) AS top), arrayMap(t -> toUInt64(t.2), top)",
		"\nFROM\n(\n    SELECT tupleElement(whole, 'timestamp') AS at, tupleElement(whole, 'properties') AS properties, count() OVER () AS looked\n    FROM (SELECT materialize(latest) AS whole FROM ", from, ")\n)",
		"\nARRAY JOIN arrayConcat(", unpacked("user", ""), ") AS value",
		"\nWHERE ", only,
		"\nGROUP BY name\nORDER BY name")
	if err := s.readTraits(ctx, st, stored, c); err != nil {
		return fmt.Errorf("look for traits of users: %w", err)
	}
	return nil
}

// readTraits adds what the sample holds, scaled up to all users.
func (s *Store) readTraits(ctx context.Context, st *statement, stored uint64, c *Catalog) error {
	return s.eachRow(ctx, st, func(scan func(...any) error) error {
		var parts, values []string
		var n, looked uint64
		var times []uint64
		p := CatalogProperty{Events: []string{"identify"}, times: map[string]float64{}}
		if err := scan(&parts, &n, &looked, &p.Types, &p.FirstSeen, &p.LastSeen, &values, &times); err != nil {
			return err
		}
		scale := 1.0
		if stored > traitRows {
			scale = float64(stored) / float64(looked)
		}
		slices.Sort(p.Types)
		p.Name, p.Count = nameOf(parts), uint64(float64(n)*scale)
		p.FirstSeen, p.LastSeen = p.FirstSeen.UTC(), p.LastSeen.UTC()
		for i, value := range values {
			p.times[value] = float64(times[i]) * scale
		}
		c.Properties = append(c.Properties, p)
		return nil
	})
}

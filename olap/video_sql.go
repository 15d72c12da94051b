package olap

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// videoPlan renders one question about video. Events become one row per user
// (and group) with the furthest place, and those are counted.
type videoPlan struct {
	*statement
	*video
	frame  frame
	groups groups
}

// whole gives one row for everything.
func (p *videoPlan) whole() error {
	p.text("SELECT toInt64(0) AS slot, ", p.figures(), "\nFROM\n(")
	err := p.users("")
	p.text("\n)")
	return err
}

// bySlot gives a row per group, in the order of the answer.
func (p *videoPlan) bySlot() error {
	p.text("SELECT slot, ", p.figures(), "\nFROM\n(")
	err := p.users(p.groups.number(p.statement))
	p.text("\n)\nGROUP BY slot\nORDER BY slot < 1, slot < 0, slot")
	return err
}

// topValues finds the values with most plays.
func (p *videoPlan) topValues(ctx context.Context, r *run) (groups, error) {
	g := groups{by: p.Breakdown}
	p.statement = newStatement()
	where, err := p.where()
	if err != nil {
		return g, err
	}
	value := p.Breakdown.Property.property
	p.text("SELECT toString(", value.text(p.statement), ") AS value\nFROM events\nWHERE ", where, " AND ", value.present(p.statement),
		"\nGROUP BY value\nORDER BY countIf(type = ", p.bind(typeVideoPlay), ") DESC, uniqExact(user_id) DESC, value\nLIMIT ", p.bind(int64(p.Breakdown.Limit)))
	err = r.each(ctx, p.statement, func(rows driver.Rows) error {
		var value string
		err := rows.Scan(&value)
		g.values = append(g.values, value)
		return err
	})
	return g, err
}

// figures renders what is counted over users.
func (p *videoPlan) figures() string {
	places := []int64{}
	for percent := 0; percent <= 100; percent += dropOffStep {
		places = append(places, int64(percent))
	}
	return "sum(plays) AS play_count, count() AS users, sum(completions) AS completion_count, sumKahan(seconds) AS watch_seconds,\n" +
		"    sumForEach(arrayMap(place -> toUInt64(furthest >= place), " + p.bind(places) + ")) AS reached, sum(unwatched) AS without_seconds, sum(nowhere) AS without_place"
}

// users renders one row per user and group with an event of a video.
//
// Seconds are summed without -If and without NULL: over a table in the order of
// its keys (optimize_aggregation_in_order) ClickHouse 26.7 loses values of
// sumKahanIf, and of sumKahan over Nullable.
func (p *videoPlan) users(slot string) error {
	keys := "user_id"
	if slot != "" {
		slot, keys = slot+" AS slot, ", "user_id, slot"
	}
	where, err := p.where()
	if err != nil {
		return err
	}
	play, progress, complete := "type = "+p.bind(typeVideoPlay), "type = "+p.bind(typeVideoProgress), "type = "+p.bind(typeVideoComplete)
	p.text("\n    SELECT ", slot, "user_id, countIf(", play, ") AS plays, countIf(", complete, ") AS completions,",
		"\n        sumKahan(greatest(watched, 0)) AS seconds, max(ifNull(place, 0)) AS furthest,",
		"\n        countIf(watched < 0 AND NOT (", play, ")) AS unwatched, countIf(place IS NULL AND ", progress, ") AS nowhere",
		"\n    FROM\n    (\n        SELECT *, ifNull(", p.numberIn("watched_seconds"), ", -1) AS watched, ", p.place(complete), " AS place",
		"\n        FROM events\n        WHERE ", where, "\n    )\n    GROUP BY ", keys)
	return nil
}

// place renders how far into the video an event is, in percent from 0 to 100;
// NULL where it does not say.
func (p *videoPlan) place(complete string) string {
	percent, position, duration := p.numberIn("percent"), p.numberIn("position_seconds"), p.numberIn("duration_seconds")
	return fmt.Sprintf("if(%s, 100., least(greatest(ifNull(%s, if(%s > 0, 100 * %s / %s, NULL)), 0), 100))", complete, percent, duration, position, duration)
}

// numberIn renders a property as a number, NULL where it is none.
func (p *videoPlan) numberIn(name string) string {
	return property{path: []string{name}}.number(p.statement)
}

// where renders which events count.
func (p *videoPlan) where() (string, error) {
	types := eventChoice{[]string{typeVideoPlay, typeVideoProgress, typeVideoComplete}}
	where, err := selection(p.statement, p.frame.clock, types, p.Where)
	if p.VideoID != "" {
		where = "video_id = " + p.bind(string(p.VideoID)) + " AND " + where
	}
	return allOf(p.frame.during(p.statement), where), err
}

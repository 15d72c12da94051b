package olap

import "fmt"

// How the events of a user come together
//
// Grouping by user costs more than all passes: the table of millions of users
// outgrows the caches, and each user's array grows by itself. So the events are
// grouped by a slice of the users, a thousand of them, whose table and ends of
// arrays stay in the nearest cache. Each carries its user in the upper half of a
// wide number; a slice is sorted as a whole, by user and then by time, and cut
// where the user changes. What comes out is the same array per user.
//
// Users are told apart by the 64-bit hashes that windows keep as well. Where
// names are asked for, sessions are counted, or events carry a value along,
// users are grouped one by one.

// sliceBits is how many bits of a user's hash tell slices apart. With 6 to 10 of
// them a funnel costs the same, with 12 a tenth more, with 14 a quarter.
const sliceBits = 10

// manyBytes is from how many bytes of events (16 each) the groups are kept in
// parts, which come out one after the other: for all threads, and few enough
// events at a time for the passes to stay in the cache. Below that, parts would
// cost more than they save.
const manyBytes = 4_000_000

// gathered renders rows with the sorted array e of a user's (or session's)
// events; beside it slot where one is given, user_id where names are asked for,
// and val, the events' values, where the chain has one.
func (p *funnelPlan) gathered(slot, steps, where string) {
	if p.byName || p.CountBy == countSessions || p.chainHasValue() {
		p.oneByOne(slot, steps, where)
		return
	}
	key, keys := "", "slice"
	if slot != "" {
		key, slot, keys = "slot, ", slot+" AS slot, ", "slice, slot"
	}
	p.text("        SELECT ", key, "arrayJoin(arraySplit((x, other) -> other != 0, events, arrayDifference(people))) AS e FROM (",
		"\n        SELECT ", key, "arrayMap(x -> toUInt64(x), wide) AS events, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), wide) AS people FROM (",
		"\n        SELECT ", slot, fmt.Sprintf("bitShiftRight(person, %d) AS slice, ", 64-sliceBits),
		"arraySort(groupArray(bitShiftLeft(toUInt128(person), 64) + (", p.packed(steps), "))) AS wide",
		"\n        FROM ", p.source(), "\n        WHERE ", where, "\n        GROUP BY ", keys, "\n        SETTINGS group_by_two_level_threshold_bytes = ", fmt.Sprint(manyBytes), "\n        ))")
}

// oneByOne groups by each user, or session.
func (p *funnelPlan) oneByOne(slot, steps, where string) {
	user := "person"
	if p.byName || p.CountBy == countSessions {
		user = "user_id"
	}
	keys := user
	if p.CountBy == countSessions {
		keys += ", session"
	}
	if slot != "" {
		slot, keys = slot+" AS slot, ", keys+", slot"
	}
	events := "arraySort(groupArray(" + p.packed(steps) + ")) AS e"
	if p.chainHasValue() {
		property := p.Breakdown.Property.property
		value := fmt.Sprintf("if(%s, '=' || toString(%s), '')", property.present(p.statement), property.text(p.statement))
		events = fmt.Sprintf("arraySort(groupArray((%s, %s))) AS pairs, pairs.1 AS e, pairs.2 AS val", p.packed(steps), value)
	}
	p.text("        SELECT ", slot, user, ", ", events, "\n        FROM ", p.source(), "\n        WHERE ", where, "\n        GROUP BY ", keys)
}

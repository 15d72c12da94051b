package olap

import (
	"fmt"
	"strconv"
	"strings"
)

// Values of users
//
// user.plan belongs to the user and not to the event: every event of a user has
// it, as it is when the question is asked, whenever the event was. A statement
// that names such a value reads, instead of the table of events, that table
// joined with what is known of users. It does so under the table's own name,
// which a WITH gives to the join, so that no form of question has to know.
//
// A value is unpacked once per user and not once per event: by a trait, that is
// the difference between 0.3 and 0.6 s over four million events.

// userSource selects one row per user_id, with what is known of the user.
type userSource string

// traits are the properties of each user's latest identify. The tuple is read
// whole: of a part of it, FINAL merges the wrong rows (26.7).
const traits userSource = "SELECT user_id, tupleElement(materialize(latest), 'properties') AS properties FROM user_traits FINAL"

// ofUser finds what the name behind `user.` means: what a model says of the user,
// else a trait.
func ofUser(path []string) (property, error) {
	if len(path) == 0 {
		return property{}, faultf(CodeUnknownName, "", "user needs the name of a trait after it, such as user.plan; the user's id is user_id")
	}
	if len(path) == 1 && isScore(path[0]) {
		return ofScore(path[0]), nil
	}
	return property{label: "user." + strings.Join(path, "."), path: path, of: traits}, nil
}

// joined renders a value of a user as the column that the join adds to events:
// Nullable, NULL where it is absent or nothing is known of the user.
func (p property) joined(st *statement) string {
	inside := p
	inside.of = ""
	if p.kind == numberColumn {
		return st.ofUser(p.of, "toNullable("+p.column+")")
	}
	return st.ofUser(p.of, fmt.Sprintf("if(%s, %s, NULL)", inside.present(st), inside.text(st)))
}

// userValue is a column that a statement adds to events.
type userValue struct {
	source userSource
	sql    string // over a row of the source
}

// ofUser gives the name of the column that holds a value of the event's user.
func (s *statement) ofUser(source userSource, sql string) string {
	wanted := userValue{source, sql}
	for i, known := range s.users {
		if known == wanted {
			return userColumn(i)
		}
	}
	s.users = append(s.users, wanted)
	return userColumn(len(s.users) - 1)
}

func userColumn(i int) string { return "user_" + strconv.Itoa(i+1) }

// String is the whole SQL.
func (s *statement) String() string { return s.withUsers() + s.Builder.String() }

// withUsers renders the table of events with the values of users that the
// statement names. Inside its own definition the name means the table.
func (s *statement) withUsers() string {
	if len(s.users) == 0 {
		return ""
	}
	columns := map[userSource]string{}
	var sources []userSource
	for i, v := range s.users {
		if columns[v.source] == "" {
			sources = append(sources, v.source)
		}
		columns[v.source] += ", " + v.sql + " AS " + userColumn(i)
	}
	var b strings.Builder
	b.WriteString("WITH events AS\n(\n    SELECT *, person FROM events")
	for i, source := range sources {
		fmt.Fprintf(&b, "\n    LEFT ANY JOIN (SELECT user_id%s FROM (%s)) AS known_%d USING (user_id)", columns[source], source, i+1)
	}
	return b.String() + "\n)\n"
}

// ofUsers tells whether the question names a value of users: what is stored after
// its range may change its answer.
func (m mentions) ofUsers() bool {
	for _, p := range m.properties {
		if p.of != "" {
			return true
		}
	}
	return false
}

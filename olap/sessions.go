package olap

import "time"

// sessionGap is the silence that ends a session of events without session_id.
const sessionGap = 30 * time.Minute

// sessions renders the events of the range with a column `session`: the
// event's session_id, or, where it carries none, the number of the user's visit.
// Visits are cut from all of the user's events without session_id, so that they
// do not depend on what a series selects. A session belongs to one user.
//
// A visit that began before the range is as good as one that begins with it: no
// question asks for more than whether two events share a session.
func sessions(st *statement, f frame) string {
	during := f.during(st)
	return `(
    SELECT *, session_id AS session FROM events WHERE ` + during + ` AND session_id != ''
    UNION ALL` + visits(st, during, sessionGap) + `
)`
}

// visits renders the events without session_id with the number of their visit
// as the column `session`. A silence of more than gap ends a visit.
func visits(st *statement, during string, gap time.Duration) string {
	return `
    SELECT * EXCEPT (opens), '\n' || toString(sum(opens) OVER (PARTITION BY user_id ORDER BY timestamp)) AS session FROM
    (
        SELECT *, toUnixTimestamp64Milli(timestamp) - lagInFrame(toUnixTimestamp64Milli(timestamp)) OVER
            (PARTITION BY user_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > ` + st.bind(gap.Milliseconds()) + ` AS opens
        FROM events WHERE ` + during + ` AND session_id = ''
    )`
}

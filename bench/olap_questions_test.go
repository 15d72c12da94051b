package bench

import (
	"cmp"
	"slices"
	"strconv"

	"millrace/olap"
)

// olapQuestion is one question, in Millrace's terms and as SQL that somebody
// would write for it. Not every question has that.
type olapQuestion struct {
	name     string
	question string
	// figures are those of Millrace's answer that the SQL gives as well, as rows of
	// numbers one after the other.
	figures func(olap.Result) []int64
	naive   string // for ClickHouse, over the table raw
	duckdb  string
	// postgres is for both other engines where duckdb is empty. Times are in the
	// column ts, milliseconds since 1970.
	postgres string
	// raw questions need columns that the second order does not have, or none of the
	// raw events: they are asked once.
	raw bool
}

// The range of the questions: thirty days in the middle, and one of them.
const (
	olapMonth = `"from":"2026-01-15","to":"2026-02-14"`
	olapDay   = `"from":"2026-02-03","to":"2026-02-04"`
	monthSQL  = `timestamp >= '2026-01-15' AND timestamp < '2026-02-14'`
	daySQL    = `timestamp >= '2026-02-03' AND timestamp < '2026-02-04'`
	monthTS   = `ts >= 1768435200000 AND ts < 1771027200000`
	dayTS     = `ts >= 1770076800000 AND ts < 1770163200000`
	funnelIs  = `"window":"1d","steps":[{"event":"view"},{"event":"add_to_cart"},{"event":"purchase"}]`
)

// dashboard are the questions whose p99 has a goal.
var dashboard = []string{"trend", "trend of all by hour", "revenue", "revenue by country", "windows of a day"}

func olapQuestions() []olapQuestion {
	return []olapQuestion{
		{name: "trend", raw: true, question: `{"kind":"trends",` + olapMonth + `,"series":[{"event":"view"}]}`, figures: seriesFigures,
			naive:    `SELECT count() FROM raw WHERE ` + monthSQL + ` AND type = 'view' GROUP BY toDate(timestamp) ORDER BY toDate(timestamp)`,
			postgres: `SELECT count(*) FROM events WHERE ` + monthTS + ` AND type = 'view' GROUP BY ts / 86400000 ORDER BY ts / 86400000`,
			duckdb:   `SELECT count(*) FROM events WHERE ` + monthTS + ` AND type = 'view' GROUP BY ts // 86400000 ORDER BY ts // 86400000`},
		{name: "trend of all by hour", raw: true, question: `{"kind":"trends",` + olapMonth + `,"interval":"hour","series":[{}]}`, figures: seriesFigures,
			naive:    `SELECT count() FROM raw WHERE ` + monthSQL + ` GROUP BY toStartOfHour(timestamp) ORDER BY toStartOfHour(timestamp)`,
			postgres: `SELECT count(*) FROM events WHERE ` + monthTS + ` GROUP BY ts / 3600000 ORDER BY ts / 3600000`,
			duckdb:   `SELECT count(*) FROM events WHERE ` + monthTS + ` GROUP BY ts // 3600000 ORDER BY ts // 3600000`},
		{name: "revenue", raw: true, question: `{"kind":"revenue",` + olapMonth + `,"top":0}`},
		{name: "revenue by country", question: `{"kind":"revenue",` + olapMonth + `,"top":0,"breakdown":{"property":"country","limit":250}}`, figures: ordersByCountry,
			naive:    `SELECT count() FROM raw WHERE ` + monthSQL + ` AND type = 'purchase' GROUP BY currency, country HAVING uniqExact(user_id) > 0 AND sum(amount) > 0 ORDER BY currency, country`,
			postgres: `SELECT count(*) FROM events WHERE ` + monthTS + ` AND type = 'purchase' GROUP BY currency, country HAVING count(DISTINCT user_id) > 0 AND sum(amount) > 0 ORDER BY currency, country`},
		{name: "revenue with its ten best customers", question: `{"kind":"revenue",` + olapMonth + `}`},
		{name: "revenue by country with its ten best customers", question: `{"kind":"revenue",` + olapMonth + `,"breakdown":{"property":"country","limit":250}}`},
		{name: "windows of a day", raw: true, question: `{"kind":"windows",` + olapDay + `}`, figures: windowUsers,
			naive:    `SELECT uniqExact(user_id) FROM raw WHERE ` + daySQL + ` GROUP BY toStartOfTenMinutes(timestamp) AS w, type ORDER BY w, toString(type)`,
			postgres: `SELECT count(DISTINCT user_id) FROM events WHERE ` + dayTS + ` GROUP BY ts / 600000, type ORDER BY ts / 600000, type COLLATE "C"`,
			duckdb:   `SELECT count(DISTINCT user_id) FROM events WHERE ` + dayTS + ` GROUP BY ts // 600000, type ORDER BY ts // 600000, type`},
		{name: "users by day", raw: true, question: `{"kind":"trends",` + olapMonth + `,"series":[{"event":"view","measure":"users"}]}`, figures: seriesFigures,
			naive:    `SELECT uniqExact(user_id) FROM raw WHERE ` + monthSQL + ` AND type = 'view' GROUP BY toDate(timestamp) ORDER BY toDate(timestamp)`,
			postgres: `SELECT count(DISTINCT user_id) FROM events WHERE ` + monthTS + ` AND type = 'view' GROUP BY ts / 86400000 ORDER BY ts / 86400000`,
			duckdb:   `SELECT count(DISTINCT user_id) FROM events WHERE ` + monthTS + ` AND type = 'view' GROUP BY ts // 86400000 ORDER BY ts // 86400000`},
		{name: "views by country", question: `{"kind":"trends",` + olapMonth + `,"series":[{"event":"view"}],"breakdown":{"property":"country"}}`},
		{name: "p95 of a property", raw: true, question: `{"kind":"trends",` + olapMonth + `,"series":[{"event":"view","measure":"p95","property":"properties.price"}]}`},
		{name: "funnel", question: `{"kind":"funnel",` + olapMonth + `,` + funnelIs + `}`, figures: funnelCounts,
			naive:    naiveFunnel(""),
			postgres: windowedFunnel},
		// The same funnel, where whoever writes the SQL thinks of leaving out the
		// events that are no steps.
		{name: "funnel, naive with a filter", question: `{"kind":"funnel",` + olapMonth + `,` + funnelIs + `}`, figures: funnelCounts,
			naive: naiveFunnel(` AND type IN ('view', 'add_to_cart', 'purchase')`)},
		{name: "funnel by country", question: `{"kind":"funnel",` + olapMonth + `,` + funnelIs + `,"breakdown":{"property":"country"}}`},
		{name: "retention", question: `{"kind":"retention",` + olapMonth + `,"start":{"event":"view"},"return":{"event":"purchase"},"cohort":"first_in_range"}`},
		{name: "lifecycle", question: `{"kind":"lifecycle",` + olapMonth + `}`},
		{name: "stickiness", question: `{"kind":"stickiness",` + olapMonth + `}`},
		{name: "paths", raw: true, question: `{"kind":"paths",` + olapMonth + `,"items":"event"}`},
		{name: "sessions", raw: true, question: `{"kind":"sessions",` + olapMonth + `}`},
		{name: "sessions by country", raw: true, question: `{"kind":"sessions",` + olapMonth + `,"breakdown":{"property":"country"}}`},
		{name: "video", raw: true, question: `{"kind":"video",` + olapMonth + `}`},
	}
}

// naiveFunnel is the SQL of ClickHouse's own documentation.
func naiveFunnel(filter string) string {
	return `SELECT arrayJoin([countIf(level >= 1), countIf(level >= 2), countIf(level >= 3)]) FROM
(
    SELECT user_id, windowFunnel(86400000)(toUInt64(toUnixTimestamp64Milli(timestamp)), type = 'view', type = 'add_to_cart', type = 'purchase') AS level
    FROM raw WHERE ` + monthSQL + filter + ` GROUP BY user_id
)`
}

// windowedFunnel finds the same chains with window functions: the latest view up
// to each event, then the latest view from which a cart was reached.
const windowedFunnel = `WITH steps AS (
    SELECT user_id, ts, CASE type WHEN 'view' THEN 1 WHEN 'add_to_cart' THEN 2 ELSE 3 END AS step
    FROM events WHERE ` + monthTS + ` AND type IN ('view', 'add_to_cart', 'purchase')
), viewed AS (
    SELECT *, max(CASE WHEN step = 1 THEN ts END) OVER (PARTITION BY user_id ORDER BY ts, step ROWS UNBOUNDED PRECEDING) AS entered FROM steps
), carted AS (
    SELECT *, max(CASE WHEN step = 2 AND ts - entered <= 86400000 THEN entered END) OVER (PARTITION BY user_id ORDER BY ts, step ROWS UNBOUNDED PRECEDING) AS begun FROM viewed
), reached AS (
    SELECT user_id, max(CASE WHEN step = 3 AND ts - begun <= 86400000 THEN 3 WHEN begun IS NOT NULL THEN 2 WHEN entered IS NOT NULL THEN 1 ELSE 0 END) AS level FROM carted GROUP BY user_id
)
SELECT count(*) FROM reached WHERE level >= 1 UNION ALL SELECT count(*) FROM reached WHERE level >= 2 UNION ALL SELECT count(*) FROM reached WHERE level >= 3`

func seriesFigures(result olap.Result) []int64 {
	var out []int64
	for _, v := range result.(*olap.TrendsResult).Series[0].Values {
		n, _ := strconv.ParseInt(v.String(), 10, 64)
		out = append(out, n)
	}
	return out
}

func funnelCounts(result olap.Result) []int64 {
	var out []int64
	for _, s := range result.(*olap.FunnelResult).Steps {
		out = append(out, int64(s.Count))
	}
	return out
}

func windowUsers(result olap.Result) []int64 {
	var out []int64
	for _, w := range result.(*olap.WindowsResult).Windows {
		out = append(out, int64(w.Users))
	}
	return out
}

// ordersByCountry lists the orders by currency and then country.
func ordersByCountry(result olap.Result) []int64 {
	lines := slices.Clone(result.(*olap.RevenueResult).Series)
	slices.SortFunc(lines, func(a, b olap.RevenueLine) int {
		return cmp.Or(cmp.Compare(*a.Currency, *b.Currency), cmp.Compare(*a.Breakdown, *b.Breakdown))
	})
	var out []int64
	for _, l := range lines {
		out = append(out, int64(l.Total.Orders))
	}
	return out
}

package olap

import "time"

// ParseTime reads a time as questions write it, in UTC: a date, RFC 3339, an
// offset from now such as -7d, or now. Its error is a [*QueryError].
func ParseTime(text string, now time.Time) (time.Time, error) {
	return moment{given: true, text: text}.resolve(now, time.UTC)
}

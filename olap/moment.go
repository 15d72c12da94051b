package olap

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones must be known on a bare machine
)

// moment is a point in time as a question writes it: an instant, a local date
// or date-time, or an offset from now. It becomes an instant once the zone and
// the clock are known.
type moment struct {
	given   bool
	text    string
	pointer string
}

func (m *moment) decodeJSON(raw json.RawMessage, pointer string) error {
	m.pointer = pointer
	if err := json.Unmarshal(raw, &m.text); err != nil {
		return faultf(CodeWrongType, pointer, "%s is not a time; write \"2026-01-31\", \"2026-01-31T10:00:00Z\", \"-7d\" or \"now\"", shorten(raw))
	}
	m.given = true
	_, err := m.resolve(time.Unix(0, 0), time.UTC)
	return err
}

// relativeTime is now, -7d, or now-12h.
var relativeTime = regexp.MustCompile(`^(?:now)?(?:([-+])(\d{1,6})(mo|[smhdwMy]))?$`)

// resolve gives the instant. A date without time is local midnight at its
// start: as `to` it excludes that day.
func (m moment) resolve(now time.Time, zone *time.Location) (time.Time, error) {
	text := strings.TrimSpace(m.text)
	if parts := relativeTime.FindStringSubmatch(text); text != "" && parts != nil {
		return shift(now.In(zone), parts[1], parts[2], parts[3]), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return m.checkYear(localStart(t, layout, zone))
		}
	}
	return time.Time{}, faultf(CodeInvalidTime, m.pointer,
		"%q is not a time; write a date \"2026-01-31\", RFC 3339 \"2026-01-31T10:00:00Z\", an offset \"-7d\" (s m h d w mo y) or \"now\"", m.text)
}

// localStart corrects a date whose midnight a clock change skips or repeats.
func localStart(t time.Time, layout string, zone *time.Location) time.Time {
	if layout == "2006-01-02" {
		return startOfDay(t.Year(), t.Month(), t.Day(), zone)
	}
	return t
}

func (m moment) checkYear(t time.Time) (time.Time, error) {
	if y := t.UTC().Year(); y < 1900 || y > 2261 {
		return t, faultf(CodeInvalidTime, m.pointer, "%q lies outside the years 1900 to 2261", m.text)
	}
	return t, nil
}

func shift(t time.Time, sign, number, unit string) time.Time {
	n, _ := strconv.Atoi(number)
	if sign == "-" {
		n = -n
	}
	switch unit {
	case "s":
		return t.Add(time.Duration(n) * time.Second)
	case "m":
		return t.Add(time.Duration(n) * time.Minute)
	case "h":
		return t.Add(time.Duration(n) * time.Hour)
	case "d":
		return t.AddDate(0, 0, n)
	case "w":
		return t.AddDate(0, 0, 7*n)
	case "mo", "M":
		return t.AddDate(0, n, 0)
	case "y":
		return t.AddDate(n, 0, 0)
	}
	return t
}

// duration is a length of time such as "14d", "30m" or "1h30m". A day is 24 hours.
type duration struct {
	time.Duration
}

var durationPart = regexp.MustCompile(`^(\d{1,9})(ms|[smhdw])`)

func (d *duration) decodeJSON(raw json.RawMessage, pointer string) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return faultf(CodeWrongType, pointer, "%s is not a length of time; write \"14d\", \"1h30m\" or \"45s\"", shorten(raw))
	}
	length, ok := parseDuration(text)
	if !ok {
		return faultf(CodeInvalidTime, pointer, "%q is not a length of time; write \"14d\", \"1h30m\" or \"45s\" (ms s m h d w)", text)
	}
	d.Duration = length
	return nil
}

func parseDuration(text string) (time.Duration, bool) {
	units := map[string]time.Duration{
		"ms": time.Millisecond, "s": time.Second, "m": time.Minute,
		"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
	}
	var total time.Duration
	rest := strings.TrimSpace(text)
	for rest != "" {
		part := durationPart.FindStringSubmatch(rest)
		if part == nil {
			return 0, false
		}
		n, _ := strconv.ParseInt(part[1], 10, 64)
		if n > int64(100*365*24*time.Hour/units[part[2]]) {
			return 0, false
		}
		total += time.Duration(n) * units[part[2]]
		rest = rest[len(part[0]):]
	}
	return total, text != ""
}

// zone is a time zone of the IANA database, by name.
type zone struct{ *time.Location }

func (z *zone) decodeJSON(raw json.RawMessage, pointer string) error {
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		return faultf(CodeWrongType, pointer, "%s is not a time zone; write a name such as \"Asia/Kolkata\"", shorten(raw))
	}
	location, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return faultf(CodeInvalidTime, pointer, "%q is not a time zone; write an IANA name such as \"UTC\" or \"Asia/Kolkata\"", name)
	}
	z.Location = location
	return nil
}

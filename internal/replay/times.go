package replay

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// layout is one way to write a time.
type layout struct {
	unit time.Duration // of a number since 1970; 0 for text
	text string        // Go layout
}

// newLayouts reads the --time-format values.
func newLayouts(formats []string) ([]layout, error) {
	var layouts []layout
	var faults []error
	for _, f := range formats {
		l, err := newLayout(f)
		if err != nil {
			faults = append(faults, err)
		}
		layouts = append(layouts, l)
	}
	return layouts, errors.Join(faults...)
}

func newLayout(format string) (layout, error) {
	switch strings.ToLower(format) {
	case "unix", "unix_s":
		return layout{unit: time.Second}, nil
	case "unix_ms":
		return layout{unit: time.Millisecond}, nil
	case "unix_us":
		return layout{unit: time.Microsecond}, nil
	case "unix_ns":
		return layout{unit: time.Nanosecond}, nil
	case "rfc3339", "iso8601":
		return layout{text: time.RFC3339Nano}, nil
	}
	text := format
	if strings.Contains(format, "%") {
		var err error
		if text, err = fromStrftime(format); err != nil {
			return layout{}, err
		}
	}
	if probe := time.Date(2003, 7, 9, 21, 41, 58, 0, time.UTC).Format(text); probe == text {
		return layout{}, fmt.Errorf("time format: %q names no part of a time; write it as %%d/%%m/%%Y %%H:%%M, as the Go layout 02/01/2006 15:04, or as unix, unix_ms, unix_us, unix_ns, rfc3339", format)
	}
	return layout{text: text}, nil
}

// fromStrftime turns the usual strftime conversions into a Go layout.
func fromStrftime(format string) (string, error) {
	known := map[byte]string{
		'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
		'b': "Jan", 'B': "January", 'a': "Mon", 'A': "Monday", 'z': "-0700", 'Z': "MST", 'f': "000000", 'L': "000", 'j': "002",
		'T': "15:04:05", 'F': "2006-01-02", 'D': "01/02/06", 'R': "15:04", '%': "%", 't': "\t",
	}
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		i++
		if i == len(format) {
			return "", fmt.Errorf("time format: %q ends in %%", format)
		}
		text, ok := known[format[i]]
		if !ok {
			return "", fmt.Errorf("time format: %%%c in %q is not known; there are %%Y %%m %%d %%H %%M %%S %%f %%z %%p %%b and their relatives", format[i], format)
		}
		out.WriteString(text)
	}
	return out.String(), nil
}

// timeReader reads times.
type timeReader struct {
	layouts   []layout // none: find out
	zone      clock
	ambiguous int64 // local times that the clocks showed twice
}

func newTimeReader(layouts []layout, zone *time.Location) *timeReader {
	if zone == nil {
		zone = time.UTC
	}
	return &timeReader{layouts: layouts, zone: clock{zone: zone}}
}

// errNotATime and errSkipped are the two ways a time can be bad.
var (
	errNotATime = errors.New("not a time")
	errSkipped  = errors.New("a local time that does not exist")
)

// read reads a time in one of the layouts, or in any that is known.
func (t *timeReader) read(text []byte) (time.Time, error) {
	text = bytes.TrimSpace(text)
	if len(t.layouts) == 0 {
		return t.guess(text)
	}
	for _, l := range t.layouts {
		if at, err := t.readAs(l, text); err == nil || errors.Is(err, errSkipped) {
			return at, err
		}
	}
	return time.Time{}, errNotATime
}

func (t *timeReader) readAs(l layout, text []byte) (time.Time, error) {
	if l.unit > 0 {
		return readUnix(text, l.unit)
	}
	at, err := time.ParseInLocation(l.text, string(text), t.zone.zone)
	if err != nil {
		return time.Time{}, errNotATime
	}
	if hasZone(l.text) {
		return at, nil
	}
	wall, err := time.Parse(l.text, string(text))
	if err != nil {
		return time.Time{}, errNotATime
	}
	return t.local(wall)
}

func hasZone(layout string) bool {
	return strings.Contains(layout, "Z07") || strings.Contains(layout, "-07") || strings.Contains(layout, "MST")
}

// local is the instant of a wall time in the zone.
func (t *timeReader) local(wall time.Time) (time.Time, error) {
	at, hint := t.zone.instant(wall)
	switch hint {
	case wallSkipped:
		return at, errSkipped
	case wallTwice:
		t.ambiguous++
	}
	return at, nil
}

// guess reads a time in a usual form: RFC 3339 and its relatives with blanks
// and slashes, dates, 19970101, and Unix times whose number of digits tells
// their unit.
func (t *timeReader) guess(text []byte) (time.Time, error) {
	if number, digits := unixLike(text); number {
		if digits == 8 {
			return t.compactDate(text)
		}
		unit, ok := unixUnit(digits)
		if !ok {
			return time.Time{}, errNotATime
		}
		return readUnix(text, unit)
	}
	wall, offset, zoned, ok := readISO(text)
	switch {
	case !ok:
		return time.Time{}, errNotATime
	case zoned:
		return wall.Add(-offset), nil
	}
	return t.local(wall)
}

// compactDate reads 19970101.
func (t *timeReader) compactDate(text []byte) (time.Time, error) {
	wall, ok := dateOf(number(text[0:4]), number(text[4:6]), number(text[6:8]))
	if !ok || wall.Year() < 1900 || wall.Year() > 2200 {
		return time.Time{}, errNotATime
	}
	return t.local(wall)
}

// unixLike reports whether text is a number and how many digits its whole part has.
func unixLike(text []byte) (bool, int) {
	whole := len(text)
	for i, c := range text {
		switch {
		case c == '.' && i > 0 && whole == len(text):
			whole = i
		case c < '0' || c > '9':
			return false, 0
		}
	}
	return whole > 0, whole
}

// unixUnit tells the unit by the digits: 9 and 10 are seconds from 1973 to 2286.
func unixUnit(digits int) (time.Duration, bool) {
	switch digits {
	case 9, 10:
		return time.Second, true
	case 12, 13:
		return time.Millisecond, true
	case 15, 16:
		return time.Microsecond, true
	case 18, 19:
		return time.Nanosecond, true
	}
	return 0, false
}

// readUnix reads a decimal number of units since 1970, exactly.
func readUnix(text []byte, unit time.Duration) (time.Time, error) {
	whole, fraction, _ := strings.Cut(string(text), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, errNotATime
	}
	perSecond := int64(time.Second / unit)
	at := time.Unix(n/perSecond, n%perSecond*int64(unit)).UTC()
	if fraction == "" {
		return at, nil
	}
	part, err := strconv.ParseFloat("0."+fraction, 64)
	if err != nil {
		return time.Time{}, errNotATime
	}
	if n < 0 || strings.HasPrefix(whole, "-") {
		part = -part
	}
	return at.Add(time.Duration(part * float64(unit))), nil
}

// readISO reads 2006-01-02, 2006/01/02, with T or a blank 15:04, 15:04:05,
// 15:04:05.999, and Z, UTC or an offset. The first result is the wall time.
func readISO(s []byte) (wall time.Time, offset time.Duration, zoned, ok bool) {
	if len(s) < 10 || s[4] != s[7] || s[4] != '-' && s[4] != '/' || !isDigits(s[0:4]) || !isDigits(s[5:7]) || !isDigits(s[8:10]) {
		return wall, 0, false, false
	}
	if wall, ok = dateOf(number(s[0:4]), number(s[5:7]), number(s[8:10])); !ok {
		return wall, 0, false, false
	}
	rest := s[10:]
	if len(rest) == 0 {
		return wall, 0, false, true
	}
	if rest[0] != 'T' && rest[0] != 't' && rest[0] != ' ' {
		return wall, 0, false, false
	}
	elapsed, rest, ok := readClock(bytes.TrimLeft(rest[1:], " "))
	if !ok {
		return wall, 0, false, false
	}
	offset, zoned, ok = readOffset(bytes.TrimLeft(rest, " "))
	return wall.Add(elapsed), offset, zoned, ok
}

// readClock reads 15:04, 15:04:05 and 15:04:05.999 and returns what follows.
func readClock(s []byte) (elapsed time.Duration, rest []byte, ok bool) {
	if len(s) < 5 || s[2] != ':' || !isDigits(s[0:2]) || !isDigits(s[3:5]) || number(s[0:2]) > 23 || number(s[3:5]) > 59 {
		return 0, nil, false
	}
	elapsed = time.Duration(number(s[0:2]))*time.Hour + time.Duration(number(s[3:5]))*time.Minute
	s = s[5:]
	if len(s) < 3 || s[0] != ':' {
		return elapsed, s, true
	}
	if !isDigits(s[1:3]) || number(s[1:3]) > 59 {
		return 0, nil, false
	}
	elapsed += time.Duration(number(s[1:3])) * time.Second
	s = s[3:]
	if len(s) == 0 || s[0] != '.' && s[0] != ',' {
		return elapsed, s, true
	}
	unit, i := time.Second, 1
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		unit /= 10
		elapsed += time.Duration(s[i]-'0') * unit
	}
	return elapsed, s[i:], i > 1
}

// readOffset reads nothing, Z, UTC, GMT, +05, +0530 or +05:30.
func readOffset(s []byte) (offset time.Duration, zoned, ok bool) {
	switch strings.ToUpper(string(s)) {
	case "":
		return 0, false, true
	case "Z", "UTC", "GMT":
		return 0, true, true
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, false, false
	}
	digits := bytes.Replace(s[1:], []byte{':'}, nil, 1)
	if len(digits) != 2 && len(digits) != 4 || !isDigits(digits) {
		return 0, false, false
	}
	offset = time.Duration(number(digits[0:2])) * time.Hour
	if len(digits) == 4 {
		offset += time.Duration(number(digits[2:4])) * time.Minute
	}
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true, offset > -24*time.Hour && offset < 24*time.Hour
}

// dateOf refuses days that do not exist, such as 30 February.
func dateOf(year, month, day int) (time.Time, bool) {
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return at, at.Month() == time.Month(month) && at.Day() == day
}

func isDigits(s []byte) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) > 0
}

// number is the value of a few digits.
func number(s []byte) int {
	n := 0
	for _, c := range s {
		n = 10*n + int(c-'0')
	}
	return n
}

// ParseTime reads a time in any of the forms that need no --time-format.
func ParseTime(text string, zone *time.Location) (time.Time, error) {
	return newTimeReader(nil, zone).read([]byte(text))
}

// TimeParser reads times as --time-format says: in one of the formats or,
// without any, in any form that needs none. Times that name no zone are of the
// given one.
func TimeParser(formats []string, zone *time.Location) (func(text string) (time.Time, error), error) {
	layouts, err := newLayouts(formats)
	if err != nil {
		return nil, err
	}
	reader := newTimeReader(layouts, zone)
	return func(text string) (time.Time, error) { return reader.read([]byte(text)) }, nil
}

package event

import "encoding/binary"

// timeFault says what is wrong with a timestamp; timeFine is none of them.
type timeFault uint8

const (
	timeFine timeFault = iota
	timeShape
	timeMonth
	timeDay
	timeHour
	timeMinute
	timeLeapSecond
	timeSecond
	timeFraction
	timeNoZone
	timeZone
)

const (
	msPerSecond = 1000
	msPerMinute = 60 * msPerSecond
	msPerHour   = 60 * msPerMinute
	msPerDay    = 24 * msPerHour
)

// parseTimestamp reads an RFC 3339 time with zero to nine fractional digits and
// any offset, as milliseconds since 1970 UTC. Digits after the third are cut
// off. The letters T and Z may be written small, as the RFC allows.
func parseTimestamp(s []byte) (ms int64, fault timeFault) {
	if len(s) == len("2006-01-02T15:04:05.000Z") {
		if ms, ok := parseUTCMillis(s); ok {
			return ms, timeFine
		}
	}
	return parseAnyTimestamp(s)
}

// parseUTCMillis reads exactly YYYY-MM-DDTHH:MM:SS.fffZ, eight bytes at a time.
// It leaves every doubt to parseAnyTimestamp.
func parseUTCMillis(s []byte) (ms int64, ok bool) {
	// Against the pattern, digits become 0 to 9 and everything else 0.
	date := binary.LittleEndian.Uint64(s[0:8]) ^ 0x2d30302d30303030   // 0000-00-
	clock := binary.LittleEndian.Uint64(s[8:16]) ^ 0x30303a3030543030 // 00T00:00
	rest := binary.LittleEndian.Uint64(s[16:24]) ^ 0x5a3030302e30303a // :00.000Z
	const digit, high = 0x7676767676767676, 0x8080808080808080
	if ((date+digit)|date|(clock+digit)|clock|(rest+digit)|rest)&high != 0 ||
		date&0xff0000ff00000000|clock&0x0000ff0000ff0000|rest&0xff000000ff0000ff != 0 {
		return 0, false
	}
	year := int(date&0xf)*1000 + int(date>>8&0xf)*100 + int(date>>16&0xf)*10 + int(date>>24&0xf)
	month := int(date>>40&0xf)*10 + int(date>>48&0xf)
	day := int(clock&0xf)*10 + int(clock>>8&0xf)
	hour := int(clock>>24&0xf)*10 + int(clock>>32&0xf)
	minute := int(clock>>48&0xf)*10 + int(clock>>56&0xf)
	second := int(rest>>8&0xf)*10 + int(rest>>16&0xf)
	milli := int(rest>>32&0xf)*100 + int(rest>>40&0xf)*10 + int(rest>>48&0xf)
	if checkDate(year, month, day) != timeFine || checkClock(hour, minute, second) != timeFine {
		return 0, false
	}
	return int64(daysSince1970(year, month, day))*msPerDay +
		int64(hour*msPerHour+minute*msPerMinute+second*msPerSecond+milli), true
}

// parseAnyTimestamp reads every form that the RFC allows and names the fault of
// those it does not.
func parseAnyTimestamp(s []byte) (ms int64, fault timeFault) {
	const shape = "0000-00-00T00:00:00"
	if !hasShape(s, shape) {
		return 0, timeShape
	}
	year, month, day := two(s)*100+two(s[2:]), two(s[5:]), two(s[8:])
	hour, minute, second := two(s[11:]), two(s[14:]), two(s[17:])
	if fault := checkDate(year, month, day); fault != timeFine {
		return 0, fault
	}
	if fault := checkClock(hour, minute, second); fault != timeFine {
		return 0, fault
	}
	milli, n, fault := parseFraction(s[len(shape):])
	if fault != timeFine {
		return 0, fault
	}
	offset, fault := parseZone(s[len(shape)+n:])
	if fault != timeFine {
		return 0, fault
	}
	return int64(daysSince1970(year, month, day))*msPerDay - offset +
		int64(hour*msPerHour+minute*msPerMinute+second*msPerSecond+milli), timeFine
}

// hasShape says whether s starts with shape, where 0 stands for any digit and
// T for either case of it.
func hasShape(s []byte, shape string) bool {
	if len(s) < len(shape) {
		return false
	}
	for i := range len(shape) {
		c := s[i]
		switch {
		case shape[i] == '0' && c-'0' < 10, shape[i] == c, shape[i] == 'T' && c == 't':
		default:
			return false
		}
	}
	return true
}

func two(s []byte) int { return int(s[0]-'0')*10 + int(s[1]-'0') }

// parseFraction reads a point and one to nine digits, if there is a point, and
// says how many bytes that took.
func parseFraction(s []byte) (milli, n int, fault timeFault) {
	if len(s) == 0 || s[0] != '.' {
		return 0, 0, timeFine
	}
	n = countDigits(s[1:])
	if n == 0 || n > 9 {
		return 0, 0, timeFraction
	}
	for i := range 3 {
		milli *= 10
		if i < n {
			milli += int(s[1+i] - '0')
		}
	}
	return milli, n + 1, timeFine
}

// parseZone reads Z or ±HH:MM up to the end of s, in milliseconds.
func parseZone(s []byte) (offset int64, fault timeFault) {
	if len(s) == 1 && s[0]|0x20 == 'z' {
		return 0, timeFine
	}
	if len(s) == 0 {
		return 0, timeNoZone
	}
	if len(s) != len("+00:00") || !hasShape(s[1:], "00:00") || s[0] != '+' && s[0] != '-' {
		return 0, timeZone
	}
	hours, minutes := two(s[1:]), two(s[4:])
	if hours > 23 || minutes > 59 {
		return 0, timeZone
	}
	offset = int64(hours*msPerHour + minutes*msPerMinute)
	if s[0] == '-' {
		offset = -offset
	}
	return offset, timeFine
}

func checkDate(year, month, day int) timeFault {
	if month-1 >= 12 || month < 1 {
		return timeMonth
	}
	if day < 1 || day > 28 && day > daysIn(year, month) {
		return timeDay
	}
	return timeFine
}

func checkClock(hour, minute, second int) timeFault {
	switch {
	case hour > 23:
		return timeHour
	case minute > 59:
		return timeMinute
	case second == 60:
		return timeLeapSecond
	case second > 60:
		return timeSecond
	}
	return timeFine
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSince1970 counts days of the proleptic Gregorian calendar, year ≥ 0. The
// year is taken to begin in March, which puts the leap day at its end (Howard
// Hinnant, "chrono-Compatible Low-Level Date Algorithms").
func daysSince1970(year, month, day int) int {
	shifted := uint(month+9) % 12 // March is 0
	y := uint(year) + 400         // keeps January of year 0 positive
	if month <= 2 {
		y--
	}
	inYear := (153*shifted+2)/5 + uint(day) - 1
	return int(y*365+y/4-y/100+y/400+inYear) - 146097 - 719468
}

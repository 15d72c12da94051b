package event

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// exampleTime is shown wherever a timestamp has to be written differently.
const exampleTime = `"2026-01-02T03:04:05.678Z"`

// reject puts the fault that was found in value into words.
func (d *Decoder) reject(value []byte) *Reject {
	switch d.fault {
	case faultUTF8:
		return d.rejectUTF8(value)
	case faultZero:
		return &Reject{ReasonInvalidText, d.pointer(), d.path() + ` contains \u0000, which the stores cannot keep. Remove that character.`}
	case faultUnknown:
		return d.rejectUnknown(value)
	case faultWrongType:
		return d.rejectWrongType(value)
	case faultTooDeep:
		return d.rejectTooDeep(value)
	case faultMissingType:
		return &Reject{ReasonMissingType, "/type", `type is missing. Every event needs one, such as "purchase".`}
	case faultMissingUser:
		return &Reject{ReasonMissingUser, "/user_id",
			"user_id and anonymous_id are both missing. Send user_id for a known user, or anonymous_id for a visitor."}
	case faultTooLong:
		return d.rejectTooLong()
	case faultPropertiesTooBig:
		return d.rejectProperties()
	case faultTimestamp, faultTooOld, faultInFuture:
		return d.rejectTimestamp()
	}
	return d.rejectSyntax(value)
}

// pointer is the JSON pointer of the field at fault.
func (d *Decoder) pointer() string {
	switch f := d.of; {
	case f >= firstHot:
		return "/properties/" + fieldName(f)
	case f >= firstContext:
		return "/context/" + fieldName(f)
	default:
		return "/" + fieldName(f)
	}
}

// path is the field at fault as people write it.
func (d *Decoder) path() string {
	switch f := d.of; {
	case f >= firstHot:
		return "properties." + fieldName(f)
	case f >= firstContext:
		return "context." + fieldName(f)
	default:
		return fieldName(f)
	}
}

func (d *Decoder) rejectUTF8(value []byte) *Reject {
	pointer := pointerAt(value, d.at)
	return &Reject{ReasonInvalidUTF8, pointer, fmt.Sprintf(
		"%s is not UTF-8: byte 0x%02x at offset %d of the event. Send the text encoded as UTF-8.", pathOf(pointer), value[d.at], d.at)}
}

func (d *Decoder) rejectWrongType(value []byte) *Reject {
	raw := value[d.at:d.valueEnd()]
	kind := kindOf(raw)
	want, remedy := "a string", ""
	switch {
	case d.of == fieldProperties || d.of == fieldContext:
		want, remedy = "an object", `Write it as {"name": value, …}, or leave it out.`
	case d.of == fieldTimestamp:
		want, remedy = "an RFC 3339 string", timestampRemedy(raw)
	case kind == "number" || kind == "boolean":
		remedy = fmt.Sprintf("Put it in quotes: %s.", strconv.Quote(excerpt(raw)))
	default:
		remedy = "Send one string, or leave the field out."
	}
	return &Reject{ReasonWrongType, d.pointer(),
		fmt.Sprintf("%s is %s; it must be %s. %s", d.path(), describe(raw), want, remedy)}
}

// valueEnd is where the value at fault ends.
func (d *Decoder) valueEnd() int {
	at, f := d.at, d.fault
	end := d.value(at, 0)
	d.at, d.fault = at, f
	return end
}

// timestampRemedy shows how a number would be written as RFC 3339.
func timestampRemedy(raw []byte) string {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < 0 {
		return "Write it like " + exampleTime + "."
	}
	at, unit := time.UnixMilli(n), "milliseconds"
	if n < 100_000_000_000 {
		at, unit = time.Unix(n, 0), "seconds"
	}
	if at = at.UTC(); at.Year() > 9999 {
		return "Write it like " + exampleTime + "."
	}
	return fmt.Sprintf("If it counts %s since 1970, write %q.", unit, at.Format(timeLayout))
}

func (d *Decoder) rejectTooDeep(value []byte) *Reject {
	pointer := pointerAt(value, d.at)
	return &Reject{ReasonTooDeep, pointer, fmt.Sprintf(
		"%s is nested more than %d levels deep. Flatten it, or send it as a string.", pathOf(firstTokens(pointer, 2)), d.depth)}
}

func (d *Decoder) rejectTooLong() *Reject {
	size, limit := len(d.read(d.of)), d.limit(d.of)
	return &Reject{ReasonFieldTooLong, d.pointer(), fmt.Sprintf(
		"%s is %s long and the limit is %s. It begins with %s. Shorten it, or keep the long form under a name of your own in properties.",
		d.path(), byteCount(size), byteCount(limit), strconv.Quote(excerpt(d.read(d.of))))}
}

func (d *Decoder) rejectTimestamp() *Reject {
	text := d.read(fieldTimestamp)
	shown := strconv.Quote(excerpt(text))
	at := time.UnixMilli(d.timestamp).UTC().Format(timeLayout)
	switch d.fault {
	case faultTooOld:
		return &Reject{ReasonTimestampTooOld, "/timestamp", fmt.Sprintf(
			"timestamp %s is before %s, the earliest accepted. Check the clock or the format of the date at the sender.",
			at, time.UnixMilli(d.oldest).UTC().Format(timeLayout))}
	case faultInFuture:
		return &Reject{ReasonTimestampInFuture, "/timestamp", fmt.Sprintf(
			"timestamp %s is more than %s ahead of the server's clock (%s). Check the clock of the sender.",
			at, hours(d.limits.Ahead), time.UnixMilli(d.newest).Add(-d.limits.Ahead).UTC().Format(timeLayout))}
	}
	if len(text) == 0 {
		return &Reject{ReasonInvalidTimestamp, "/timestamp",
			"timestamp is empty. Write it like " + exampleTime + ", or leave it out to have the time of receipt."}
	}
	reason := ReasonInvalidTimestamp
	if d.timeFault == timeNoZone {
		reason = ReasonMissingTimeZone
	}
	return &Reject{reason, "/timestamp",
		fmt.Sprintf("timestamp %s %s. Write it like %s.", shown, timeFaultText(d.timeFault), exampleTime)}
}

// timeFaultText completes the sentence "timestamp … ".
func timeFaultText(f timeFault) string {
	switch f {
	case timeMonth:
		return "has a month that is not 01 to 12"
	case timeDay:
		return "has a day that its month does not have"
	case timeHour:
		return "has an hour over 23"
	case timeMinute:
		return "has a minute over 59"
	case timeSecond:
		return "has a second over 59"
	case timeLeapSecond:
		return "is a leap second, which cannot be stored; send second 59 instead"
	case timeFraction:
		return "has a fraction of a second that is not one to nine digits"
	case timeNoZone:
		return "has no time zone: end it with Z for UTC, or with an offset such as +05:30"
	case timeZone:
		return "does not end with Z or an offset such as +05:30"
	}
	return "is not an RFC 3339 time"
}

// hours writes a whole number of hours as such.
func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return strconv.Itoa(int(d/time.Hour)) + " hours"
	}
	return d.String()
}

// describe names a value's type and shows it where that is short.
func describe(raw []byte) string {
	switch kind := kindOf(raw); kind {
	case "object", "array":
		return "an " + kind
	case "null":
		return kind
	default:
		return fmt.Sprintf("a %s (%s)", kind, excerpt(raw))
	}
}

// kindOf names the JSON type of a value by its first byte.
func kindOf(raw []byte) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// excerptBytes bounds how much of what was sent is repeated in a message.
const excerptBytes = 40

// excerpt is the beginning of text, cut between characters.
func excerpt(text []byte) string {
	if len(text) <= excerptBytes {
		return string(bytes.ToValidUTF8(text, []byte("\uFFFD")))
	}
	n := excerptBytes
	for n > excerptBytes-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return string(bytes.ToValidUTF8(text[:n], []byte("\uFFFD"))) + "…"
}

// byteCount writes a size with its thousands apart.
func byteCount(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n == 1 {
		return digits + " byte"
	}
	return digits + " bytes"
}

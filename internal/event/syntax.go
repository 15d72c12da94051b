package event

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// rejectSyntax explains text that is not one JSON object.
func (d *Decoder) rejectSyntax(value []byte) *Reject {
	fault := func(reason Reason, pointer, format string, args ...any) *Reject {
		return &Reject{reason, pointer, fmt.Sprintf(format, args...)}
	}
	switch {
	case len(bytes.TrimSpace(value)) == 0:
		return fault(ReasonEmptyEvent, "", "the event is empty. Send one JSON object.")
	case bytes.HasPrefix(value, []byte("\xef\xbb\xbf")):
		return fault(ReasonByteOrderMark, "", "the event begins with a byte order mark (EF BB BF). Send UTF-8 without it.")
	case d.fault == faultTrailing:
		return fault(ReasonTrailingText, "", "there is more text after the event, at offset %d: %s. "+
			"Send one object; several go into an array, or one to a line as NDJSON.", d.at, near(value, d.at))
	case d.fault == faultNotObject && d.valueEnd() > 0:
		return fault(ReasonNotAnObject, "", "the event is %s; it must be a JSON object.", describe(value[d.at:]))
	case d.at >= len(value), d.fault == faultEscape && quoteEnd(value, d.at, len(value)) == len(value):
		pointer := pointerAt(value, len(value))
		return fault(ReasonTruncatedJSON, pointer, "the JSON ends too early, after %s, in %s. Check that the whole event was sent.",
			byteCount(len(value)), pathOf(pointer))
	}
	pointer := pointerAt(value, d.at)
	reason := ReasonMalformedJSON
	if d.fault == faultControl {
		reason = ReasonControlCharacter
	}
	return fault(reason, pointer, "the JSON breaks at offset %d, near %s: %s.", d.at, near(value, d.at), syntaxText(d.fault))
}

// syntaxText completes the sentence "the JSON breaks …: ".
func syntaxText(f fault) string {
	switch f {
	case faultNotObject:
		return `an event begins with "{"`
	case faultName:
		return "a name in double quotes was expected"
	case faultColon:
		return `a ":" was expected after the name`
	case faultCommaOrBrace:
		return `a "," or "}" was expected`
	case faultCommaOrBracket:
		return `a "," or "]" was expected`
	case faultNumber:
		return "a number must be written like -12, 0.5 or 1e9"
	case faultEscape:
		return `a backslash must begin one of \" \\ \/ \b \f \n \r \t \uXXXX`
	case faultControl:
		return `a control character in a string must be escaped, such as \n`
	}
	return "a value was expected: a string, number, object, array, true, false or null"
}

// near shows the few bytes around a fault, as they would be typed.
func near(value []byte, at int) string {
	from, to := max(0, at-8), min(len(value), at+16)
	return shown(bytes.ToValidUTF8(value[from:to], []byte("\uFFFD")))
}

// shown puts a piece of JSON between back quotes, which JSON has no use for, so
// that its own quotes stay readable.
func shown(text []byte) string {
	quoted := strconv.Quote(string(text))
	return "`" + strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1:len(quoted)-1]) + "`"
}

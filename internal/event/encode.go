package event

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// timeLayout is how the product writes timestamps: RFC 3339, milliseconds, UTC.
const timeLayout = "2006-01-02T15:04:05.000Z"

// AppendJSON appends the event to dst as the envelope of the HTTP contract, on
// one line, and returns the longer slice. Empty fields are left out. Properties
// are taken to be a JSON object; bytes that are not UTF-8 become U+FFFD.
func (e *Event) AppendJSON(dst []byte) []byte {
	return e.appendJSON(fieldWriter{dst: append(dst, '{')})
}

func (e *Event) appendJSON(w fieldWriter) []byte {
	w.text("event_id", e.ID)
	w.text("type", e.Type)
	w.text("user_id", e.UserID)
	w.text("anonymous_id", e.AnonymousID)
	w.text("session_id", e.SessionID)
	if !e.Timestamp.IsZero() {
		w.time("timestamp", e.Timestamp)
	}
	if len(e.Properties) > 0 {
		w.raw("properties", e.Properties)
	}
	if e.Context != (Context{}) {
		w.name("context")
		w.dst = e.Context.appendJSON(w.dst)
	}
	return append(w.dst, '}')
}

// MarshalJSON writes the envelope, see [Event.AppendJSON].
func (e *Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

func (c *Context) appendJSON(dst []byte) []byte {
	w := fieldWriter{dst: append(dst, '{')}
	w.text("ip", c.IP)
	w.text("user_agent", c.UserAgent)
	w.text("country", c.Country)
	w.text("page", c.Page)
	w.text("referrer", c.Referrer)
	w.text("platform", c.Platform)
	w.text("app_version", c.AppVersion)
	w.text("device", c.Device)
	w.text("os", c.OS)
	w.text("browser", c.Browser)
	w.text("locale", c.Locale)
	return append(w.dst, '}')
}

// fieldWriter writes the members of one object.
type fieldWriter struct {
	dst    []byte
	some   bool // a member has been written
	asSent bool // raw values keep their line breaks
}

func (w *fieldWriter) name(name string) {
	if w.some {
		w.dst = append(w.dst, ',')
	}
	w.some = true
	w.dst = append(w.dst, '"')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '"', ':')
}

func (w *fieldWriter) text(name, text string) {
	if text != "" {
		w.name(name)
		w.dst = appendQuoted(w.dst, text)
	}
}

func (w *fieldWriter) time(name string, t time.Time) {
	w.name(name)
	w.dst = append(w.dst, '"')
	w.dst = t.UTC().AppendFormat(w.dst, timeLayout)
	w.dst = append(w.dst, '"')
}

// raw writes a JSON value as it is, but on one line: a record may end up in
// NDJSON.
func (w *fieldWriter) raw(name string, value json.RawMessage) {
	w.name(name)
	if !w.asSent && bytes.ContainsAny(value, "\r\n") {
		var line bytes.Buffer
		if json.Compact(&line, value) == nil {
			value = line.Bytes()
		}
	}
	w.dst = append(w.dst, value...)
}

// appendQuoted appends text as a JSON string.
func appendQuoted(dst []byte, text string) []byte {
	dst = append(dst, '"')
	done := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(text[i:]); r != utf8.RuneError || size != 1 {
				i += size
				continue
			}
		}
		dst = append(dst, text[done:i]...)
		dst = appendEscaped(dst, c)
		i += size
		done = i
	}
	dst = append(dst, text[done:]...)
	return append(dst, '"')
}

// appendEscaped appends a byte that cannot stand for itself in a string.
func appendEscaped(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\r':
		return append(dst, `\r`...)
	case c == '\t':
		return append(dst, `\t`...)
	case c >= utf8.RuneSelf:
		return append(dst, "\uFFFD"...)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}

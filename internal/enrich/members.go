package enrich

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Members collects properties that the collector adds to an event. The zero
// value holds none.
type Members struct {
	text []byte // "name":value,"name":value
}

// Empty says whether nothing was added.
func (m *Members) Empty() bool { return len(m.text) == 0 }

// Text adds a string, unless it is empty.
func (m *Members) Text(name, value string) {
	if value != "" {
		m.name(name)
		m.text = appendText(m.text, value)
	}
}

// Int adds a number.
func (m *Members) Int(name string, value int64) {
	m.name(name)
	m.text = strconv.AppendInt(m.text, value, 10)
}

// True adds a flag that is set.
func (m *Members) True(name string) {
	m.name(name)
	m.text = append(m.text, "true"...)
}

// Texts adds an array of strings.
func (m *Members) Texts(name string, values []string) {
	m.name(name)
	m.text = append(m.text, '[')
	for i, v := range values {
		if i > 0 {
			m.text = append(m.text, ',')
		}
		m.text = appendText(m.text, v)
	}
	m.text = append(m.text, ']')
}

// JSON adds a value that is valid JSON.
func (m *Members) JSON(name string, value json.RawMessage) {
	m.name(name)
	m.text = append(m.text, value...)
}

func (m *Members) name(name string) {
	if len(m.text) > 0 {
		m.text = append(m.text, ',')
	}
	m.text = append(appendText(m.text, name), ':')
}

// Before returns properties, a JSON object or nothing, with the members in front
// of its own. In front, because the last value of a name counts: what the client
// sent under the same name stands, and nobody has to look for it.
func (m *Members) Before(properties json.RawMessage) json.RawMessage {
	if m.Empty() {
		return properties
	}
	rest := bytes.TrimLeft(properties, " \t\r\n")
	if len(rest) > 0 {
		rest = bytes.TrimLeft(rest[1:], " \t\r\n") // after the brace
	}
	out := make([]byte, 0, len(m.text)+len(rest)+3)
	out = append(append(out, '{'), m.text...)
	switch {
	case len(rest) == 0:
		return append(out, '}')
	case rest[0] != '}':
		out = append(out, ',')
	}
	return append(out, rest...)
}

// appendText appends a JSON string. Unlike encoding/json it leaves <, > and & as
// they are: properties are stored as this text.
func appendText(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

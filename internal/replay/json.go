package replay

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// members are the fields of one JSON object, in order. Values are borrowed.
type members struct {
	names  []string
	values [][]byte
	known  map[string]string // names seen before, so that each is made once
}

// split reads an object. It reports false where text is no valid object.
func (m *members) split(text []byte) bool {
	m.names, m.values = m.names[:0], m.values[:0]
	text = bytes.TrimSpace(text)
	if len(text) < 2 || text[0] != '{' || !json.Valid(text) {
		return false
	}
	// The text is valid from here on, so that only its shape matters.
	for i := skipBlanks(text, 1); text[i] != '}'; {
		end := stringEnd(text, i)
		name := m.name(text[i:end])
		i = skipBlanks(text, skipBlanks(text, end)+1)
		end = valueEnd(text, i)
		m.names, m.values = append(m.names, name), append(m.values, text[i:end])
		if i = skipBlanks(text, end); text[i] == ',' {
			i = skipBlanks(text, i+1)
		}
	}
	return true
}

func (m *members) name(quoted []byte) string {
	if known, ok := m.known[string(quoted)]; ok {
		return known
	}
	if m.known == nil {
		m.known = map[string]string{}
	}
	name := string(unquoted(quoted))
	const most = 10_000 // names that never repeat must not fill the memory
	if len(m.known) < most {
		m.known[string(quoted)] = name
	}
	return name
}

// get returns the value of a field; of several the last, as encoding/json does.
func (m *members) get(name string) []byte {
	for i := len(m.names) - 1; i >= 0; i-- {
		if m.names[i] == name {
			return m.values[i]
		}
	}
	return nil
}

func (m *members) looksLikeEnvelope() bool {
	if m.get("type") == nil || m.get("user_id") == nil && m.get("anonymous_id") == nil {
		return false
	}
	for _, name := range []string{"properties", "context"} {
		if value := m.get(name); value != nil && value[0] == '{' {
			return true
		}
	}
	for _, name := range m.names {
		if !contains(envelopeFields(), name) && name != "properties" && name != "context" {
			return false
		}
	}
	return true
}

func skipBlanks(s []byte, i int) int {
	for s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r' {
		i++
	}
	return i
}

// stringEnd is the index after the string that starts at i.
func stringEnd(s []byte, i int) int {
	for i++; s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd is the index after the value that starts at i.
func valueEnd(s []byte, i int) int {
	switch s[i] {
	case '"':
		return stringEnd(s, i)
	case '{', '[':
		for depth := 0; ; i++ {
			switch s[i] {
			case '"':
				i = stringEnd(s, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for i < len(s) && bytes.IndexByte([]byte(",}] \t\r\n"), s[i]) < 0 {
		i++
	}
	return i
}

// unquoted is the text of a valid JSON string.
func unquoted(quoted []byte) []byte {
	inside := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return inside // cannot be: the string is valid
	}
	return []byte(text)
}

// isNumber reports whether text is a number as JSON writes it, and one that a
// reader can hold. An id such as 00042 is none.
func isNumber(s []byte) bool {
	i, n := 0, len(s)
	if i < n && s[i] == '-' {
		i++
	}
	switch {
	case i == n || s[i] < '0' || s[i] > '9':
		return false
	case s[i] == '0':
		i++
	default:
		i = digitsEnd(s, i)
	}
	if i < n && s[i] == '.' {
		if end := digitsEnd(s, i+1); end > i+1 {
			i = end
		} else {
			return false
		}
	}
	if i < n && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < n && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if end := digitsEnd(s, i); end == i || end < n {
			return false
		}
		_, err := strconv.ParseFloat(string(s), 64)
		return err == nil
	}
	return i == n
}

func digitsEnd(s []byte, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

// appendQuoted appends valid UTF-8 as a JSON string.
func appendQuoted(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ' || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// validUTF8 reports whether all cells are text.
func validUTF8(r *row) bool {
	for i := range r.cells {
		if !utf8.Valid(r.cells[i].text) {
			return false
		}
	}
	return true
}

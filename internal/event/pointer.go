package event

import (
	"strconv"
	"strings"
)

// pointerBytes bounds a JSON pointer in a message: names may be of any length.
const pointerBytes = 500

// place is one level of the path to a byte: the name or index being read.
type place struct {
	object bool
	named  bool // a name was read
	name   string
	index  int
}

// pointerAt is the JSON pointer of the value that holds byte at. The text up
// to there must be free of faults; what follows is not looked at.
func pointerAt(value []byte, at int) string {
	var path []place
	for i := 0; i < at; i++ {
		switch value[i] {
		case '{', '[':
			path = append(path, place{object: value[i] == '{'})
		case '}', ']':
			if len(path) > 0 {
				path = path[:len(path)-1]
			}
		case ',':
			if last := len(path) - 1; last >= 0 {
				path[last].index++
				path[last].named = false
			}
		case '"':
			end := quoteEnd(value, i+1, at)
			if last := len(path) - 1; last >= 0 && path[last].object && !path[last].named && end < at {
				path[last].named = true
				path[last].name = nameText(value[i+1 : end])
			}
			i = end
		}
	}
	return joinPointer(path)
}

// quoteEnd is the index of the quote that ends a string, or limit.
func quoteEnd(value []byte, i, limit int) int {
	for ; i < limit && value[i] != '"'; i++ {
		if value[i] == '\\' {
			i++
		}
	}
	return min(i, limit)
}

// nameText is a name without escapes, and without what is not UTF-8.
func nameText(raw []byte) string {
	text := unescape(make([]byte, len(raw)), raw)
	return strings.ToValidUTF8(string(text), "\uFFFD")
}

// joinPointer writes a path by the rules of RFC 6901, cut where it is long.
func joinPointer(path []place) string {
	var b strings.Builder
	for _, p := range path {
		token := strconv.Itoa(p.index)
		if p.object {
			if !p.named {
				break
			}
			token = escapeToken(p.name)
		}
		if b.Len()+len(token) > pointerBytes {
			b.WriteString("/…")
			break
		}
		b.WriteByte('/')
		b.WriteString(token)
	}
	return b.String()
}

func escapeToken(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// pathOf is a pointer as people write it: properties.items.0.
func pathOf(pointer string) string {
	if pointer == "" {
		return "the event"
	}
	path := strings.ReplaceAll(pointer[1:], "/", ".")
	return strings.ReplaceAll(strings.ReplaceAll(path, "~1", "/"), "~0", "~")
}

// firstTokens cuts a pointer after n of its parts.
func firstTokens(pointer string, n int) string {
	for i := range len(pointer) {
		if pointer[i] != '/' {
			continue
		}
		if n--; n < 0 {
			return pointer[:i]
		}
	}
	return pointer
}

package chdb

import (
	"slices"
	"strings"
)

// translateKill makes KILL QUERY WHERE query_id = 'x' find the statement that a client has named x:
// inside the engine it runs under an id of the engine's own, and is marked in log_comment.
func (e *engine) translateKill(st *statement) {
	if st.verb != "KILL" {
		return
	}
	l := lexer{text: st.head}
	var last [2]token
	for {
		t := l.next()
		if t.kind == tokenEnd {
			return
		}
		word, equals := last[0], last[1]
		if t.kind == tokenString && equals.kind == tokenPunct && st.head[equals.start] == '=' &&
			word.kind == tokenWord && strings.EqualFold(st.head[word.start:word.end], "query_id") {
			break
		}
		last = [2]token{last[1], t}
	}
	word, end := last[0], l.pos
	literal := strings.TrimSpace(st.head[last[1].end:end])
	condition := "(" + st.head[word.start:end] + " OR splitByChar(' ', Settings['log_comment'])[1] IN (" + e.markers(unquoteField(literal)) + "))"
	st.text = st.head[:word.start] + condition + st.text[end:]
	st.head = st.head[:word.start] + condition + st.head[end:]
}

// markers lists, as SQL literals, the marks of the statements that a client has given an id.
func (e *engine) markers(id string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := []string{"''"}
	for marker, r := range e.running {
		if r.id == id {
			found = append(found, quoteString(marker))
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}

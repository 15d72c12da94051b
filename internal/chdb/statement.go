package chdb

import "strings"

// statement is what this server must know of a text before it hands it to the engine: where the
// FORMAT clause is (the engine would obey it, the native protocol must not), whether data follow,
// and whether the session is changed. The engine's parser stays the judge of everything else.
type statement struct {
	text string // without trailing semicolon
	// head is the text up to FORMAT, tail what follows the format's name (trailing SETTINGS).
	head, tail string
	format     string
	verb       string // first keyword in upper case: SELECT, INSERT, …

	insertsData bool // INSERT that takes data: inline, in the body, or as blocks
	inline      string
	hasInline   bool
	target      string // of an INSERT: the table expression as written
	columns     string // of an INSERT: the column list with its parentheses, or ""

	stateful bool // changes the session: SET, USE, temporary tables
	outfile  bool // names INTO OUTFILE or FROM INFILE
	several  bool // a semicolon with text behind it
}

// parseStatement reads a text; behind an INSERT it may end in data.
func parseStatement(text string) statement {
	s := statement{text: text}
	s.verb = s.firstWord()
	if s.verb == "INSERT" {
		s.readInsert()
		return s
	}
	s.readTail()
	s.stateful = s.isStateful()
	return s
}

// firstWord is the first keyword, behind parentheses where the statement begins with them.
func (s *statement) firstWord() string {
	l := lexer{text: s.text}
	t := l.next()
	for t.kind == tokenPunct && s.text[t.start] == '(' {
		t = l.next()
	}
	return s.keyword(t)
}

func (s *statement) isStateful() bool {
	switch s.verb {
	case "SET", "USE", "BEGIN", "COMMIT", "ROLLBACK":
		return true
	case "CREATE", "ATTACH", "DROP", "DETACH":
		l := lexer{text: s.text}
		for range 5 { // CREATE OR REPLACE TEMPORARY TABLE
			if word := s.keyword(l.next()); word == "TEMPORARY" || word == "TEMP" {
				return true
			}
		}
	}
	return false
}

// readTail finds the last FORMAT clause outside of parentheses, and the end of the statement.
func (s *statement) readTail() {
	l := lexer{text: s.text}
	var f formatClause
	depth, end := 0, 0
	prev, prevAt := "", -1
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		if s.isSeparator(t) {
			if s.several = s.several || !isEnd(s.text[t.end:]); !s.several {
				break
			}
		}
		depth += s.nesting(t)
		word := s.keyword(t)
		s.outfile = s.outfile || word == "OUTFILE" && prev == "INTO"
		switch {
		case prev == "FORMAT" && depth == 0 && word != "" && word != "SETTINGS" && isAfterFormat(s.text[t.end:]):
			f = formatClause{at: prevAt, nameEnd: t.end, name: s.text[t.start:t.end]}
		case f.name != "" && depth == 0 && word == "FORMAT":
			f = formatClause{}
		}
		prev, prevAt, end = word, t.start, t.end
	}
	s.text = s.text[:end]
	s.head, s.format = s.text, f.name
	if f.name != "" {
		s.head, s.tail = s.text[:f.at], s.text[f.nameEnd:]
	}
}

// formatClause is where "FORMAT name" stands.
type formatClause struct {
	at, nameEnd int
	name        string
}

func (s *statement) isSeparator(t token) bool {
	return t.kind == tokenPunct && s.text[t.start] == ';'
}

// nesting is what a token adds to the depth of parentheses.
func (s *statement) nesting(t token) int {
	if t.kind != tokenPunct {
		return 0
	}
	switch s.text[t.start] {
	case '(', '[', '{':
		return 1
	case ')', ']', '}':
		return -1
	}
	return 0
}

// keyword is an unquoted word in upper case, else "".
func (s *statement) keyword(t token) string {
	if t.kind != tokenWord {
		return ""
	}
	return strings.ToUpper(s.text[t.start:t.end])
}

// isAfterFormat reports whether rest may follow the name of a format.
func isAfterFormat(rest string) bool {
	l := lexer{text: rest}
	t := l.next()
	if t.kind == tokenEnd || (t.kind == tokenPunct && rest[t.start] == ';') {
		return true
	}
	return t.kind == tokenWord && strings.EqualFold(rest[t.start:t.end], "SETTINGS")
}

// isEnd tells whether nothing but blanks and semicolons follows.
func isEnd(text string) bool {
	l := lexer{text: text}
	t := l.next()
	for t.kind == tokenPunct && text[t.start] == ';' {
		t = l.next()
	}
	return t.kind == tokenEnd
}

// streams tells whether the engine can stream the statement's rows.
func (s *statement) streams() bool {
	switch s.verb {
	case "SELECT", "WITH", "FROM", "VALUES":
		return true
	}
	return false
}

// returnsRows tells whether the statement can carry a FORMAT clause and answers with rows.
func (s *statement) returnsRows() bool {
	switch s.verb {
	case "SELECT", "WITH", "FROM", "VALUES", "SHOW", "DESC", "DESCRIBE", "EXPLAIN", "EXISTS", "CHECK", "KILL":
		return true
	}
	return false
}

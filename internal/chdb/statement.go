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

// parseStatement reads a text. dataFollows tells that text may end in data of an INSERT.
func parseStatement(text string) statement {
	s := statement{text: text}
	first := s.firstWord()
	s.verb = first
	if first == "INSERT" {
		s.readInsert()
		return s
	}
	s.readTail()
	s.stateful = s.isStateful()
	return s
}

func (s *statement) firstWord() string {
	l := lexer{text: s.text}
	for {
		t := l.next()
		switch {
		case t.kind == tokenWord:
			return strings.ToUpper(s.text[t.start:t.end])
		case t.kind == tokenPunct && s.text[t.start] == '(':
			continue
		default:
			return ""
		}
	}
}

func (s *statement) isStateful() bool {
	switch s.verb {
	case "SET", "USE", "BEGIN", "COMMIT", "ROLLBACK":
		return true
	case "CREATE", "ATTACH", "DROP", "DETACH":
		l := lexer{text: s.text}
		for range 6 {
			t := l.next()
			if t.kind == tokenWord && strings.HasPrefix(strings.ToUpper(s.text[t.start:t.end]), "TEMP") {
				return true
			}
		}
	}
	return false
}

// readTail finds the last FORMAT clause outside of parentheses, and the end of the statement.
func (s *statement) readTail() {
	l := lexer{text: s.text}
	depth, end := 0, 0
	formatAt, formatEnd := -1, -1
	prev, prevAt := "", -1
	for {
		t := l.next()
		if t.kind == tokenEnd {
			break
		}
		word := s.text[t.start:t.end]
		if t.kind == tokenPunct {
			switch word {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			case ";":
				rest := lexer{text: s.text, pos: t.end}
				for rest.next().kind != tokenEnd {
					s.several = true
				}
				if !s.several {
					prev, prevAt = "", -1
					continue
				}
			}
		}
		end = t.end
		upper := ""
		if t.kind == tokenWord {
			upper = strings.ToUpper(word)
			if upper == "OUTFILE" && prev == "INTO" {
				s.outfile = true
			}
			if prev == "FORMAT" && depth == 0 && upper != "SETTINGS" {
				formatAt, formatEnd, s.format = prevAt, t.end, word
			}
		}
		// A clause other than SETTINGS behind the name: "FORMAT" was an ordinary name.
		if formatEnd >= 0 && t.start > formatEnd && !isAfterFormat(s.text[formatEnd:]) {
			formatAt, formatEnd, s.format = -1, -1, ""
		}
		prev, prevAt = upper, t.start
	}
	s.text = s.text[:end]
	s.head = s.text
	if formatAt >= 0 {
		s.head, s.tail = s.text[:formatAt], s.text[formatEnd:]
	}
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

// readInsert splits "INSERT INTO t (a, b) SETTINGS … FORMAT X data".
func (s *statement) readInsert() {
	l := lexer{text: s.text}
	l.next() // INSERT
	depth, end := 0, 0
	s.head = s.text
	named := s.readTarget(&l)
	end = l.pos
	for named {
		t := l.next()
		if t.kind == tokenEnd {
			break
		}
		word := s.text[t.start:t.end]
		if t.kind == tokenPunct {
			switch word {
			case "(":
				if depth == 0 && s.columns == "" {
					s.columns = balanced(s.text[t.start:])
				}
				depth++
			case ")":
				depth--
			case ";":
				s.several = s.several || !isBlank(s.text[t.end:])
				continue
			}
			end = t.end
			continue
		}
		if t.kind == tokenWord {
			switch upper := strings.ToUpper(word); {
			case upper == "INFILE":
				s.outfile = true
			case (upper == "SELECT" || upper == "WITH" || upper == "FROM" || upper == "WATCH") && (depth == 0 || s.columns == "" || strings.HasSuffix(strings.TrimSpace(s.text[:t.start]), "(")):
				if upper == "FROM" {
					break // FROM INFILE, or FROM t SELECT
				}
				s.readTail()
				s.insertsData = false
				return
			case depth == 0 && upper == "VALUES":
				s.head, s.format = s.text[:t.start], "Values"
				s.setInline(s.text[t.end:])
				return
			case depth == 0 && upper == "FORMAT":
				name := l.next()
				s.head, s.format = s.text[:t.start], s.text[name.start:name.end]
				s.afterFormat(l)
				return
			}
		}
		end = t.end
	}
	s.text = s.text[:end]
	s.head, s.insertsData = s.text, true
}

// afterFormat reads what follows the format's name: SETTINGS (rare, moved in front) or data.
func (s *statement) afterFormat(l lexer) {
	s.setInline(s.text[l.pos:])
}

// setInline keeps the data behind VALUES or the format's name: blanks up to one line end are not data.
func (s *statement) setInline(rest string) {
	s.insertsData = true
	data := strings.TrimLeft(rest, " \t\f\v")
	data = strings.TrimPrefix(data, "\r")
	data = strings.TrimPrefix(data, "\n")
	s.inline = data
	s.hasInline = strings.Trim(data, " \t\r\n;") != ""
}

// readTarget reads "[INTO] [TABLE] [FUNCTION f(…) | db.table]".
func (s *statement) readTarget(l *lexer) bool {
	t := l.next()
	for _, optional := range []string{"INTO", "TABLE"} {
		if t.kind == tokenWord && strings.EqualFold(s.text[t.start:t.end], optional) {
			t = l.next()
		}
	}
	if t.kind == tokenWord && strings.EqualFold(s.text[t.start:t.end], "FUNCTION") {
		start := l.next().start
		l.next()
		call := balanced(s.text[l.pos-1:])
		l.pos += len(call) - 1
		s.target = "FUNCTION " + s.text[start:min(l.pos, len(s.text))]
		return true
	}
	if t.kind != tokenWord && t.kind != tokenQuotedName && t.kind != tokenPunct {
		return false
	}
	start, end := t.start, t.end
	if s.text[start] == '{' { // {name:Identifier}
		call := strings.IndexByte(s.text[start:], '}')
		if call < 0 {
			return false
		}
		end = start + call + 1
		l.pos = end
	}
	for {
		save := *l
		dot := l.next()
		if dot.kind != tokenPunct || s.text[dot.start] != '.' {
			*l = save
			break
		}
		end = l.next().end
	}
	s.target = s.text[start:end]
	return true
}

// balanced is the prefix of text up to the parenthesis that closes its first byte.
func balanced(text string) string {
	l := lexer{text: text}
	depth := 0
	for {
		t := l.next()
		switch {
		case t.kind == tokenEnd:
			return text
		case t.kind != tokenPunct:
		case text[t.start] == '(':
			depth++
		case text[t.start] == ')':
			depth--
			if depth == 0 {
				return text[:t.end]
			}
		}
	}
}

func isBlank(text string) bool {
	l := lexer{text: text}
	return l.next().kind == tokenEnd
}

// returnsRows tells whether the engine can stream the statement's rows.
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

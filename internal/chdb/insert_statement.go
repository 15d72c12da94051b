package chdb

import "strings"

// readInsert splits "INSERT INTO t (a, b) SETTINGS … FORMAT X data". What it does not understand it
// leaves to the engine's parser as an INSERT that takes data.
func (s *statement) readInsert() {
	l := lexer{text: s.text}
	l.next() // INSERT
	s.head, s.insertsData = s.text, true
	if !s.readTarget(&l) {
		return
	}
	s.readColumns(&l)
	end := l.pos
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		if s.isSeparator(t) {
			s.several = !isEnd(s.text[t.end:])
			break
		}
		if s.readClause(&l, t) {
			return
		}
		end = l.pos
	}
	s.text = s.text[:end]
	s.head = s.text
}

// readClause reads what decides where the rows come from, and reports whether t began it.
func (s *statement) readClause(l *lexer, t token) bool {
	switch s.keyword(t) {
	case "VALUES":
		s.head, s.format = s.text[:t.start], "Values"
		s.setInline(s.text[t.end:])
	case "FORMAT":
		name := l.next()
		s.head, s.format = s.text[:t.start], s.text[name.start:name.end]
		s.setInline(s.text[name.end:])
	case "SELECT", "WITH", "WATCH":
		s.insertsData = false
		s.readTail()
	case "INFILE":
		s.outfile = true
		return false
	default:
		if t.kind != tokenPunct || s.text[t.start] != '(' {
			return false
		}
		if s.beginsSelect(t) {
			s.insertsData = false
			s.readTail()
			return true
		}
		l.pos = t.start + len(balanced(s.text[t.start:]))
		return false
	}
	return true
}

// beginsSelect looks behind an opening parenthesis.
func (s *statement) beginsSelect(t token) bool {
	l := lexer{text: s.text, pos: t.end}
	word := s.keyword(l.next())
	return word == "SELECT" || word == "WITH"
}

// setInline keeps the data behind VALUES or the format's name: blanks up to one line end are not data.
func (s *statement) setInline(rest string) {
	data := strings.TrimLeft(rest, " \t\f\v")
	data = strings.TrimPrefix(data, "\r")
	data = strings.TrimPrefix(data, "\n")
	s.inline = data
	s.hasInline = strings.Trim(data, " \t\r\n;") != ""
}

// readTarget reads "[INTO] [TABLE] [FUNCTION f(…) | db.table | {name:Identifier}]".
func (s *statement) readTarget(l *lexer) bool {
	t := l.next()
	for _, optional := range []string{"INTO", "TABLE"} {
		if s.keyword(t) == optional {
			t = l.next()
		}
	}
	if s.keyword(t) == "FUNCTION" {
		return s.readFunction(l)
	}
	start, end := t.start, t.end
	switch {
	case t.kind == tokenPunct && s.text[start] == '{':
		n := strings.IndexByte(s.text[start:], '}')
		if n < 0 {
			return false
		}
		end = start + n + 1
		l.pos = end
	case t.kind != tokenWord && t.kind != tokenQuotedName:
		return false
	}
	for {
		ahead := *l
		if dot := ahead.next(); dot.kind != tokenPunct || s.text[dot.start] != '.' {
			break
		}
		end = ahead.next().end
		*l = ahead
	}
	s.target = s.text[start:end]
	return true
}

func (s *statement) readFunction(l *lexer) bool {
	name, open := l.next(), l.next()
	if open.kind != tokenPunct || s.text[open.start] != '(' {
		return false
	}
	l.pos = open.start + len(balanced(s.text[open.start:]))
	s.target = "FUNCTION " + s.text[name.start:l.pos]
	return true
}

// readColumns reads a list of columns, unless the parenthesis begins a SELECT.
func (s *statement) readColumns(l *lexer) {
	ahead := *l
	t := ahead.next()
	if t.kind != tokenPunct || s.text[t.start] != '(' || s.beginsSelect(t) {
		return
	}
	s.columns = balanced(s.text[t.start:])
	l.pos = t.start + len(s.columns)
}

// balanced is the prefix of text up to the parenthesis that closes its first byte.
func balanced(text string) string {
	l := lexer{text: text}
	depth := 0
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		if t.kind != tokenPunct {
			continue
		}
		switch text[t.start] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return text[:t.end]
			}
		}
	}
	return text
}

package chdb

import "strings"

// tokenKind tells apart what the statement reader must know; everything else is punctuation.
type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenQuotedName // `x` or "x"
	tokenString     // 'x' or a heredoc
	tokenPunct
)

type token struct {
	kind       tokenKind
	start, end int
}

// lexer walks the tokens of a statement as ClickHouse's own does: blanks and comments are skipped.
// It never fails; an unclosed quote reaches to the end of the text and the engine reports it.
// Where safety depends on the answer the engine's own parser is asked as well, see run.vet.
type lexer struct {
	text string
	pos  int
}

func (l *lexer) next() token {
	l.skipBlank()
	start := l.pos
	if start >= len(l.text) {
		return token{tokenEnd, start, start}
	}
	switch c := l.text[start]; {
	case c == '\'':
		return l.quoted(tokenString, c)
	case c == '`' || c == '"':
		return l.quoted(tokenQuotedName, c)
	case strings.HasPrefix(l.text[start:], "‘"):
		return l.curved(tokenString, "’")
	case strings.HasPrefix(l.text[start:], "“"):
		return l.curved(tokenQuotedName, "”")
	case c == '$':
		if t, ok := l.heredoc(); ok {
			return t
		}
		return l.word()
	case isWordByte(c):
		return l.word()
	default:
		l.pos++
		return token{tokenPunct, start, l.pos}
	}
}

func (l *lexer) quoted(kind tokenKind, quote byte) token {
	start := l.pos
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch l.text[l.pos] {
		case '\\':
			l.pos++
		case quote:
			if l.pos+1 < len(l.text) && l.text[l.pos+1] == quote {
				l.pos++
				continue
			}
			l.pos++
			return token{kind, start, l.pos}
		}
	}
	l.pos = len(l.text)
	return token{kind, start, l.pos}
}

// word reads a name or number; a dollar is a part of it, but for a heredoc's at its beginning.
func (l *lexer) word() token {
	start := l.pos
	for l.pos < len(l.text) && (isWordByte(l.text[l.pos]) || l.text[l.pos] == '$') && !l.atCurved() {
		l.pos++
	}
	return token{tokenWord, start, l.pos}
}

// atCurved tells whether a typographic quote, whose bytes look like a word's, begins here.
func (l *lexer) atCurved() bool {
	rest := l.text[l.pos:]
	return strings.HasPrefix(rest, "‘") || strings.HasPrefix(rest, "“")
}

// curved reads up to a typographic closing quote; it knows no escapes.
func (l *lexer) curved(kind tokenKind, closing string) token {
	start := l.pos
	l.pos += len(closing) // opening and closing are of one length
	l.skipPast(closing)
	return token{kind, start, l.pos}
}

// heredoc reads $tag$…$tag$.
func (l *lexer) heredoc() (token, bool) {
	start := l.pos
	rest := l.text[start:]
	n := strings.IndexByte(rest[1:], '$')
	if n < 0 || strings.ContainsFunc(rest[1:1+n], func(r rune) bool { return r > 127 || !isWordByte(byte(r)) }) {
		return token{}, false
	}
	tag := rest[:n+2]
	end := strings.Index(rest[len(tag):], tag)
	if end < 0 {
		return token{}, false
	}
	l.pos = start + len(tag) + end + len(tag)
	return token{tokenString, start, l.pos}, true
}

func (l *lexer) skipBlank() {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch {
		case rest[0] == ' ' || (rest[0] >= '\t' && rest[0] <= '\r'):
			l.pos++
		case strings.HasPrefix(rest, "\u00a0"), strings.HasPrefix(rest, "\u2009"), strings.HasPrefix(rest, "\u3000"), strings.HasPrefix(rest, "\ufeff"):
			l.pos += len(rest[:runeLen(rest)])
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "# "), strings.HasPrefix(rest, "#!"):
			l.skipPast("\n")
		case strings.HasPrefix(rest, "/*"):
			l.pos += 2
			l.skipPast("*/")
		default:
			return
		}
	}
}

func (l *lexer) skipPast(mark string) {
	if n := strings.Index(l.text[l.pos:], mark); n >= 0 {
		l.pos += n + len(mark)
	} else {
		l.pos = len(l.text)
	}
}

func runeLen(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}

func isWordByte(c byte) bool {
	return c == '_' || c >= 0x80 || (c >= '0' && c <= '9') || (c|0x20 >= 'a' && c|0x20 <= 'z')
}

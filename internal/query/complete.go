package query

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// Completion is what may be typed next in a question.
type Completion struct {
	// Start is where the word that is being typed begins, in bytes; Typed is what
	// there is of it, without an opening quote.
	Start int
	Typed string
	// Words are those of the language that fit.
	Words []string
	// Events and Properties tell that the name of one fits, and Value that a value
	// of this property does.
	Events, Properties bool
	Value              string
}

// Complete says what may follow a question that is not finished. It looks at
// the words only, so it is of use while the question is still wrong.
func Complete(text string) Completion {
	typed := typing{all: lexed(text)}
	c := typed.cut(text)
	typed.expect(&c)
	c.Words = slices.DeleteFunc(c.Words, func(w string) bool { return !strings.HasPrefix(w, strings.ToLower(c.Typed)) })
	return c
}

// lexed are the tokens of a text, blanks left out.
func lexed(text string) []lexer.Token {
	lex, err := questionParser.Lexer().(lexer.StringDefinition).LexString("", text)
	if err != nil {
		return nil
	}
	all, err := lexer.ConsumeAll(lex)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(t lexer.Token) bool { return t.EOF() || strings.TrimSpace(t.Value) == "" })
}

// typing is a question up to the word that is being typed.
type typing struct{ all []lexer.Token }

// cut takes the word that is being typed off the tokens: a name, its parts, or
// text that is not closed.
func (y *typing) cut(text string) Completion {
	if i := openQuote(text); i >= 0 {
		y.all = slices.DeleteFunc(y.all, func(t lexer.Token) bool { return t.Pos.Offset >= i })
		return Completion{Start: i, Typed: text[i+1:]}
	}
	start := len(text)
	for n := len(y.all) - 1; n >= 0; n-- {
		t := y.all[n]
		named := t.Value == "." || t.Value[0] == '"' || isWord(t.Value)
		if !named || t.Pos.Offset+len(t.Value) != start {
			break
		}
		start, y.all = t.Pos.Offset, y.all[:n]
	}
	return Completion{Start: start, Typed: text[start:]}
}

// openQuote is where text begins that is not closed; -1 where none is open.
func openQuote(text string) int {
	open, quote := -1, byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case open >= 0 && c == '\\':
			i++
		case open >= 0 && c == quote:
			open = -1
		case open < 0 && (c == '"' || c == '\''):
			open, quote = i, c
		}
	}
	return open
}

// word is the nth token from the end, from 1.
func (y *typing) word(n int) string {
	if n > len(y.all) {
		return ""
	}
	return strings.ToLower(y.all[len(y.all)-n].Value)
}

func (y *typing) expect(c *Completion) {
	if len(y.all) == 0 {
		c.Words = kindNames()
		return
	}
	s, ok := shapeOf(strings.ToLower(y.all[0].Value))
	if !ok {
		return
	}
	switch last, inside := y.word(1), y.insideExpression(); {
	case len(y.all) == 1:
		c.Events = s.most > 0
		if s.least == 0 {
			c.Words = s.clauses
		}
	case inside:
		y.expectInExpression(c, s)
	case slices.Contains([]string{s.separator, "|", "excluding", "exclude"}, last), s.kind == "paths" && (last == "from" || last == "to"):
		c.Events = true
	case last == "breakdown", last == "using", last == "," && y.since("using") > 1, last == "(" && slices.Contains(measures(), y.word(2)):
		c.Properties = true
	case follows()[last] != nil:
		c.Words = follows()[last]
	case last == "by":
		c.Words = s.counts()
	case slices.Contains([]string{"as", "timezone", "formula", "within", "gap", "top", "steps", "limit", "bins", "between"}, last):
	default:
		c.Words = y.unused(s.clauses)
		if s.most > 1 && len(c.Words) == len(s.clauses) { // of the item, before any clause
			c.Words = append(y.unused(s.words()), "as")
		}
		if y.since("breakdown") > 1 {
			c.Words = append(c.Words, "top", "of")
		}
		c.Words = append(c.Words, more()[last]...)
	}
}

// more are the words that may go on with a clause, beside the next.
func more() map[string][]string {
	return map[string][]string{"explain": {"step", "using"}, "time_to_convert": {"between"}}
}

// follows are the words behind clauses that take one of a few.
func follows() map[string][]string {
	return map[string][]string{
		"last": {"7d", "30d", "90d", "12w", "1y"}, "from": {"-7d", "-30d", "now"}, "to": {"now"}, "per": {"user", "session"},
		"of": {"first", "last", "all", "step"}, "show": views(), "compare": {"previous"},
		"cohort": {"first_ever", "first_in_range", "recurring"}, "items": {"auto", "event", "page"},
		"week_start": {"monday", "sunday"}, "periods_from": {"calendar", "24h"},
	}
}

// unused leaves out clauses that are there already.
func (y *typing) unused(clauses []string) []string {
	return slices.DeleteFunc(slices.Clone(clauses), func(clause string) bool {
		return slices.ContainsFunc(y.all, func(t lexer.Token) bool { return strings.EqualFold(t.Value, clause) })
	})
}

// insideExpression tells whether a condition is being typed: behind where, until
// another clause begins, or in the brackets of an item.
func (y *typing) insideExpression() bool {
	inside, depth, bracket := false, 0, false
	for i, t := range y.all {
		switch lower := strings.ToLower(t.Value); {
		case lower == "where" && depth == 0:
			inside = true
		case lower == "(":
			if depth++; depth == 1 && !inside {
				bracket = !slices.Contains(measures(), strings.ToLower(y.all[i-1].Value))
			}
		case lower == ")":
			if depth--; depth == 0 {
				bracket = false
			}
		case depth == 0 && inside && slices.Contains(reservedWords(), lower) && !slices.Contains([]string{"where", "and", "or", "not"}, strings.ToLower(y.all[i-1].Value)):
			inside = false
		}
	}
	return inside || bracket
}

func (y *typing) expectInExpression(c *Completion, s shape) {
	last := y.word(1)
	opens := []string{"where", "and", "or", "not"}
	operators := []string{"=", "!=", ">", ">=", "<", "<=", "~", "contains"}
	switch {
	case slices.Contains(operators, last):
		c.Value = y.name(1)
	case last == "(" && (y.word(2) == "in" || y.word(2) == "not_in"), last == ",":
		c.Value = y.name(y.since("in", "not_in"))
	case slices.Contains(opens, last), last == "(":
		c.Properties = true
	case y.isName():
		c.Words = []string{"=", "!=", ">", "<", "in", "not_in", "contains", "~", "exists"}
	default:
		c.Words = append([]string{"and", "or"}, y.unused(s.clauses)...)
	}
}

// isName tells whether the last tokens are a name, and not a value.
func (y *typing) isName() bool {
	n := 1
	for y.word(n+1) == "." {
		n += 2
	}
	return isWord(y.word(n)) && slices.Contains([]string{"where", "and", "or", "not", "("}, y.word(n+1))
}

// since counts the tokens back to one of the words.
func (y *typing) since(words ...string) int {
	for n := 1; n <= len(y.all); n++ {
		if slices.Contains(words, y.word(n)) {
			return n
		}
	}
	return 1
}

// name is the name in front of the nth token from the end.
func (y *typing) name(n int) string {
	end := len(y.all) - n
	begin := end - 1
	for begin >= 2 && y.all[begin-1].Value == "." {
		begin -= 2
	}
	if begin < 0 {
		return ""
	}
	var b strings.Builder
	for _, t := range y.all[begin:end] {
		b.WriteString(t.Value)
	}
	return b.String()
}

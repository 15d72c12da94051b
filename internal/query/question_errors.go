package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2"

	"millrace/internal/nearest"
)

// explainQuestion turns the parser's complaint about a question into a sentence:
// what was found, what may stand there, and what was probably meant.
func explainQuestion(err error, text string) error {
	var unexpected *participle.UnexpectedTokenError
	if !errors.As(err, &unexpected) {
		return explain(err)
	}
	first := strings.Fields(text)[0]
	s, known := shapeOf(strings.ToLower(first))
	if !known {
		return unknownKind(1+strings.Index(text, first), first)
	}
	t := unexpected.Unexpected
	_, grammar, _ := strings.Cut(unexpected.Message(), "(expected ")
	before := lastWord(text[:t.Pos.Offset])
	want := s.expectation(grammar, before)
	saw := fmt.Sprintf("found %q", t.Value)
	if t.EOF() {
		saw = "the question ends"
	}
	detail := saw + ", expected " + want
	if h := s.slip(t.Value, before, grammar, want); h != "" {
		detail += "; " + h
	}
	return errorAt(t.Pos.Column, "%s", detail)
}

func lastWord(text string) string {
	words := strings.Fields(text)
	if len(words) == 0 {
		return ""
	}
	return strings.ToLower(words[len(words)-1])
}

// What may stand at a place of a question, by the node that the grammar wants.
const (
	wantEvent    = `an event such as view or "Add to cart", or * for any`
	wantLength   = `a length of time such as 30d`
	wantMoment   = `a time such as 2026-01-31, -7d or now`
	wantProperty = `a property such as country or properties.plan`
	wantName     = `a name such as orders, or text in quotes`
)

// expectation translates the grammar's own notation; before is the word in front
// of the place.
func (s shape) expectation(grammar, before string) string {
	for _, e := range []struct{ node, want string }{
		{"ItemNode", wantEvent},
		{"EventNode", wantEvent},
		{"ExcludingNode", wantEvent},
		{"LengthNode", wantLength},
		{"EndNode", s.wantEnd()},
		{"BreakdownNode", wantProperty},
		{"PropertyNode", wantProperty},
		{"LabelNode", wantName},
		{"NumberNode", "a whole number"},
		{"SpanNode", wantCondition},
		{"FormulaClause", `a formula in quotes, such as "B / A"`},
		{"ZoneNode", "a time zone such as Asia/Kolkata"},
		{"ShowNode", strings.Join(views(), ", ")},
		{"OfNode", "first, last, all or step 2"},
		{"WordNode", "user or session"},
		{"ByNode", strings.Join(s.counts(), ", ")},
		{`"periods"`, `"periods"`},
		{`"and"`, `"and" and the number of a step`},
		{"ValueNode", settingWants(before)},
	} {
		if strings.HasPrefix(grammar, e.node) {
			return e.want
		}
	}
	if grammar == "" {
		return "one of " + strings.Join(s.clauses, ", ") + ", or the end"
	}
	return expectation(grammar, 1)
}

func (s shape) wantEnd() string {
	if s.kind == "paths" {
		return wantEvent + ", or " + wantMoment
	}
	return wantMoment
}

// counts are the words that may follow by.
func (s shape) counts() []string {
	if s.kind == "trends" {
		return slices.Concat(intervals(), measures())
	}
	return intervals()
}

func settingWants(word string) string {
	for _, s := range settings() {
		if s.word == word && s.takes != "" {
			return string(s.takes)
		}
	}
	return "24h or calendar"
}

// words are those that may stand behind an item.
func (s shape) words() []string {
	words := slices.Clone(s.clauses)
	if s.kind == "funnel" {
		words = append(words, "optional")
	}
	return words
}

// slip recognises what was probably meant.
func (s shape) slip(found, before, grammar, want string) string {
	lower := strings.ToLower(found)
	switch {
	case found == `"` || found == "'":
		return "the text is not closed"
	case want == wantEvent && slices.Contains(reservedWords(), lower):
		return fmt.Sprintf("an event of that name stands in quotes: %q", found)
	case grammar == "" && (found == ">" || found == "->" || found == ","):
		return "what is parted by it stands first, as in: " + s.example
	case grammar == "" && found == "(":
		return "a condition of one event stands right behind its name: add_to_cart (amount > 5)"
	case grammar == "" && slices.Contains(measures(), before):
		return fmt.Sprintf("a measure has its property in brackets: by %s(amount)", before)
	case grammar == "" && s.separator != "" && isWord(found) && nearest.Name(lower, s.words()) == "":
		return fmt.Sprintf("events are parted by %q, and names of several words stand in quotes", s.separator)
	case grammar == "":
		return strings.TrimPrefix(nearest.Hint(lower, append(s.words(), "and", "or")), "; ")
	case want == wantLength || grammar == "ValueNode)":
		return ""
	}
	return slip(found, want)
}

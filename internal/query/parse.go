package query

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/alecthomas/participle/v2"
)

// maxLength bounds an expression, in bytes; maxDepth its brackets.
const (
	maxLength = 16 << 10
	maxDepth  = 100
)

// ParseWhere reads an expression of `where`. The error is an [*Error].
func ParseWhere(text string) (Expr, error) {
	if err := checkSize(text); err != nil {
		return nil, err
	}
	node, err := whereParser.ParseString("", text)
	if err != nil {
		return nil, explain(err)
	}
	return node.expr()
}

// ParseName reads the name of a value, such as `properties.plan.name`. The
// error is an [*Error].
func ParseName(text string) (Name, error) {
	if err := checkSize(text); err != nil {
		return Name{}, err
	}
	node, err := nameParser.ParseString("", text)
	if err != nil {
		return Name{}, explain(err)
	}
	return node.name()
}

// checkSize guards the recursive parser: what it is given bounds its stack.
func checkSize(text string) error {
	if strings.TrimSpace(text) == "" {
		return errorAt(1, "the expression is empty")
	}
	if len(text) > maxLength {
		return errorAt(1, "the expression has %d bytes; at most %d are read", len(text), maxLength)
	}
	depth := 0
	for i, r := range text {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth > maxDepth {
			return errorAt(i+1, "brackets are nested more than %d deep", maxDepth)
		}
	}
	if strings.Count(strings.ToLower(text), "not") > 4*maxDepth {
		return errorAt(1, "the expression negates more than %d times", 4*maxDepth)
	}
	return nil
}

func (n *orNode) expr() (Expr, error) {
	terms, err := convert(n.Terms, (*andNode).expr)
	if err != nil || len(terms) == 1 {
		return first(terms), err
	}
	return Or{Terms: terms}, nil
}

func (n *andNode) expr() (Expr, error) {
	terms, err := convert(n.Terms, (*notNode).expr)
	if err != nil || len(terms) == 1 {
		return first(terms), err
	}
	return And{Terms: terms}, nil
}

func (n *notNode) expr() (Expr, error) {
	switch {
	case n.Not != nil:
		term, err := n.Not.expr()
		return Not{Term: term}, err
	case n.Group != nil:
		return n.Group.expr()
	default:
		return n.Test.expr()
	}
}

func (n *testNode) expr() (Expr, error) {
	name, err := n.Name.name()
	if err != nil {
		return nil, err
	}
	switch {
	case n.Compare != nil:
		value, err := n.Compare.Value.literal()
		return Compare{Name: name, Operator: Operator(n.Compare.Operator), Value: value}, err
	case n.In != nil:
		values, err := convert(n.In, (*literalNode).literal)
		return In{Name: name, Values: values}, err
	case n.NotIn != nil:
		values, err := convert(n.NotIn, (*literalNode).literal)
		return In{Name: name, Values: values, Negated: true}, err
	case n.Contains != nil:
		text, err := n.Contains.text()
		return Contains{Name: name, Text: text}, err
	case n.Match != nil:
		return n.Match.match(name)
	default:
		return Exists{Name: name}, nil
	}
}

func (n *textNode) text() (string, error) { return unquote(n.Text, n.Pos.Column) }

func (n *textNode) match(name Name) (Expr, error) {
	pattern, err := n.text()
	if err != nil {
		return nil, err
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, errorAt(n.Pos.Column, "%q is not an RE2 expression: %s", pattern, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return Match{Name: name, Pattern: pattern}, nil
}

func (n *literalNode) literal() (Literal, error) {
	l := Literal{Column: n.Pos.Column}
	var err error
	switch {
	case n.Number != nil:
		l.Kind, l.Text = Number, *n.Number
		if l.Number, err = strconv.ParseFloat(l.Text, 64); err != nil {
			return l, errorAt(l.Column, "the number %s is too large", l.Text)
		}
	case n.Text != nil:
		l.Kind = Text
		l.Text, err = unquote(*n.Text, l.Column)
	default:
		l.Kind, l.Text = Truth, strings.ToLower(*n.Truth)
	}
	return l, err
}

func (n *nameNode) name() (Name, error) {
	name := Name{Parts: []string{n.First}, Column: n.Pos.Column}
	for _, part := range n.Rest {
		if strings.HasPrefix(part, `"`) || strings.HasPrefix(part, "'") {
			text, err := unquote(part, n.Pos.Column)
			if err != nil {
				return name, err
			}
			part = text
		}
		name.Parts = append(name.Parts, part)
	}
	return name, nil
}

// unquote reads text in either kind of quotes, with the escapes of JSON.
func unquote(quoted string, column int) (string, error) {
	body := quoted[1 : len(quoted)-1]
	if !strings.ContainsAny(body, "\\\n\r\t") {
		return body, nil
	}
	if quoted[0] == '\'' {
		body = strings.ReplaceAll(body, `\'`, `'`)
		body = strings.ReplaceAll(body, `"`, `\"`)
	}
	body = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(body)
	var text string
	if err := json.Unmarshal([]byte(`"`+body+`"`), &text); err != nil {
		return "", errorAt(column, `the text %s has an escape that JSON does not know; write a backslash as \\`, quoted)
	}
	return text, nil
}

func convert[N any, T any](nodes []N, f func(N) (T, error)) ([]T, error) {
	out := make([]T, 0, len(nodes))
	for _, n := range nodes {
		v, err := f(n)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func first(terms []Expr) Expr {
	if len(terms) == 0 {
		return nil
	}
	return terms[0]
}

// explain turns the parser's complaint into a sentence for the author.
func explain(err error) error {
	var unexpected *participle.UnexpectedTokenError
	if errors.As(err, &unexpected) {
		t := unexpected.Unexpected
		_, grammar, _ := strings.Cut(unexpected.Message(), "(expected ")
		return errorAt(t.Pos.Column, "%s", complaint(t.Value, grammar, t.Pos.Offset, t.EOF()))
	}
	var positioned participle.Error
	if errors.As(err, &positioned) {
		return errorAt(positioned.Position().Column, "%s", positioned.Message())
	}
	return errorAt(1, "%s", err.Error())
}

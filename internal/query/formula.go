package query

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"millrace/internal/nearest"
)

// Formula is arithmetic over the names of series: + - * / and brackets, with
// the usual precedence. A name with letters other than those of a word stands
// in quotes.
type Formula struct{ root *sumNode }

type sumNode struct {
	First *productNode `parser:"@@"`
	Rest  []*sumTail   `parser:"@@*"`
}

type sumTail struct {
	Operator string       `parser:"@( '+' | '-' )"`
	Term     *productNode `parser:"@@"`
}

type productNode struct {
	First *factorNode    `parser:"@@"`
	Rest  []*productTail `parser:"@@*"`
}

type productTail struct {
	Operator string      `parser:"@( '*' | '/' )"`
	Factor   *factorNode `parser:"@@"`
}

type factorNode struct {
	Pos      lexer.Position
	Negative *factorNode `parser:"  '-' @@"`
	Group    *sumNode    `parser:"| '(' @@ ')'"`
	Number   *float64    `parser:"| @Number"`
	Name     *string     `parser:"| @( Word | Text )"`
}

var formulaParser = participle.MustBuild[sumNode](
	participle.Lexer(lexer.MustSimple([]lexer.SimpleRule{
		{Name: "Space", Pattern: `\s+`},
		{Name: "Number", Pattern: `(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?`},
		{Name: "Word", Pattern: `[\p{L}_][\p{L}\p{N}_]*`},
		{Name: "Text", Pattern: `"[^"]*"|'[^']*'`},
		{Name: "Punct", Pattern: `[-+*/()]`},
		{Name: "Other", Pattern: `.`},
	})),
	participle.Elide("Space"),
)

// ParseFormula reads a formula over the given names. The error is an [*Error].
func ParseFormula(text string, names []string) (Formula, error) {
	if err := checkSize(text); err != nil {
		return Formula{}, err
	}
	if strings.Count(text, "-") > 4*maxDepth {
		return Formula{}, errorAt(1, "the formula has more than %d minus signs", 4*maxDepth)
	}
	root, err := formulaParser.ParseString("", text)
	if err != nil {
		return Formula{}, explainFormula(err)
	}
	f := Formula{root: root}
	return f, root.resolve(names)
}

func explainFormula(err error) error {
	var unexpected *participle.UnexpectedTokenError
	if errors.As(err, &unexpected) {
		t := unexpected.Unexpected
		if t.EOF() {
			return errorAt(t.Pos.Column, "the formula ends, expected a series or a number")
		}
		return errorAt(t.Pos.Column, "found %q; a formula has series, numbers, + - * / and brackets", t.Value)
	}
	return errorAt(1, "%v", err)
}

func (s *sumNode) resolve(names []string) error {
	products := []*productNode{s.First}
	for _, t := range s.Rest {
		products = append(products, t.Term)
	}
	for _, p := range products {
		factors := []*factorNode{p.First}
		for _, t := range p.Rest {
			factors = append(factors, t.Factor)
		}
		for _, f := range factors {
			if err := f.resolve(names); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *factorNode) resolve(names []string) error {
	switch {
	case f.Negative != nil:
		return f.Negative.resolve(names)
	case f.Group != nil:
		return f.Group.resolve(names)
	case f.Name != nil:
		*f.Name = strings.Trim(*f.Name, `"'`)
		if !slices.Contains(names, *f.Name) {
			return errorAt(f.Pos.Column, "there is no series %q%s the series are %s", *f.Name, hint(*f.Name, names), quoted(names))
		}
	}
	return nil
}

func hint(name string, names []string) string {
	if h := nearest.Hint(name, names); h != "" {
		return h
	}
	return ";"
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strconv.Quote(n)
	}
	return strings.Join(out, ", ")
}

// Evaluate computes the formula. A name without a figure is NaN; so is every
// result that builds on one, and a division by zero.
func (f Formula) Evaluate(figure func(name string) float64) float64 { return f.root.evaluate(figure) }

func (s *sumNode) evaluate(figure func(string) float64) float64 {
	v := s.First.evaluate(figure)
	for _, t := range s.Rest {
		if term := t.Term.evaluate(figure); t.Operator == "+" {
			v += term
		} else {
			v -= term
		}
	}
	return v
}

func (p *productNode) evaluate(figure func(string) float64) float64 {
	v := p.First.evaluate(figure)
	for _, t := range p.Rest {
		factor := t.Factor.evaluate(figure)
		switch {
		case t.Operator == "*":
			v *= factor
		case factor == 0:
			return math.NaN()
		default:
			v /= factor
		}
	}
	return v
}

func (f *factorNode) evaluate(figure func(string) float64) float64 {
	switch {
	case f.Negative != nil:
		return -f.Negative.evaluate(figure)
	case f.Group != nil:
		return f.Group.evaluate(figure)
	case f.Number != nil:
		return *f.Number
	case f.Name != nil:
		return figure(*f.Name)
	}
	panic(fmt.Sprintf("query: empty factor at %v", f.Pos))
}

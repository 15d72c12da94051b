package query

// Expr is a condition on one event. It is one of [Or], [And], [Not], [Compare],
// [In], [Contains], [Match] and [Exists].
type Expr interface{ expr() }

// Or holds where any of its terms does. It has two or more.
type Or struct{ Terms []Expr }

// And holds where all of its terms do. It has two or more.
type And struct{ Terms []Expr }

// Not is the complement: it holds exactly where Term does not.
type Not struct{ Term Expr }

// Operator compares a named value with a literal.
type Operator string

// The operators of [Compare].
const (
	Equal          Operator = "="
	NotEqual       Operator = "!="
	Greater        Operator = ">"
	GreaterOrEqual Operator = ">="
	Less           Operator = "<"
	LessOrEqual    Operator = "<="
)

// Compare holds where the named value stands in the relation to the literal.
type Compare struct {
	Name     Name
	Operator Operator
	Value    Literal
}

// In holds where the named value equals one of the literals; Negated is its
// complement.
type In struct {
	Name    Name
	Values  []Literal
	Negated bool
}

// Contains holds where the value's text contains Text, whatever the case.
type Contains struct {
	Name Name
	Text string
}

// Match holds where the RE2 expression matches somewhere in the value's text.
type Match struct {
	Name    Name
	Pattern string
}

// Exists holds where the event carries the value.
type Exists struct{ Name Name }

func (Or) expr()       {}
func (And) expr()      {}
func (Not) expr()      {}
func (Compare) expr()  {}
func (In) expr()       {}
func (Contains) expr() {}
func (Match) expr()    {}
func (Exists) expr()   {}

// Name is what a person called a value: the parts between the dots.
type Name struct {
	Parts  []string
	Column int // of its first letter, counted in letters from 1
}

// Kind says how a literal compares.
type Kind int

// The kinds of literal: a number compares as a number, text and truth values
// with the value's text.
const (
	Text Kind = iota
	Number
	Truth
)

// Literal is a value that stands in the expression.
type Literal struct {
	Kind   Kind
	Text   string  // the text itself; a number as it was written; "true" or "false"
	Number float64 // for Number
	Column int
}

package query

import (
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// keywords cannot stand for a name without quotes. not_in comes before not.
func keywords() []string {
	return []string{"and", "or", "not_in", "not", "in", "contains", "exists", "true", "false"}
}

// tokens of the language. Times come before numbers, keywords before words, and
// longer operators before shorter ones.
func tokens() lexer.Definition {
	return lexer.MustSimple([]lexer.SimpleRule{
		{Name: "Space", Pattern: `\s+`},
		{Name: "Moment", Pattern: `now[-+]\d{1,6}(mo|[smhdwMy])\b|[-+]\d{1,6}(mo|[smhdwMy])\b|\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:\d\d)?)?\b`},
		{Name: "Duration", Pattern: `\d{1,9}(ms|mo|[smhdwMy])(\d{1,9}(ms|[smhdw]))*\b`},
		{Name: "Number", Pattern: `[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?`},
		{Name: "Keyword", Pattern: `(?i)(` + strings.Join(keywords(), "|") + `)\b`},
		{Name: "Word", Pattern: `[\p{L}_$][\p{L}\p{N}_$]*(-[\p{L}\p{N}_$]+)*`},
		{Name: "Text", Pattern: `"(\\.|[^"\\])*"|'(\\.|[^'\\])*'`},
		{Name: "Arrow", Pattern: `->`},
		{Name: "Compare", Pattern: `!=|>=|<=|[=<>]`},
		{Name: "Tilde", Pattern: `~`},
		{Name: "Punct", Pattern: `[().,|/*]`},
		{Name: "Other", Pattern: `.`},
	})
}

type orNode struct {
	Terms []*andNode `parser:"@@ ( 'or' @@ )*"`
}

type andNode struct {
	Terms []*notNode `parser:"@@ ( 'and' @@ )*"`
}

type notNode struct {
	Not   *notNode  `parser:"  'not' @@"`
	Group *orNode   `parser:"| '(' @@ ')'"`
	Test  *testNode `parser:"| @@"`
}

type testNode struct {
	Name     nameNode       `parser:"@@"`
	Compare  *compareNode   `parser:"( @@"`
	In       []*literalNode `parser:"| 'in' '(' @@ ( ',' @@ )* ')'"`
	NotIn    []*literalNode `parser:"| ( 'not_in' | 'not' 'in' ) '(' @@ ( ',' @@ )* ')'"`
	Contains *textNode      `parser:"| 'contains' @@"`
	Match    *textNode      `parser:"| Tilde @@"`
	Exists   bool           `parser:"| @'exists' )"`
}

type compareNode struct {
	Operator string      `parser:"@Compare"`
	Value    literalNode `parser:"@@"`
}

type nameNode struct {
	Pos   lexer.Position
	First string   `parser:"@Word"`
	Rest  []string `parser:"( '.' ( @Word | @Keyword | @Text ) )*"`
}

type literalNode struct {
	Pos    lexer.Position
	Number *string `parser:"  @Number"`
	Text   *string `parser:"| @Text"`
	Truth  *string `parser:"| @( 'true' | 'false' )"`
}

type textNode struct {
	Pos  lexer.Position
	Text string `parser:"@Text"`
}

func options() []participle.Option {
	return []participle.Option{
		participle.Lexer(tokens()),
		participle.Elide("Space"),
		participle.CaseInsensitive("Keyword"),
		participle.UseLookahead(2),
	}
}

// The parsers are built once; they hold no state between calls.
var (
	whereParser = participle.MustBuild[orNode](options()...)
	nameParser  = participle.MustBuild[nameNode](options()...)
)

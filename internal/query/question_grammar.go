package query

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// questionNode is a whole question: its kind, what it is about, and clauses in
// any order. Which items and clauses a kind has is no matter of grammar: see
// question_kinds.go.
type questionNode struct {
	Kind    kindNode      `parser:"@@"`
	Items   []*itemNode   `parser:"( @@"`
	More    []*moreNode   `parser:"@@* )?"`
	Clauses []*clauseNode `parser:"@@*"`
}

type kindNode struct {
	Pos  lexer.Position
	Word string `parser:"@Word"`
}

// moreNode is a further item behind what parts it from the one before.
type moreNode struct {
	Pos       lexer.Position
	Separator string    `parser:"@( ',' | '>' | Arrow )"`
	Item      *itemNode `parser:"@@"`
}

// itemNode is a series, a step, or the one event that a question is about.
type itemNode struct {
	Pos      lexer.Position
	Events   []*eventNode  `parser:"@@ ( '|' @@ )*"`
	Where    *spanNode     `parser:"( '(' @@ ')' )?"`
	Optional *optionalNode `parser:"@@?"`
	Name     *labelNode    `parser:"( 'as' @@ )?"`
	By       *byNode       `parser:"( 'by' @@ )?"`
}

// optionalNode says that a step may be skipped.
type optionalNode struct {
	Pos  lexer.Position
	Word string `parser:"@'optional'"`
}

// eventNode is the name of an event type; any stands for all of them.
type eventNode struct {
	Pos  lexer.Position
	Any  bool     `parser:"(  @'*'"`
	Text *string  `parser:" | @Text"`
	Word bareWord `parser:" | @@"`
	Rest []string `parser:"   ( '.' @( Word | Keyword ) )* )"`
}

// bareWord is a word that begins no clause, so that it can name an event
// without quotes.
type bareWord string

// Parse takes the next token where it is such a word.
func (w *bareWord) Parse(tokens *lexer.PeekingLexer) error {
	t := tokens.Peek()
	if t.Type != wordType || slices.Contains(reservedWords(), strings.ToLower(t.Value)) {
		return participle.NextMatch
	}
	*w = bareWord(tokens.Next().Value)
	return nil
}

// labelNode is a name that the author gives.
type labelNode struct {
	Pos  lexer.Position
	Text *string `parser:"  @Text"`
	Word *string `parser:"| @Word"`
}

// spanNode is an expression of `where` and where it stands.
type spanNode struct {
	Pos    lexer.Position
	EndPos lexer.Position
	Expr   *orNode `parser:"@@"`
}

// propertyNode is the name of a property and where it stands.
type propertyNode struct {
	Pos    lexer.Position
	EndPos lexer.Position
	Name   *nameNode `parser:"@@"`
}

// byNode is what follows `by`: an interval or a measure.
type byNode struct {
	Pos      lexer.Position
	Word     string        `parser:"@( Word | Duration )"`
	Property *propertyNode `parser:"( '(' @@ ')' )?"`
	Per      *wordNode     `parser:"( 'per' @@ )?"`
}

type wordNode struct {
	Pos  lexer.Position
	Word string `parser:"@Word"`
}

type numberNode struct {
	Pos    lexer.Position
	Number string `parser:"@Number"`
}

// clauseNode is one clause. The last two are those of one word, or of one word
// and one value.
type clauseNode struct {
	Pos       lexer.Position
	Where     *spanNode      `parser:"  'where' @@"`
	By        *byNode        `parser:"| 'by' @@"`
	Breakdown *breakdownNode `parser:"| 'breakdown' @@"`
	Last      *lengthNode    `parser:"| 'last' @@"`
	From      *endNode       `parser:"| 'from' @@"`
	To        *endNode       `parser:"| 'to' @@"`
	Excluding *excludingNode `parser:"| 'excluding' @@"`
	Show      *showNode      `parser:"| 'show' @@"`
	Explain   *explainNode   `parser:"| @@"`
	Formula   *formulaClause `parser:"| 'formula' @@"`
	Timezone  *zoneNode      `parser:"| 'timezone' @@"`
	Periods   *numberNode    `parser:"| @@ 'periods'"`
	List      *listNode      `parser:"| @@"`
	Flag      *flagNode      `parser:"| @@"`
	Setting   *settingNode   `parser:"| @@"`
}

type lengthNode struct {
	Pos    lexer.Position
	Length string `parser:"@Duration"`
}

// endNode is one end of a range, or of a path.
type endNode struct {
	Pos    lexer.Position
	Moment *string    `parser:"  @( Moment | 'now' )"`
	Event  *eventNode `parser:"| @@"`
}

type breakdownNode struct {
	Property *propertyNode `parser:"@@"`
	Limit    *numberNode   `parser:"( 'top' @@ )?"`
	Of       *ofNode       `parser:"( 'of' @@ )?"`
}

// ofNode says which event's value a funnel counts for.
type ofNode struct {
	Pos  lexer.Position
	Word string      `parser:"@Word"`
	Step *numberNode `parser:"@@?"`
}

type excludingNode struct {
	Pos    lexer.Position
	Events []*eventNode `parser:"@@ ( '|' @@ )*"`
	Where  *spanNode    `parser:"( '(' @@ ')' )?"`
	From   *numberNode  `parser:"( 'between' @@"`
	To     *numberNode  `parser:"'and' @@ )?"`
}

// showNode is the view of a funnel; times to convert may be those between two
// steps.
type showNode struct {
	Pos  lexer.Position
	Word string      `parser:"@Word"`
	From *numberNode `parser:"( 'between' @@"`
	To   *numberNode `parser:"'and' @@ )?"`
}

// explainNode asks which properties go with the loss at a step.
type explainNode struct {
	Pos        lexer.Position
	Word       string          `parser:"@'explain'"`
	Step       *numberNode     `parser:"( 'step' @@ )?"`
	Properties []*propertyNode `parser:"( 'using' @@ ( ',' @@ )* )?"`
}

type formulaClause struct {
	Pos  lexer.Position
	Text string     `parser:"@Text"`
	Name *labelNode `parser:"( 'as' @@ )?"`
}

type zoneNode struct {
	Pos   lexer.Position
	Text  *string  `parser:"  @Text"`
	Parts []string `parser:"| @Word ( '/' @Word )*"`
}

// listNode is a clause with several values.
type listNode struct {
	Pos    lexer.Position
	Word   string       `parser:"@( 'exclude' | 'group' )"`
	Values []*eventNode `parser:"@@ ( ',' @@ )*"`
}

type flagNode struct {
	Pos  lexer.Position
	Word string `parser:"@( 'ordered' | 'strict' | 'unordered' | 'cumulative' | 'on_or_after' | 'finish_after_range' | 'hourly' | 'daily' | 'weekly' | 'monthly' )"`
}

type settingNode struct {
	Pos   lexer.Position
	Word  string    `parser:"@( 'within' | 'gap' | 'steps' | 'limit' | 'items' | 'cohort' | 'compare' | 'per' | 'bins' | 'min_occurrences' | 'periods_from' | 'currency' | 'customers' | 'week_start' )"`
	Value valueNode `parser:"@@"`
}

type valueNode struct {
	Pos      lexer.Position
	Duration *string `parser:"  @Duration"`
	Number   *string `parser:"| @Number"`
	Word     *string `parser:"| @Word"`
}

// reservedWords begin or join clauses. An event of such a name stands in quotes.
func reservedWords() []string {
	words := []string{"where", "by", "breakdown", "last", "from", "to", "excluding", "formula", "timezone", "exclude", "group",
		"ordered", "strict", "unordered", "cumulative", "on_or_after", "finish_after_range", "hourly", "daily", "weekly", "monthly",
		"as", "now", "top", "of", "between", "periods", "per", "show", "explain", "optional"}
	for _, s := range settings() {
		words = append(words, s.word)
	}
	return words
}

// questionParser is built once; it holds no state between calls. It may look
// ahead as far as it likes: every alternative shows its colours with its first
// or second token, so there is nothing to explore.
var (
	questionParser = participle.MustBuild[questionNode](
		participle.Lexer(tokens()),
		participle.Elide("Space"),
		participle.CaseInsensitive("Keyword", "Word"),
		participle.UseLookahead(participle.MaxLookahead),
	)
	wordType = tokens().Symbols()["Word"]
)

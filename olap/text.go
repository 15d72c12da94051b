package olap

import (
	"errors"

	"millrace/internal/query"
)

// asked remembers how a question was put.
type asked struct {
	json string          // canonical: the same for the same question
	text *query.Question // nil where it was put as JSON
}

func (a *asked) source() *asked { return a }

// remember keeps the question, unless it is known from before it was translated.
func (a *asked) remember(question []byte) {
	if a.json == "" {
		canonical, _ := query.Canonical(question) // it was parsed already
		a.json = string(canonical)
	}
}

// JSON is the question as a JSON object.
func (a *asked) JSON() []byte { return []byte(a.json) }

// Text is the question as one line of the language.
func (a *asked) Text() (string, bool) { return query.Print([]byte(a.json)) }

// place lets a fault of the translated question point at the text that its
// author wrote, and not into JSON that nobody has seen.
func (a *asked) place(err error) error {
	var fault *QueryError
	if a.text == nil || !errors.As(err, &fault) || fault.Field == "" {
		return err
	}
	placed := *fault
	placed.Field, placed.Column = "", a.text.Column(fault.Field)
	if fault.Column > 0 { // inside an expression, which stands in the text as it is
		placed.Column += fault.Column - 1
	}
	return &placed
}

// ParseText reads a question as one line of the language, such as
//
//	funnel view > add_to_cart > purchase within 1d last 30d
//
// The line is translated to the JSON question that means the same, which
// [ParseQuery] reads: nothing is interpreted twice. Faults are [*QueryError]
// with the column at fault.
func ParseText(line string) (Query, error) {
	translated, err := query.ParseQuestion(line)
	if err != nil {
		return nil, expressionFault(CodeInvalidText, "", err)
	}
	q, err := ParseQuery(translated.JSON)
	if err != nil {
		return nil, (&asked{text: translated}).place(err)
	}
	q.source().text = translated
	return q, nil
}

// textQuestion is a question as text inside of JSON.
type textQuestion struct {
	Kind_ string `json:"kind"`
	Q     string `json:"q"`
}

func parseText(data []byte) (Query, error) {
	var t textQuestion
	if err := decodeStrict(data, &t); err != nil {
		return nil, err
	}
	if t.Q == "" {
		return nil, faultf(CodeMissingField, "/q", `give the question, such as "q":"funnel view > purchase within 1d last 30d"`)
	}
	q, err := ParseText(t.Q)
	var fault *QueryError
	if errors.As(err, &fault) {
		return nil, fault.at("/q")
	}
	return q, err
}

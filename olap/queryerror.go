package olap

import (
	"errors"
	"fmt"
	"strings"

	"millrace/internal/nearest"
	"millrace/internal/query"
)

// QueryError says what is wrong with a question, where, and what to write
// instead. It is the client's fault, never the server's.
type QueryError struct {
	// Code is stable; see the constants below.
	Code QueryCode
	// Field is the JSON pointer of the value at fault, such as "/series/0/event".
	Field string
	// Column is the letter at fault, from 1: of the expression in Field, or of the
	// question itself where that is text. 0 where no letter is meant.
	Column int
	// Detail is a sentence for the person who asked.
	Detail string
}

// QueryCode names one kind of fault in a question.
type QueryCode string

// The codes of [QueryError].
const (
	CodeMalformedJSON  QueryCode = "malformed_json"   // not one JSON object
	CodeUnknownKind    QueryCode = "unknown_kind"     // a kind of question that does not exist
	CodeUnknownField   QueryCode = "unknown_field"    // a field the question does not have
	CodeMissingField   QueryCode = "missing_field"    // a field it needs
	CodeWrongType      QueryCode = "wrong_type"       // a JSON type the field cannot have
	CodeInvalidValue   QueryCode = "invalid_value"    // a value outside the field's choices
	CodeInvalidTime    QueryCode = "invalid_time"     // a time, duration or zone that cannot be read
	CodeInvalidRange   QueryCode = "invalid_range"    // from is not before to
	CodeTooManyBuckets QueryCode = "too_many_buckets" // the interval is too fine for the range
	CodeInvalidWhere   QueryCode = "invalid_where"    // an expression with a fault
	CodeUnknownName    QueryCode = "unknown_name"     // a property or field that does not exist
	CodeInvalidFormula QueryCode = "invalid_formula"  // a formula with a fault
	CodeInvalidText    QueryCode = "invalid_text"     // a question as text that cannot be read
	CodeTooExpensive   QueryCode = "too_expensive"    // it needs more memory than one question may use
)

// Error gives the code, the field and the sentence.
func (e *QueryError) Error() string {
	return fmt.Sprintf("%s at %s: %s", e.Code, orRoot(e.Field), e.Sentence())
}

// Sentence is the detail, behind its column where there is one.
func (e *QueryError) Sentence() string {
	if e.Column == 0 {
		return e.Detail
	}
	return fmt.Sprintf("column %d: %s", e.Column, e.Detail)
}

func orRoot(pointer string) string {
	if pointer == "" {
		return "the question"
	}
	return pointer
}

func faultf(code QueryCode, field, format string, args ...any) *QueryError {
	return &QueryError{Code: code, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// expressionFault is a fault that package query found in the text of a field.
func expressionFault(code QueryCode, field string, err error) *QueryError {
	fault := &QueryError{Code: code, Field: field, Detail: err.Error()}
	var at *query.Error
	if errors.As(err, &at) {
		fault.Column, fault.Detail = at.Column, at.Detail
	}
	return fault
}

// at gives a fault the field where it was found.
func (e *QueryError) at(field string) *QueryError {
	moved := *e
	moved.Field = field
	return &moved
}

// oneOf refuses a word outside its choices, and names the nearest.
func oneOf(field, got string, choices []string) *QueryError {
	return faultf(CodeInvalidValue, field, "%q is not one of %s%s", got, strings.Join(choices, ", "), nearest.Hint(got, choices))
}

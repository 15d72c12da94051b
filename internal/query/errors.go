package query

import "fmt"

// Error says where an expression is wrong and what would be right.
type Error struct {
	Column int    // in letters, from 1
	Detail string // a sentence without the column
}

// Error gives the column and the sentence.
func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Detail) }

func errorAt(column int, format string, args ...any) *Error {
	return &Error{Column: column, Detail: fmt.Sprintf(format, args...)}
}

package olap

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// The classes of errors that a write can end with. Only the first is final:
// after every other the same block with the same token is sent again.
const (
	ClassContent = "content" // ClickHouse refuses the values; nothing was stored
	ClassBusy    = "busy"    // it is overloaded, out of memory or of disk
	ClassSetup   = "setup"   // a table, a right or a setting is missing: an operator has to act
	ClassNetwork = "network" // the connection broke or timed out: the outcome is unknown
	ClassServer  = "server"  // any other error of ClickHouse
)

// WriteError is a failed write with its class.
type WriteError struct {
	class string
	err   error
}

func (e *WriteError) Error() string { return e.err.Error() }

func (e *WriteError) Unwrap() error { return e.err }

// Class is one of the Class constants.
func (e *WriteError) Class() string { return e.class }

// Rejected reports whether the same rows can never be stored.
func (e *WriteError) Rejected() bool { return e.class == ClassContent }

// classified wraps an error of the driver with its class; nil stays nil.
func classified(err error) error {
	if err == nil {
		return nil
	}
	return &WriteError{class: classify(err), err: err}
}

func classify(err error) string {
	var exception *clickhouse.Exception
	var network net.Error
	switch {
	case errors.As(err, &exception):
		return classOfCode(exception.Code)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.DeadlineExceeded), errors.As(err, &network):
		return ClassNetwork
	}
	return ClassServer
}

// classOfCode is the table of ClickHouse's error codes. A code that is not in
// it may mean anything, so it is tried again: at worst a partition waits and
// says so, and nothing is lost.
func classOfCode(code int32) string {
	switch code {
	case 6, // CANNOT_PARSE_TEXT
		27,  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
		38,  // CANNOT_PARSE_DATE
		41,  // CANNOT_PARSE_DATETIME
		53,  // TYPE_MISMATCH
		69,  // ARGUMENT_OUT_OF_BOUND
		70,  // CANNOT_CONVERT_TYPE
		72,  // CANNOT_PARSE_NUMBER
		117, // INCORRECT_DATA
		131, // TOO_LARGE_STRING_SIZE
		321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
		349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
		407, // DECIMAL_OVERFLOW
		469: // VIOLATED_CONSTRAINT
		return ClassContent
	case 159, // TIMEOUT_EXCEEDED
		202, // TOO_MANY_SIMULTANEOUS_QUERIES
		241, // MEMORY_LIMIT_EXCEEDED
		243, // NOT_ENOUGH_SPACE
		252, // TOO_MANY_PARTS
		319, // UNKNOWN_STATUS_OF_INSERT
		394: // QUERY_WAS_CANCELLED
		return ClassBusy
	case 16, // NO_SUCH_COLUMN_IN_TABLE
		60,  // UNKNOWN_TABLE
		81,  // UNKNOWN_DATABASE
		115, // UNKNOWN_SETTING
		164, // READONLY
		192, // UNKNOWN_USER
		193, // WRONG_PASSWORD
		201, // QUOTA_EXCEEDED
		242, // TABLE_IS_READ_ONLY
		497, // ACCESS_DENIED
		516: // AUTHENTICATION_FAILED
		return ClassSetup
	}
	return ClassServer
}

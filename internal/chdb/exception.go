package chdb

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Exception is an error of the engine with ClickHouse's number and name for it.
type Exception struct {
	Code    int    // for example 60
	Name    string // for example UNKNOWN_TABLE
	Message string // without code, name and version
}

// Codes that this server itself raises; the numbers are ClickHouse's.
const (
	codeUnknown             = 1001
	codeSyntaxError         = 62
	codeUnsupportedMethod   = 1
	codeBadArguments        = 36
	codeUnknownPacket       = 99
	codeUnexpectedPacket    = 101
	codeIncorrectData       = 117
	codeReadonly            = 164
	codeTooManyQueries      = 202
	codeQueryCancelled      = 394
	codeAccessDenied        = 497
	codeAuthenticationFail  = 516
	codeSessionNotFound     = 372
	codeSessionIsLocked     = 373
	codeQuerySyntaxTooLarge = 62
	codeUnknownFormat       = 73
	codeNotImplemented      = 48
	codeCannotDecompress    = 271
)

func codeName(code int) string {
	switch code {
	case codeSyntaxError:
		return "SYNTAX_ERROR"
	case codeUnsupportedMethod:
		return "UNSUPPORTED_METHOD"
	case codeBadArguments:
		return "BAD_ARGUMENTS"
	case codeUnknownPacket:
		return "UNKNOWN_PACKET_FROM_CLIENT"
	case codeUnexpectedPacket:
		return "UNEXPECTED_PACKET_FROM_CLIENT"
	case codeIncorrectData:
		return "INCORRECT_DATA"
	case codeReadonly:
		return "READONLY"
	case codeTooManyQueries:
		return "TOO_MANY_SIMULTANEOUS_QUERIES"
	case codeQueryCancelled:
		return "QUERY_WAS_CANCELLED"
	case codeAccessDenied:
		return "ACCESS_DENIED"
	case codeAuthenticationFail:
		return "AUTHENTICATION_FAILED"
	case codeSessionNotFound:
		return "SESSION_NOT_FOUND"
	case codeSessionIsLocked:
		return "SESSION_IS_LOCKED"
	case codeUnknownFormat:
		return "UNKNOWN_FORMAT"
	case codeNotImplemented:
		return "NOT_IMPLEMENTED"
	case codeCannotDecompress:
		return "CANNOT_DECOMPRESS"
	default:
		return "UNKNOWN_EXCEPTION"
	}
}

func newException(code int, format string, args ...any) *Exception {
	return &Exception{Code: code, Name: codeName(code), Message: fmt.Sprintf(format, args...)}
}

// Error renders the exception as ClickHouse prints it.
func (e *Exception) Error() string {
	return fmt.Sprintf("Code: %d. DB::Exception: %s (%s)", e.Code, e.Message, e.Name)
}

var (
	codePattern    = regexp.MustCompile(`^Code: (\d+)\. (?:\w+::)*\w*Exception: `)
	namePattern    = regexp.MustCompile(`\s*\(([A-Z][A-Z0-9_]+)\)\s*$`)
	versionPattern = regexp.MustCompile(`\s*\(version [0-9.]+(?: \([^)]*\))?\)\.?\s*$`)
)

// parseException reads an error text of the engine. The client side of chDB wraps the text of its
// server side, so the same prefix can occur several times.
func parseException(text string) *Exception {
	e := &Exception{Code: codeUnknown, Name: codeName(codeUnknown)}
	text = strings.TrimSpace(text)
	for {
		m := codePattern.FindStringSubmatch(text)
		if m == nil {
			break
		}
		e.Code, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	for {
		text = versionPattern.ReplaceAllString(text, "")
		m := namePattern.FindStringSubmatchIndex(text)
		if m == nil {
			break
		}
		e.Name = text[m[2]:m[3]]
		text = strings.TrimRight(text[:m[0]], " .")
	}
	e.Message = text
	return e
}

package chdb

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
)

// Exception is an error of the engine with ClickHouse's number and name for it.
type Exception struct {
	Code    int    // for example 60
	Name    string // for example UNKNOWN_TABLE
	Message string // without code, name and version
}

// Codes that this server itself raises; the numbers are ClickHouse's.
const (
	codeUnsupportedMethod     = 1
	codeBadArguments          = 36
	codeNotImplemented        = 48
	codeSyntaxError           = 62
	codeUnknownFormat         = 73
	codeUnknownDatabase       = 81
	codeUnknownPacket         = 99
	codeUnexpectedPacket      = 101
	codeIncorrectData         = 117
	codeReadonly              = 164
	codeTooManyQueries        = 202
	codeAborted               = 236
	codeCannotDecompress      = 271
	codeUnknownStatusOfInsert = 319
	codeSessionNotFound       = 372
	codeSessionIsLocked       = 373
	codeQueryCancelled        = 394
	codeAccessDenied          = 497
	codeAuthenticationFailed  = 516
	codeUnknown               = 1002
)

// codeName is ClickHouse's name of a code above.
func codeName(code int) string {
	name := proto.Error(code).String()
	if strings.HasPrefix(name, "Error(") {
		return "UNKNOWN_EXCEPTION"
	}
	return name
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

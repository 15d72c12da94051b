package chdb

import (
	"net/http"
	"strings"
)

// concatenates tells whether documents of a format, put one behind the other, are again one
// document: then the engine's stream of blocks can go out as it comes.
func concatenates(format string) bool {
	switch strings.ToLower(format) {
	case "tabseparated", "tsv", "tabseparatedraw", "tsvraw", "raw", "csv", "tskv",
		"jsoneachrow", "jsonlines", "ndjson", "jsonstringseachrow", "jsoncompacteachrow", "jsoncompactstringseachrow",
		"rowbinary", "native", "null", "lineasstring", "msgpack":
		return true
	}
	return false
}

// contentType is what ClickHouse states for a format.
func contentType(format string) string {
	f := strings.ToLower(format)
	switch {
	case strings.HasPrefix(f, "tabseparated"), strings.HasPrefix(f, "tsv"), f == "raw", f == "tskv":
		return "text/tab-separated-values; charset=UTF-8"
	case strings.HasPrefix(f, "csv"):
		return "text/csv; charset=UTF-8; header=" + map[bool]string{true: "present", false: "absent"}[strings.Contains(f, "withnames")]
	case strings.HasSuffix(f, "eachrow") && strings.HasPrefix(f, "json"), f == "jsonlines", f == "ndjson":
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(f, "json"):
		return "application/json; charset=UTF-8"
	case f == "xml":
		return "application/xml; charset=UTF-8"
	case f == "native", strings.HasPrefix(f, "rowbinary"), f == "parquet", f == "orc", f == "avro", f == "msgpack", f == "npy":
		return "application/octet-stream"
	case f == "arrow", f == "arrowstream":
		return "application/vnd.apache.arrow.stream"
	case f == "markdown":
		return "text/markdown; charset=UTF-8"
	default:
		return "text/plain; charset=UTF-8"
	}
}

// statusOf maps an exception's code to a status as ClickHouse's HTTP handler does.
func statusOf(code int) int {
	switch code {
	case 194: // required password
		return http.StatusUnauthorized
	case 192, 193, codeAuthenticationFailed, 512, codeAccessDenied: // unknown user, wrong password, role not granted
		return http.StatusForbidden
	case codeBadArguments, 427, 6, 25, 26, 38, 41, 72, 441, 675, 676, 27, 376, 15, 44, 37, 123, 8, 167, 168, 223,
		codeSyntaxError, codeIncorrectData, 53, 321: // what cannot be parsed, or does not fit its type
		return http.StatusBadRequest
	case 60, 46, 47, 50, 56, 81, 115, 152, 63, codeUnknownFormat, 336, 78, 511: // unknown table, function, identifier, …
		return http.StatusNotFound
	case 229: // query is too large
		return http.StatusRequestEntityTooLarge
	case codeNotImplemented:
		return http.StatusNotImplemented
	case 209, 76, 439: // socket timeout, file cannot be opened, task cannot be scheduled
		return http.StatusServiceUnavailable
	case 159: // timeout exceeded
		return http.StatusRequestTimeout
	default:
		return http.StatusInternalServerError
	}
}

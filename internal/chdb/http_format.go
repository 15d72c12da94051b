package chdb

import "strings"

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

// statusOf maps an exception to a status as ClickHouse's HTTP handler does.
func statusOf(code int) int {
	switch code {
	case codeAuthenticationFail, 193, 194, 192: // wrong or missing password, unknown user
		return 403
	case codeAccessDenied, 291, 446: // access denied to database or object
		return 403
	case 6, 26, 27, 28, 36, 38, 41, 42, 43, 44, 46, 50, 53, 62, 69, 70, 72, 73, 117, 130, 161, 302, 386, 456, 457, 472:
		return 400 // cannot parse, bad arguments, unknown function, type mismatch, missing parameter, …
	case 47, 60, 16, 81, 53 + 1000*1000, codeSessionNotFound:
		return 404 // unknown identifier, table, column, database
	case 82, 57, codeSessionIsLocked:
		return 500
	case codeNotImplemented:
		return 501
	case codeReadonly:
		return 500
	case 159, 209: // timeout
		return 408
	case codeTooManyQueries:
		return 500
	case 241: // memory limit
		return 500
	case 131: // too large string
		return 413
	default:
		return 500
	}
}

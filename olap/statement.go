package olap

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// statement is SQL under construction with its bound parameters.
//
// Text comes from this package only. Whatever a client wrote is bound: bind
// returns a typed placeholder such as {p1:String}, and the value travels beside
// the text. Equal values share a placeholder, which keeps the text readable.
type statement struct {
	strings.Builder
	params []parameter
	users  []userValue // joined to the events
}

type parameter struct {
	name, kind string
	wire       string // as the server reads it
}

func newStatement() *statement { return &statement{} }

// text appends parts of SQL.
func (s *statement) text(parts ...string) {
	for _, p := range parts {
		s.WriteString(p)
	}
}

// bind gives the placeholder of a value. It is called with the types of the
// switch below only.
func (s *statement) bind(v any) string {
	p := parameter{}
	switch v := v.(type) {
	case string:
		p.kind, p.wire = "String", escapeParameter(v)
	case int32:
		p.kind, p.wire = "Int32", strconv.FormatInt(int64(v), 10)
	case int64:
		p.kind, p.wire = "Int64", strconv.FormatInt(v, 10)
	case int:
		p.kind, p.wire = "Int64", strconv.Itoa(v)
	case float64:
		p.kind, p.wire = "Float64", formatFloat(v)
	case time.Time:
		p.kind, p.wire = "DateTime64(3, 'UTC')", v.UTC().Format("2006-01-02 15:04:05.000")
	case []string:
		p.kind, p.wire = "Array(String)", arrayText(v, quoteText)
	case []float64:
		p.kind, p.wire = "Array(Float64)", arrayText(v, formatFloat)
	case uint64:
		p.kind, p.wire = "UInt64", strconv.FormatUint(v, 10)
	case []uint64:
		p.kind, p.wire = "Array(UInt64)", arrayText(v, func(n uint64) string { return strconv.FormatUint(n, 10) })
	case []int64:
		p.kind, p.wire = "Array(Int64)", arrayText(v, func(n int64) string { return strconv.FormatInt(n, 10) })
	default:
		panic(fmt.Sprintf("olap: no parameter type for %T", v))
	}
	for _, known := range s.params {
		if known.kind == p.kind && known.wire == p.wire {
			return known.placeholder()
		}
	}
	p.name = "p" + strconv.Itoa(len(s.params)+1)
	s.params = append(s.params, p)
	return p.placeholder()
}

func (p parameter) placeholder() string { return "{" + p.name + ":" + p.kind + "}" }

// parameters hands the bound values to the driver.
func (s *statement) parameters() clickhouse.QueryOption {
	values := make(clickhouse.Parameters, len(s.params))
	for _, p := range s.params {
		values[p.name] = p.wire
	}
	return clickhouse.WithParameters(values)
}

// explained is the SQL with its parameters, in a form that clickhouse-client
// runs when it is pasted.
func (s *statement) explained() string {
	var b strings.Builder
	for _, p := range s.params {
		fmt.Fprintf(&b, "SET param_%s = %s;\n", p.name, quoteText(p.wire))
	}
	b.WriteString(s.String())
	return b.String()
}

// escapeParameter writes a string as the server reads top-level parameters:
// like a field of TabSeparated.
func escapeParameter(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`).Replace(s)
}

// quoteText is a SQL string literal. It is used inside array parameters and to
// show parameters, never to build SQL that is run.
func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`).Replace(s) + "'"
}

func arrayText[T any](values []T, element func(T) string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = element(v)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func formatFloat(f float64) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return "nan"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// quoteIdentifier is for names that come from the operator's configuration, such
// as the database. Names that a client wrote never become identifiers.
func quoteIdentifier(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

package chdb

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// columnKind is how a type lies in a Native block.
type columnKind uint8

const (
	kindFixed    columnKind = iota // width bytes a row
	kindString                     // length and bytes
	kindNullable                   // a byte a row, then the nested column
	kindArray                      // an offset a row, then the nested column
	kindTuple                      // its elements one after the other
	kindLowCardinality
	kindVariant
	kindDynamic
	kindJSON
	kindOpaque // a format that tells no length: aggregate states
)

// columnType is a ClickHouse type as far as its bytes are concerned.
type columnType struct {
	name  string
	kind  columnKind
	width int
	of    []*columnType
	names []string // of a JSON type's declared paths
}

// maxTypeDepth bounds the nesting of a type's text, which comes from clients.
const maxTypeDepth = 50

// fixedWidths are the types without arguments whose values have one width.
func fixedWidth(name string) int {
	switch name {
	case "UInt8", "Int8", "Bool", "Enum8", "Nothing":
		return 1
	case "UInt16", "Int16", "Date", "Enum16", "BFloat16":
		return 2
	case "UInt32", "Int32", "Float32", "Date32", "DateTime", "IPv4", "Decimal32", "Time":
		return 4
	case "UInt64", "Int64", "Float64", "DateTime64", "Decimal64", "Time64":
		return 8
	case "UInt128", "Int128", "UUID", "IPv6", "Decimal128":
		return 16
	case "UInt256", "Int256", "Decimal256":
		return 32
	}
	if strings.HasPrefix(name, "Interval") {
		return 8
	}
	return 0
}

func parseColumnType(text string) (*columnType, error) { return parseType(text, 0) }

func parseType(text string, depth int) (*columnType, error) {
	text = strings.TrimSpace(text)
	if depth > maxTypeDepth {
		return nil, fmt.Errorf("type is nested deeper than %d", maxTypeDepth)
	}
	name, args := splitType(text)
	t := &columnType{name: text}
	if w := fixedWidth(name); w > 0 {
		t.width = w
		return t, nil
	}
	switch name {
	case "String":
		t.kind = kindString
	case "FixedString":
		n, err := strconv.Atoi(strings.TrimSpace(args))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("type %s: bad length", text)
		}
		t.width = n
	case "Decimal":
		return parseDecimal(t, args)
	case "Nullable", "Array", "LowCardinality":
		return parseWrapper(t, name, args, depth)
	case "Tuple", "Nested", "Map", "Variant":
		return parseComposite(t, name, args, depth)
	case "SimpleAggregateFunction":
		parts := splitArgs(args)
		if len(parts) < 2 {
			return nil, fmt.Errorf("type %s: no value type", text)
		}
		return parseType(parts[len(parts)-1], depth+1)
	case "AggregateFunction":
		t.kind = kindOpaque
	case "Dynamic":
		t.kind = kindDynamic
	case "JSON", "Object":
		return parseJSON(t, args, depth)
	default:
		return parseGeo(t, name)
	}
	return t, nil
}

func parseDecimal(t *columnType, args string) (*columnType, error) {
	precision, _, _ := strings.Cut(args, ",")
	p, err := strconv.Atoi(strings.TrimSpace(precision))
	if err != nil {
		return nil, fmt.Errorf("type %s: bad precision", t.name)
	}
	switch {
	case p <= 9:
		t.width = 4
	case p <= 18:
		t.width = 8
	case p <= 38:
		t.width = 16
	default:
		t.width = 32
	}
	return t, nil
}

func parseWrapper(t *columnType, name, args string, depth int) (*columnType, error) {
	of, err := parseType(args, depth+1)
	if err != nil {
		return nil, err
	}
	t.of = []*columnType{of}
	switch name {
	case "Nullable":
		t.kind = kindNullable
	case "Array":
		t.kind = kindArray
	default:
		t.kind = kindLowCardinality
		if of.kind == kindNullable { // the dictionary holds the values, index 0 stands for NULL
			t.of = of.of
		}
	}
	return t, nil
}

func parseComposite(t *columnType, name, args string, depth int) (*columnType, error) {
	tuple := &columnType{name: t.name, kind: kindTuple}
	for _, arg := range splitArgs(args) {
		if name == "Tuple" || name == "Nested" {
			arg = withoutName(arg)
		}
		of, err := parseType(arg, depth+1)
		if err != nil {
			return nil, err
		}
		tuple.of = append(tuple.of, of)
	}
	switch name {
	case "Tuple":
		if len(tuple.of) == 0 { // Tuple() is a byte a row
			return &columnType{name: t.name, width: 1}, nil
		}
		return tuple, nil
	case "Variant":
		tuple.kind = kindVariant
		sort.Slice(tuple.of, func(i, j int) bool { return tuple.of[i].name < tuple.of[j].name })
		return tuple, nil
	default: // Map and Nested are arrays of tuples
		t.kind, t.of = kindArray, []*columnType{tuple}
		return t, nil
	}
}

// parseJSON keeps the declared paths, in the order of their names as they are written.
func parseJSON(t *columnType, args string, depth int) (*columnType, error) {
	t.kind = kindJSON
	for _, arg := range splitArgs(args) {
		arg = strings.TrimSpace(arg)
		if arg == "" || strings.Contains(firstField(arg), "=") || strings.HasPrefix(arg, "max_dynamic_") || strings.HasPrefix(arg, "SKIP ") || strings.HasPrefix(arg, "'json'") {
			continue
		}
		name := nameLength(arg)
		of, err := parseType(arg[name:], depth+1)
		if err != nil {
			return nil, err
		}
		t.of = append(t.of, of)
		t.names = append(t.names, strings.Trim(strings.TrimSpace(arg[:name]), "`"))
	}
	sort.Sort(byName{t})
	return t, nil
}

type byName struct{ t *columnType }

func (b byName) Len() int           { return len(b.t.of) }
func (b byName) Less(i, j int) bool { return b.t.names[i] < b.t.names[j] }
func (b byName) Swap(i, j int) {
	b.t.of[i], b.t.of[j] = b.t.of[j], b.t.of[i]
	b.t.names[i], b.t.names[j] = b.t.names[j], b.t.names[i]
}

func parseGeo(t *columnType, name string) (*columnType, error) {
	point := &columnType{name: "Point", kind: kindTuple, of: []*columnType{{width: 8}, {width: 8}}}
	array := func(of *columnType) *columnType {
		return &columnType{name: t.name, kind: kindArray, of: []*columnType{of}}
	}
	switch name {
	case "Point":
		return point, nil
	case "Ring", "LineString":
		return array(point), nil
	case "Polygon", "MultiLineString":
		return array(array(point)), nil
	case "MultiPolygon":
		return array(array(array(point))), nil
	}
	return nil, fmt.Errorf("type %s is not known to this server", t.name)
}

// splitType cuts "Name(args)".
func splitType(text string) (name, args string) {
	open := strings.IndexByte(text, '(')
	if open < 0 || !strings.HasSuffix(text, ")") {
		return text, ""
	}
	return strings.TrimSpace(text[:open]), text[open+1 : len(text)-1]
}

// splitArgs cuts at the commas outside of parentheses and quotes.
func splitArgs(args string) []string {
	var out []string
	l := lexer{text: args}
	depth, start := 0, 0
	for {
		t := l.next()
		if t.kind == tokenEnd {
			break
		}
		if t.kind != tokenPunct {
			continue
		}
		switch args[t.start] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(args[start:t.start]))
				start = t.end
			}
		}
	}
	if rest := strings.TrimSpace(args[start:]); rest != "" {
		out = append(out, rest)
	}
	return out
}

// withoutName drops the name of a tuple's element: "a UInt8" and "`a b` UInt8" are UInt8.
func withoutName(arg string) string { return arg[nameLength(arg):] }

// nameLength is the length of an element's name, 0 where there is only a type.
func nameLength(arg string) int {
	l := lexer{text: arg}
	first := l.next()
	end := first.end
	for { // a.b.c
		save := l
		dot := l.next()
		if dot.kind != tokenPunct || arg[dot.start] != '.' {
			l = save
			break
		}
		end = l.next().end
	}
	second := l.next()
	if second.kind == tokenWord || second.kind == tokenQuotedName {
		return end
	}
	return 0
}

func firstField(s string) string {
	if f := strings.Fields(s); len(f) > 0 {
		return f[0]
	}
	return ""
}

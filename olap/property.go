package olap

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"millrace/internal/nearest"
	"millrace/internal/query"
)

// property is a value that a question may name: a column of the events table,
// or a path inside properties. A value of the user is one in the rows of its
// source.
type property struct {
	label  string // how it is written in full
	column string
	kind   columnKind
	path   []string   // inside properties, where column is empty
	of     userSource // empty for a value of the event
}

type columnKind int

const (
	textColumn   columnKind = iota // absent is the empty string
	numberColumn                   // Nullable number
	timeColumn                     // DateTime64(3, 'UTC'), always present
)

// columnsByName is the allow-list of identifiers that a question can reach.
func columnsByName() map[string]columnKind {
	kinds := map[string]columnKind{"amount": numberColumn, "timestamp": timeColumn, "received_at": timeColumn, "stored_at": timeColumn}
	for _, name := range slices.Concat(envelopeNames(), contextNames(), hotNames()) {
		kinds[name] = textColumn
	}
	return kinds
}

func envelopeNames() []string {
	return []string{"event_id", "type", "user_id", "anonymous_id", "session_id"}
}

func contextNames() []string {
	return []string{"ip", "user_agent", "country", "page", "referrer", "platform", "app_version", "device", "os", "browser", "locale"}
}

// hotNames are the properties with a column of their own, text ones.
func hotNames() []string {
	return []string{"currency", "product_id", "category", "video_id"}
}

// resolveName finds what a name means. A bare name that is no column is a
// property, unless it looks like a slip of the pen.
func resolveName(n query.Name) (property, error) {
	kinds := columnsByName()
	first, rest := n.Parts[0], n.Parts[1:]
	kind, known := kinds[first]
	switch {
	case first == "properties":
		return inProperties(rest)
	case first == "context":
		return inContext(rest)
	case first == "user":
		return ofUser(rest)
	case known && len(rest) > 0:
		return property{}, faultf(CodeUnknownName, "", "%s has no parts; write %s, or properties.%s for a property", first, first, strings.Join(n.Parts, "."))
	case known:
		return property{label: first, column: first, kind: kind}, nil
	case isScore(first) && len(rest) == 0:
		return ofScore(first), nil
	case first == "event":
		return property{}, faultf(CodeUnknownName, "", "an event's name is called type; write type, or properties.%s for a property", strings.Join(n.Parts, "."))
	}
	if near := nearest.Name(first, append(sortedKeys(kinds), "properties", "context", "user")); near != "" {
		return property{}, faultf(CodeUnknownName, "", "there is no field %q; did you mean %q? A property of that name is written properties.%s", first, near, strings.Join(n.Parts, "."))
	}
	return inProperties(n.Parts)
}

// inProperties prefers the column of a hot property: it holds the same value
// and is far cheaper to read.
func inProperties(path []string) (property, error) {
	if len(path) == 0 {
		return property{}, faultf(CodeUnknownName, "", "properties needs a name after it, such as properties.plan")
	}
	p := property{label: "properties." + strings.Join(path, "."), path: path}
	if len(path) == 1 && slices.Contains(hotNames(), path[0]) {
		p.column = path[0]
	}
	return p, nil
}

func inContext(path []string) (property, error) {
	if len(path) == 1 && slices.Contains(contextNames(), path[0]) {
		return property{label: path[0], column: path[0]}, nil
	}
	name := strings.Join(path, ".")
	return property{}, faultf(CodeUnknownName, "", "there is no context.%s%s Known in context: %s",
		name, sentenceEnd(nearest.Hint(name, contextNames())), strings.Join(contextNames(), ", "))
}

// raw is the JSON text of a property, the empty string where there is none.
func (p property) raw(st *statement) string {
	arguments := make([]string, len(p.path))
	for i, part := range p.path {
		arguments[i] = st.bind(part)
	}
	return "JSONExtractRaw(properties, " + strings.Join(arguments, ", ") + ")"
}

// text renders the value as String: text as it is, everything else as JSON
// writes it. Where the value is absent the result means nothing.
func (p property) text(st *statement) string {
	switch {
	case p.of != "":
		return "ifNull(toString(" + p.joined(st) + "), '')"
	case p.column == "":
		raw := p.raw(st)
		return fmt.Sprintf(`if(startsWith(%[1]s, '"'), JSONExtractString(%[1]s), %[1]s)`, raw)
	case p.kind == numberColumn:
		return "ifNull(toString(" + p.column + "), '')"
	case p.kind == timeColumn:
		return fmt.Sprintf("concat(replaceOne(toString(%s), ' ', 'T'), 'Z')", p.column)
	}
	return p.column
}

// present renders whether the event carries the value. JSON's null is absent.
func (p property) present(st *statement) string {
	switch {
	case p.of != "":
		return p.joined(st) + " IS NOT NULL"
	case p.column == "":
		return p.raw(st) + " NOT IN ('', 'null')"
	case p.kind == numberColumn:
		return p.column + " IS NOT NULL"
	case p.kind == timeColumn:
		return "1"
	}
	return p.column + " != ''"
}

// number renders the value as Nullable(Float64): numbers, and text that is
// nothing but a number. NULL for everything else.
func (p property) number(st *statement) string {
	switch {
	case p.of != "" && p.kind == numberColumn:
		return "toFloat64(" + p.joined(st) + ")"
	case p.kind == numberColumn:
		return "toFloat64(" + p.column + ")"
	case p.kind == timeColumn:
		return fmt.Sprintf("toNullable(toUnixTimestamp64Milli(%s) / 1000)", p.column)
	case p.isAmount():
		return "toFloat64(amount)"
	}
	value := fmt.Sprintf("toFloat64OrNull(%s)", p.text(st))
	return fmt.Sprintf("if(isFinite(%[1]s), %[1]s, NULL)", value)
}

// isAmount tells properties.amount, whose number is the exact column.
func (p property) isAmount() bool {
	return p.of == "" && (p.column == "amount" || len(p.path) == 1 && p.path[0] == "amount")
}

// propertyName is a property as a field of a question.
type propertyName struct {
	given    bool
	pointer  string
	property property
}

func (p *propertyName) decodeJSON(raw json.RawMessage, pointer string) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return faultf(CodeWrongType, pointer, "%s is not the name of a property; write \"country\" or \"properties.plan\"", shorten(raw))
	}
	p.given, p.pointer = true, pointer
	name, err := query.ParseName(text)
	if err != nil {
		return faultf(CodeUnknownName, pointer, "%q is not the name of a property; write \"country\" or \"properties.plan\"", text)
	}
	if p.property, err = resolveName(name); err != nil {
		return placed(err, pointer)
	}
	return nil
}

// placed gives a fault the place where the name was written.
func placed(err error, pointer string) error {
	var fault *QueryError
	if errors.As(err, &fault) {
		return fault.at(pointer)
	}
	return err
}

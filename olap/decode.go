package olap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"millrace/internal/nearest"
)

// selfDecoder is a value whose JSON has more than one shape.
type selfDecoder interface {
	decodeJSON(raw json.RawMessage, pointer string) error
}

// decodeStrict reads one JSON value into dst, a pointer, and refuses fields
// that dst does not have. Faults are [*QueryError] with the pointer of the
// value; the first one in reading order is reported.
//
// encoding/json alone can refuse an unknown field, but says neither where it is
// nor what was meant.
func decodeStrict(data []byte, dst any) error {
	var raw json.RawMessage
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&raw); err != nil {
		return malformed(data, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return faultf(CodeMalformedJSON, "", "there is more text after the question; send one JSON object")
	}
	return decodeValue(raw, "", reflect.ValueOf(dst).Elem())
}

func malformed(data []byte, err error) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return faultf(CodeMalformedJSON, "", `the question is empty; send one JSON object such as {"kind":"trends","series":[{"event":"purchase"}]}`)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return faultf(CodeMalformedJSON, "", "this is not JSON: %s at byte %d", syntax, syntax.Offset)
	}
	return faultf(CodeMalformedJSON, "", "this is not JSON: it ends too early")
}

func decodeValue(raw json.RawMessage, pointer string, dst reflect.Value) error {
	if dst.CanAddr() {
		if self, ok := dst.Addr().Interface().(selfDecoder); ok {
			return self.decodeJSON(raw, pointer)
		}
	}
	switch dst.Kind() {
	case reflect.Struct:
		return decodeObject(raw, pointer, dst)
	case reflect.Slice:
		return decodeArray(raw, pointer, dst)
	case reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		return decodeValue(raw, pointer, dst.Elem())
	default:
		return decodeScalar(raw, pointer, dst)
	}
}

func decodeScalar(raw json.RawMessage, pointer string, dst reflect.Value) error {
	if err := json.Unmarshal(raw, dst.Addr().Interface()); err != nil {
		return faultf(CodeWrongType, pointer, "%s is not %s", shorten(raw), wanted(dst.Kind()))
	}
	return nil
}

func wanted(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "text in quotes"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

func decodeArray(raw json.RawMessage, pointer string, dst reflect.Value) error {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return faultf(CodeWrongType, pointer, "%s is not an array", shorten(raw))
	}
	dst.Set(reflect.MakeSlice(dst.Type(), len(items), len(items)))
	for i, item := range items {
		if err := decodeValue(item, pointer+"/"+strconv.Itoa(i), dst.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func decodeObject(raw json.RawMessage, pointer string, dst reflect.Value) error {
	names, values, err := objectFields(raw, pointer)
	if err != nil {
		return err
	}
	fields := map[string]reflect.Value{}
	collectFields(dst, fields)
	for i, name := range names {
		field, ok := fields[name]
		if !ok {
			return unknownField(pointer, name, sortedKeys(fields))
		}
		if string(values[i]) == "null" {
			continue // as if it were left out
		}
		if err := decodeValue(values[i], pointer+"/"+escapePointer(name), field); err != nil {
			return err
		}
	}
	return nil
}

// objectFields reads an object in the order it was written, so that the first
// fault reported is the first one a reader sees.
func objectFields(raw json.RawMessage, pointer string) (names []string, values []json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, _ := d.Token(); open != json.Delim('{') {
		return nil, nil, faultf(CodeWrongType, pointer, "%s is not an object", shorten(raw))
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, nil, malformed(raw, err)
		}
		name := fmt.Sprint(key)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, malformed(raw, err)
		}
		if slices.Contains(names, name) {
			return nil, nil, faultf(CodeInvalidValue, pointer+"/"+escapePointer(name), "%q is given twice; keep one", name)
		}
		names, values = append(names, name), append(values, value)
	}
	return names, values, nil
}

func collectFields(v reflect.Value, into map[string]reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			collectFields(v.Field(i), into)
		} else if name := f.Tag.Get("json"); name != "" {
			into[name] = v.Field(i)
		}
	}
}

func unknownField(pointer, name string, known []string) error {
	return faultf(CodeUnknownField, pointer+"/"+escapePointer(name), "there is no field %q here%s Known here: %s",
		name, sentenceEnd(nearest.Hint(name, known)), strings.Join(known, ", "))
}

func sentenceEnd(hint string) string {
	if hint == "" {
		return "."
	}
	return hint
}

func escapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func shorten(raw json.RawMessage) string {
	if len(raw) > 40 {
		return string(bytes.ToValidUTF8(raw[:40], nil)) + "…"
	}
	return string(raw)
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// object is a JSON object whose members keep their order: an answer's columns
// are shown as the API lists them.
type object struct {
	names  []string
	values map[string]json.RawMessage
}

func readObject(text json.RawMessage) (object, error) {
	o := object{values: map[string]json.RawMessage{}}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return o, fmt.Errorf("the answer has %.40s where an object should be", text)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return o, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return o, err
		}
		o.names = append(o.names, fmt.Sprint(name))
		o.values[fmt.Sprint(name)] = value
	}
	return o, nil
}

// objects reads an array of objects; false where the value is something else, or
// empty.
func (o object) objects(name string) ([]object, bool) {
	items, ok := o.items(name)
	if !ok || len(items) == 0 || items[0][0] != '{' {
		return nil, false
	}
	all := make([]object, len(items))
	for i, item := range items {
		var err error
		if all[i], err = readObject(item); err != nil {
			return nil, false
		}
	}
	return all, true
}

// items reads an array.
func (o object) items(name string) ([]json.RawMessage, bool) {
	var items []json.RawMessage
	value := o.values[name]
	if len(value) == 0 || value[0] != '[' || json.Unmarshal(value, &items) != nil {
		return nil, false
	}
	return items, true
}

// scalars reads an array of texts and numbers.
func (o object) scalars(name string) ([]string, bool) {
	items, ok := o.items(name)
	if !ok {
		return nil, false
	}
	texts := make([]string, len(items))
	for i, item := range items {
		if item[0] == '{' || item[0] == '[' {
			return nil, false
		}
		texts[i] = scalar(item)
	}
	return texts, true
}

// text is a member as it is shown; empty where there is none.
func (o object) text(name string) string { return scalar(o.values[name]) }

// scalar is a value without quotes; null is empty.
func scalar(value json.RawMessage) string {
	var text string
	switch {
	case len(value) == 0 || string(value) == "null":
		return ""
	case value[0] == '"' && json.Unmarshal(value, &text) == nil:
		return text
	}
	return string(value)
}

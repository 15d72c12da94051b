package olap

import (
	"encoding/json"
	"slices"
	"strconv"
)

// eventChoice says which events a series or a step takes: any, one type, or one
// of several.
type eventChoice struct {
	types []string // empty means any
}

func (e *eventChoice) decodeJSON(raw json.RawMessage, pointer string) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return e.add(one, pointer)
	}
	var several struct {
		AnyOf *[]string `json:"any_of"`
	}
	names, _, err := objectFields(raw, pointer)
	if err != nil || json.Unmarshal(raw, &several) != nil || several.AnyOf == nil || len(names) > 1 {
		return faultf(CodeWrongType, pointer, `%s is not an event; write "purchase", {"any_of":["purchase","refund"]}, or null for any`, shorten(raw))
	}
	if len(*several.AnyOf) == 0 {
		return faultf(CodeInvalidValue, pointer+"/any_of", "any_of is empty; name an event, or write null for any")
	}
	for i, name := range *several.AnyOf {
		if err := e.add(name, pointer+"/any_of/"+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return nil
}

func (e *eventChoice) add(name, pointer string) error {
	if name == "" {
		return faultf(CodeInvalidValue, pointer, "the event's name is empty; leave it out, or write null for any event")
	}
	e.types = append(e.types, name)
	return nil
}

// MarshalJSON writes the choice as the contract does.
func (e eventChoice) MarshalJSON() ([]byte, error) {
	switch len(e.types) {
	case 0:
		return []byte("null"), nil
	case 1:
		return json.Marshal(e.types[0])
	}
	return json.Marshal(map[string][]string{"any_of": e.types})
}

// condition renders the choice; "1" where every event is meant.
func (e eventChoice) condition(st *statement) string {
	switch len(e.types) {
	case 0:
		return "1"
	case 1:
		return "type = " + st.bind(e.types[0])
	}
	return "type IN " + st.bind(e.types)
}

// overlaps tells whether an event could be in both choices, conditions aside.
func (e eventChoice) overlaps(other eventChoice) bool {
	if len(e.types) == 0 || len(other.types) == 0 {
		return true
	}
	for _, a := range e.types {
		for _, b := range other.types {
			if a == b {
				return true
			}
		}
	}
	return false
}

// covers tells whether every event of the other choice is in this one.
func (e eventChoice) covers(other eventChoice) bool {
	if len(e.types) == 0 || len(other.types) == 0 {
		return len(e.types) == 0
	}
	for _, name := range other.types {
		if !slices.Contains(e.types, name) {
			return false
		}
	}
	return true
}

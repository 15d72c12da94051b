package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"millrace/internal/event"
	"millrace/internal/nearest"
	"millrace/olap"
)

// readMembers reads a JSON object into the places of its members. It refuses a
// member that has no place, with the nearest name that has one.
func readMembers(text []byte, pointer string, places map[string]any) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		detail := "This is not a JSON object" + syntaxFault(err) + "."
		return withField(pointer, newProblem(http.StatusBadRequest, string(event.ReasonMalformedJSON), detail))
	}
	names := slices.Sorted(maps.Keys(places))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		at := pointer + "/" + name
		place, known := places[name]
		if !known {
			return withField(at, newProblem(http.StatusBadRequest, string(olap.CodeUnknownField),
				fmt.Sprintf("%q is not a field here%s", name, endSentence(nearest.Hint(name, names)))))
		}
		if err := json.Unmarshal(members[name], place); err != nil {
			return withField(at, newProblem(http.StatusBadRequest, string(event.ReasonWrongType), name+wrongType(err)))
		}
	}
	return nil
}

// wrongType completes the sentence "name …".
func wrongType(err error) string {
	var fault *json.UnmarshalTypeError
	var problem *Problem
	switch {
	case errors.As(err, &problem):
		return ": " + problem.Detail
	case errors.As(err, &fault):
		return fmt.Sprintf(" is a JSON %s where it should be %s.", fault.Value, kindInWords(fault.Type.String()))
	}
	return " cannot be read: " + endSentence(err.Error())
}

// kindInWords is a Go type as a client would call it.
func kindInWords(kind string) string {
	switch kind {
	case "string":
		return "a string"
	case "bool":
		return "true or false"
	case "int", "int32", "int64":
		return "a whole number"
	case "[]string":
		return "an array of strings"
	}
	return "an object"
}

package replay

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"

	"millrace/internal/nearest"
)

// Assignment gives a target of an event a column, or a constant.
type Assignment struct {
	// Target is a field of the envelope (user_id), of its context (country or
	// context.country), a property (properties.amount), or properties.* for all
	// columns that nothing else uses.
	Target string
	// Value is the name of a column, or the constant.
	Value string
}

// ParseAssignments reads texts such as `user_id=customer,properties.*=*`. A
// part that holds a comma goes in double quotes.
func ParseAssignments(texts []string) ([]Assignment, error) {
	var all []Assignment
	for _, text := range texts {
		reader := csv.NewReader(strings.NewReader(text))
		parts, err := reader.Read()
		if err != nil {
			return nil, fmt.Errorf("%q: write target=value, parts with a comma in double quotes", text)
		}
		for _, part := range parts {
			target, value, ok := strings.Cut(part, "=")
			target = strings.TrimSpace(target)
			if !ok || target == "" {
				return nil, fmt.Errorf("%q: write target=value, such as user_id=customer", part)
			}
			all = append(all, Assignment{target, value})
		}
	}
	return all, nil
}

// fieldIndex numbers the fields that a row can fill.
type fieldIndex int

const (
	fieldEventID fieldIndex = iota
	fieldType
	fieldUserID
	fieldAnonymousID
	fieldSessionID
	fieldTimestamp
	firstContext
	fields = firstContext + 11
)

func envelopeFields() []string {
	return []string{"event_id", "type", "user_id", "anonymous_id", "session_id", "timestamp"}
}

func contextFields() []string {
	return []string{"ip", "user_agent", "country", "page", "referrer", "platform", "app_version", "device", "os", "browser", "locale"}
}

// fieldNames lists the fields in the order of their numbers.
func fieldNames() []string { return append(envelopeFields(), contextFields()...) }

// fieldTitle is how a field is shown: with its place in the envelope.
func fieldTitle(f fieldIndex) string {
	if f >= firstContext {
		return "context." + fieldNames()[f]
	}
	return fieldNames()[f]
}

// fieldOf finds the field that a target names.
func fieldOf(target string) (fieldIndex, bool) {
	if name, ok := strings.CutPrefix(target, "context."); ok {
		i := slices.Index(contextFields(), name)
		return firstContext + fieldIndex(i), i >= 0
	}
	i := slices.Index(fieldNames(), target)
	return fieldIndex(i), i >= 0
}

const (
	everyProperty  = "properties.*"
	propertyPrefix = "properties."
)

// checkAssignments finds targets that do not exist or occur twice.
func checkAssignments(columns, constants []Assignment) error {
	var faults []error
	seen := map[string]bool{}
	check := func(flag string, a Assignment) {
		title, err := targetTitle(a.Target)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s %s=%s: %w", flag, a.Target, a.Value, err))
		case seen[title]:
			faults = append(faults, fmt.Errorf("%s %s=%s: %s is given twice", flag, a.Target, a.Value, title))
		case a.Target == everyProperty && (a.Value != "*" || flag == "--const"):
			faults = append(faults, fmt.Errorf("%s %s=%s: write --map %s=* for all columns that nothing else uses", flag, a.Target, a.Value, everyProperty))
		case flag == "--map" && a.Value == "":
			faults = append(faults, fmt.Errorf("--map %s=: name a column", a.Target))
		}
		seen[title] = true
	}
	for _, a := range columns {
		check("--map", a)
	}
	for _, a := range constants {
		check("--const", a)
	}
	return errors.Join(faults...)
}

// targetTitle checks a target and returns its one full name.
func targetTitle(target string) (string, error) {
	if f, ok := fieldOf(target); ok {
		return fieldTitle(f), nil
	}
	if name, ok := strings.CutPrefix(target, propertyPrefix); ok {
		if name == "" || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
			return "", fmt.Errorf("%q names no property", target)
		}
		return target, nil
	}
	candidates := append(fieldNames(), "properties."+target)
	for _, name := range contextFields() {
		candidates = append(candidates, "context."+name)
	}
	return "", fmt.Errorf("an event has no field %q%s; free data goes to properties.%s", target, nearest.Hint(target, candidates), target)
}

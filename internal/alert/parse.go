package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"millrace/internal/nearest"
)

// Fault is what is wrong with one field of a rule, and what to do about it.
type Fault struct {
	// Field is a JSON pointer.
	Field string
	// Unknown tells that there is no such field.
	Unknown bool
	Detail  string
}

func (f *Fault) Error() string { return f.Field + ": " + f.Detail }

// Limits of a rule. Every is at least a second as anything shorter would
// only ask the same again.
const (
	everyLeast    = Duration(time.Second)
	everyMost     = Duration(24 * time.Hour)
	forMost       = Duration(30 * 24 * time.Hour)
	mostChannels  = 10
	mostLabels    = 20
	mostText      = 200
	secretLeast   = 16
	churnLimit    = 100
	churnLimitMax = 1000
)

// ruleFields and watchFields are what may stand in a rule; the latter by kind.
func ruleFields() []string {
	return []string{"name", "watch", "every", "for", "keep_firing_for", "missing", "severity", "channels", "labels"}
}

func watchFields() map[string][]string {
	return map[string][]string{
		Query:    {"kind", "query", "series", "figure", "of", "is", "threshold"},
		Churn:    {"kind", "probability", "limit"},
		Fraud:    {"kind", "decisions", "min_score"},
		Incident: {"kind", "severities"},
		Drift:    {"kind", "model", "threshold"},
		Pipeline: {"kind", "stages", "states", "lag_seconds"},
	}
}

// ParseRule reads a rule as clients write it, and fills in what they left out.
// Every fault is reported, each as a [*Fault] that names the field, joined. Whether the
// question of a [Query] can be answered is for the caller to see.
func ParseRule(text []byte) (Rule, error) {
	if bytes.Contains(text, []byte(`\u0000`)) {
		return Rule{}, &Fault{Detail: "A rule has \\u0000 in it, which cannot be kept. Leave it out."}
	}
	members, err := object(text, "", ruleFields())
	if err != nil {
		return Rule{}, err
	}
	r := Rule{Every: Duration(time.Minute), Missing: MissingKeep, Severity: Warning, Labels: map[string]string{}, Channels: []Channel{}}
	var faults []error
	read := func(name string, place any) {
		if raw, ok := members[name]; ok {
			faults = append(faults, unmarshal(raw, "/"+name, place))
		}
	}
	read("name", &r.Name)
	read("every", &r.Every)
	read("for", &r.For)
	read("keep_firing_for", &r.KeepFiringFor)
	read("missing", &r.Missing)
	read("severity", &r.Severity)
	read("labels", &r.Labels)
	faults = append(faults, r.Watch.parse(members["watch"]))
	var channels []json.RawMessage
	read("channels", &channels)
	for i, raw := range channels {
		var c Channel
		at := fmt.Sprintf("/channels/%d", i)
		_, err := object(raw, at, []string{"name", "kind", "url", "secret", "to"})
		if err == nil {
			err = unmarshal(raw, at, &c)
		}
		faults = append(faults, err)
		r.Channels = append(r.Channels, c)
	}
	if err := errors.Join(faults...); err != nil {
		return r, err
	}
	r.fill()
	return r, nil
}

// fill gives what was left out its default.
func (r *Rule) fill() {
	w := &r.Watch
	switch w.Kind {
	case Query:
		w.Of = orElse(w.Of, "value")
	case Churn:
		if w.Limit == 0 {
			w.Limit = churnLimit
		}
	case Fraud:
		if len(w.Decisions) == 0 {
			w.Decisions = []string{"block"}
		}
	case Drift:
		w.Is, w.Model = ">", orElse(w.Model, "churn")
		if w.Threshold == nil {
			much := 0.25 // from which the population stability index is said to show much change
			w.Threshold = &much
		}
	case Pipeline:
		if len(w.States) == 0 && w.LagSeconds == 0 {
			w.States = []string{"failing"}
		}
	}
	for i := range r.Channels {
		r.Channels[i].Name = orElse(r.Channels[i].Name, r.Channels[i].Kind)
	}
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func (w *Watch) parse(raw json.RawMessage) error {
	if raw == nil {
		return &Fault{Field: "/watch", Detail: `watch is missing. Say what to watch, such as {"kind":"fraud"}.`}
	}
	var kind struct{ Kind any }
	if err := json.Unmarshal(raw, &kind); err != nil {
		return &Fault{Field: "/watch", Detail: "watch is not a JSON object."}
	}
	name, _ := kind.Kind.(string)
	fields, known := watchFields()[name]
	if !known {
		return oneOf("/watch/kind", name, slices.Sorted(maps.Keys(watchFields())))
	}
	if _, err := object(raw, "/watch", fields); err != nil {
		return err
	}
	return unmarshal(raw, "/watch", w)
}

// object reads a JSON object that has no members but these.
func object(text []byte, at string, names []string) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return nil, &Fault{Field: at, Detail: "This is not a JSON object."}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(names, name) {
			return nil, &Fault{Field: at + "/" + name, Unknown: true, Detail: fmt.Sprintf("%q is not a field here%s.", name, nearest.Hint(name, names))}
		}
		if bytes.Equal(members[name], []byte("null")) {
			delete(members, name)
		}
	}
	return members, nil
}

func unmarshal(raw json.RawMessage, at string, place any) error {
	err := json.Unmarshal(raw, place)
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		if kind.Field != "" {
			at += "/" + kind.Field
		}
		return &Fault{Field: at, Detail: fmt.Sprintf("A JSON %s is not what belongs here.", kind.Value)}
	}
	if err != nil {
		return &Fault{Field: at, Detail: err.Error() + "."}
	}
	return nil
}

func oneOf(at, given string, choices []string) error {
	return &Fault{Field: at, Detail: fmt.Sprintf("%q is none of %s%s.", given, list(choices), nearest.Hint(given, choices))}
}

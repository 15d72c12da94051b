package alert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// trends is the part of an answer to trends that is looked at.
type trends struct {
	Series []struct {
		Name      string
		Breakdown *string
		Total     *float64
		Previous  *float64 `json:"previous_total"`
	}
}

// Figures are the observations in the result of an answer to the watch's
// question, of its kind. Trends have one per value of their breakdown; a value of
// an open alert that the answer has no more is one that does not hold.
func (w *Watch) Figures(kind string, result []byte, open []string) ([]Observation, error) {
	if kind != "trends" {
		return w.figure(kind, result)
	}
	var t trends
	if err := json.Unmarshal(result, &t); err != nil {
		return nil, fmt.Errorf("read the result: %w", err)
	}
	var seen []Observation
	name := w.Series
	for _, line := range t.Series {
		if name == "" {
			name = line.Name
		}
		if line.Name != name {
			continue
		}
		key := ""
		if line.Breakdown != nil {
			key = *line.Breakdown
		}
		seen = append(seen, w.observe(key, name, line.Total, line.Previous))
	}
	if len(seen) == 0 && w.Series != "" && len(t.Series) > 0 {
		return nil, fmt.Errorf("the answer has no series %q", w.Series)
	}
	for _, key := range open {
		if !slices.ContainsFunc(seen, func(o Observation) bool { return o.Key == key }) {
			seen = append(seen, Observation{Key: key, Known: true})
		}
	}
	return seen, nil
}

// observe compares one figure.
func (w *Watch) observe(key, name string, figure, before *float64) Observation {
	o := Observation{Key: key, Value: figure}
	of := ""
	if w.Of == "change" || w.Of == "change_ratio" {
		o.Value, of = nil, w.Of+" of "
		switch {
		case figure == nil || before == nil:
		case w.Of == "change":
			change := *figure - *before
			o.Value = &change
		case *before != 0:
			ratio := (*figure - *before) / *before
			o.Value = &ratio
		}
	}
	if o.Value == nil { // nothing to divide by, or no figure
		return o
	}
	o.Known, o.Holds = true, w.Compare(*o.Value)
	if key != "" {
		name += " of " + key
	}
	o.Summary = fmt.Sprintf("%s%s is %s, which is %s %s", of, name, number(*o.Value), w.Is, number(*w.Threshold))
	return o
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// figure finds one number by its pointer.
func (w *Watch) figure(kind string, result []byte) ([]Observation, error) {
	if w.Of != "value" {
		return nil, fmt.Errorf("%s of %s is not known; ask trends", w.Of, kind)
	}
	var node any
	if err := json.Unmarshal(result, &node); err != nil {
		return nil, fmt.Errorf("read the result: %w", err)
	}
	pointer := w.Figure
	if pointer == "" {
		steps, _ := child(node, "steps").([]any)
		if len(steps) == 0 {
			return nil, fmt.Errorf(`say which number of %s is meant: give figure a JSON pointer into the result, such as "/steps/2/count"`, kind)
		}
		pointer = fmt.Sprintf("/steps/%d/rate_from_first", len(steps)-1)
	}
	for _, token := range strings.Split(pointer, "/")[1:] {
		node = child(node, strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
	}
	figure, ok := node.(float64)
	if !ok {
		return []Observation{{}}, nil // null, or not in this answer
	}
	return []Observation{w.observe("", pointer, &figure, nil)}, nil
}

// child is a member or an element of a JSON value, nil where there is none. An
// index below zero counts from the end.
func child(node any, token string) any {
	switch node := node.(type) {
	case map[string]any:
		return node[token]
	case []any:
		i, err := strconv.Atoi(token)
		if err == nil && i < 0 {
			i += len(node)
		}
		if err == nil && i >= 0 && i < len(node) {
			return node[i]
		}
	}
	return nil
}

// UserAtRisk is what a receiver needs in order to win a user back.
type UserAtRisk struct {
	UserID       string
	Probability  float64
	AsOf         time.Time
	ModelVersion int
	// Reasons marshal to a JSON array.
	Reasons any
}

// AtRisk is the observation of a user.
func AtRisk(u UserAtRisk, holds bool) Observation {
	action, _ := json.Marshal(struct { // of plain values: it cannot fail
		Do           string    `json:"do"`
		UserID       string    `json:"user_id"`
		Probability  float64   `json:"churn_probability"`
		AsOf         time.Time `json:"as_of"`
		ModelVersion int       `json:"model_version"`
		Reasons      any       `json:"reasons"`
	}{"re_engage_user", u.UserID, u.Probability, stamp(u.AsOf), u.ModelVersion, u.Reasons})
	return Observation{
		Key: u.UserID, Known: true, Holds: holds, Value: &u.Probability, Action: action,
		Summary: fmt.Sprintf("user %s will stay away with probability %.2f", u.UserID, u.Probability),
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"millrace/internal/incident"
	"millrace/olap"
)

// watchSettings is what incidents are looked for in. Figures that were seen with
// other settings have to be seen anew. The API shows it as api.AnomalyWatching.
type watchSettings struct {
	State       int      `json:"state"` // incident.StateVersion
	Sensitivity float64  `json:"sensitivity"`
	Timezone    string   `json:"timezone"`
	Steps       []string `json:"steps"`
	StepsFrom   string   `json:"steps_from"`
	Properties  []string `json:"properties"`
	Errors      []string `json:"errors"`
}

// What is looked at, at most.
const (
	incidentProperties = 8  // that figures are broken down by
	incidentValues     = 50 // a property with more different values breaks nothing down
)

// defaultSteps are watched where nobody names others and all of them are there.
func defaultSteps() []string { return []string{"view", "add_to_cart", "purchase"} }

// settings are those for the events as they are now. Properties that are
// watched already stay.
func (w *incidentWatch) settings(ctx context.Context, watched []string) (watchSettings, error) {
	known, err := w.events.Catalog(ctx, olap.CatalogFilter{})
	if err != nil {
		return watchSettings{}, err
	}
	s := watchSettings{State: incident.StateVersion, Sensitivity: w.cfg.Sensitivity, Timezone: w.zone.String(), Errors: []string{incident.RejectedFigure}}
	s.Steps, s.StepsFrom = w.stepsOf(known)
	if hasType(known, "error") {
		s.Errors = append(s.Errors, incident.ShareFigure("error"))
	}
	s.Properties, err = w.properties(ctx, known, watched)
	return s, err
}

func (w *incidentWatch) stepsOf(known *olap.Catalog) (steps []string, from string) {
	if len(w.steps) > 0 {
		return w.steps, "flag"
	}
	for _, step := range defaultSteps() {
		if !hasType(known, step) {
			return []string{}, "none"
		}
	}
	return defaultSteps(), "default"
}

func hasType(known *olap.Catalog, name string) bool {
	return slices.ContainsFunc(known.Events, func(e olap.CatalogEvent) bool { return e.Name == name })
}

// properties are those worth breaking figures down by: text with few different
// values, on most events.
func (w *incidentWatch) properties(ctx context.Context, known *olap.Catalog, watched []string) ([]string, error) {
	names := slices.Clone(watched)
	for _, p := range known.Properties {
		if len(names) >= incidentProperties {
			break
		}
		if slices.Contains(names, p.Name) || strings.HasPrefix(p.Name, "user.") { // what holds for a user holds for all of the user's past
			continue
		}
		if !slices.Equal(p.Types, []string{"text"}) || len(p.Values) < 2 || 2*p.Count < known.StoredRows {
			continue
		}
		whole, err := w.events.Catalog(ctx, olap.CatalogFilter{Property: p.Name})
		if err != nil {
			return nil, err
		}
		if len(whole.Properties) == 1 && len(whole.Properties[0].Values) <= incidentValues {
			names = append(names, p.Name)
		}
	}
	return append([]string{}, names...), nil
}

func (s watchSettings) text() (string, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("write the settings of the watch: %w", err)
	}
	return string(text), nil
}

// readWatchSettings are those of a stored watch; none that fit where it cannot be read.
func readWatchSettings(text string) (s watchSettings) {
	if json.Unmarshal([]byte(text), &s) != nil {
		return watchSettings{}
	}
	return s
}

// grids of the settings' zone.
func (s watchSettings) grids() (hours, days incident.Grid, err error) {
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return hours, days, fmt.Errorf("--anomaly-timezone: %w", err)
	}
	return incident.Hours(zone), incident.Days(zone), nil
}

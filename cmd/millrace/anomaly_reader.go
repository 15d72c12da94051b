package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"millrace/internal/incident"
	"millrace/olap"
)

// windowReader reads the figures of windows as package incident takes them.
type windowReader struct {
	events     *olap.Store
	grid       incident.Grid
	properties []string
	steps      []string
}

// read returns the windows from number first to before number until, one each.
func (r windowReader) read(ctx context.Context, first, until int) ([]incident.Window, error) {
	windows := make([]incident.Window, max(0, until-first))
	if len(windows) == 0 {
		return nil, nil
	}
	w := r.windows(first, until)
	at := func(t time.Time) *incident.Window { return &windows[r.grid.Number(t)-first] }
	activity, err := r.events.Activity(ctx, w, r.properties)
	if err != nil {
		return nil, err
	}
	for _, a := range activity {
		into := at(a.Window)
		into.Activity = append(into.Activity, incident.Activity{Property: a.Property, Value: a.Value, Type: a.Type, Users: float64(a.Users), Events: float64(a.Events)})
	}
	takings, err := r.events.Takings(ctx, w, r.properties)
	if err != nil {
		return nil, err
	}
	for _, t := range takings {
		into := at(t.Window)
		into.Amounts = append(into.Amounts, incident.Amount{Property: t.Property, Value: t.Value, Currency: t.Currency, Amount: t.Amount})
	}
	for i := 1; i < len(r.steps); i++ {
		if err := r.conversions(ctx, w, r.steps[i-1], r.steps[i], at); err != nil {
			return nil, err
		}
	}
	return windows, r.rejected(ctx, w, at)
}

func (r windowReader) windows(first, until int) olap.KPIWindows {
	return olap.KPIWindows{Hours: r.grid.Name == incident.Hour, Zone: r.grid.Zone, From: r.grid.Start(first), To: r.grid.Start(until)}
}

// conversions adds those from one step to the next.
func (r windowReader) conversions(ctx context.Context, w olap.KPIWindows, from, to string, at func(time.Time) *incident.Window) error {
	rows, err := r.events.Steps(ctx, w, r.properties, to, from)
	if err != nil {
		return err
	}
	for _, s := range rows {
		into := at(s.Window)
		into.Chances = append(into.Chances, incident.Chances{
			Measure: incident.ConversionFigure(from, to), Property: s.Property, Value: s.Value, Exposed: float64(s.Users), Seen: float64(s.Reached),
		})
	}
	return nil
}

// rejected adds the share of what came that was not taken. An event counts when
// it happened and a rejected one when it came: no other time of it can be trusted.
func (r windowReader) rejected(ctx context.Context, w olap.KPIWindows, at func(time.Time) *incident.Window) error {
	rows, err := r.events.Rejected(ctx, w)
	if err != nil {
		return err
	}
	records := map[*incident.Window]float64{}
	for _, row := range rows {
		records[at(row.Window)] += float64(row.Records)
	}
	for n := r.grid.Number(w.From); n < r.grid.Number(w.To); n++ {
		into := at(r.grid.Start(n))
		if all := taken(into) + records[into]; all > 0 {
			into.Chances = append(into.Chances, incident.Chances{Measure: incident.RejectedFigure, Exposed: all, Seen: records[into]})
		}
	}
	return nil
}

// taken is how many events of a window are stored.
func taken(w *incident.Window) (events float64) {
	for _, a := range w.Activity {
		if a.Property == "" && a.Type == "" {
			events += a.Events
		}
	}
	return events
}

// stepsBefore reads, for the users of one value, the steps that they have reached and
// whether the event followed, in windows from number first on.
func (r windowReader) stepsBefore(ctx context.Context, first, until int, property, value, event string) ([]incident.Step, error) {
	var properties []string
	if property != "" {
		properties = []string{property}
	}
	rows, err := r.events.Steps(ctx, r.windows(first, until), properties, event)
	if err != nil {
		return nil, err
	}
	var steps []incident.Step
	index := map[string]int{}
	for _, row := range rows {
		if row.Property != property || row.Value != value {
			continue
		}
		i, known := index[row.Step]
		if !known {
			i = len(steps)
			index[row.Step] = i
			steps = append(steps, incident.Step{Name: row.Step, Buckets: make([]incident.Bucket, until-first)})
		}
		steps[i].Buckets[r.grid.Number(row.Window)-first] = incident.Bucket{Exposed: float64(row.Users), Seen: float64(row.Reached)}
	}
	slices.SortFunc(steps, func(a, b incident.Step) int { return strings.Compare(a.Name, b.Name) })
	return steps, nil
}

package main

import (
	"context"
	"math"
	"time"

	"millrace/api"
	"millrace/internal/incident"
	"millrace/olap"
	"millrace/oltp"
)

// incidentPoints reads the figure of an incident for a page that draws it.
type incidentPoints struct {
	events *olap.Store
	users  *oltp.Store
}

// around is how many windows are shown before and after an incident, and how
// many more are read before these, for what is expected.
type around struct{ before, after, warm int }

func aroundOf(grid incident.Grid) around {
	if grid.Name == incident.Hour {
		return around{before: 7 * 24, after: 2 * 24, warm: 28 * 24}
	}
	return around{before: 30, after: 14, warm: 60}
}

// mostPoints of an incident are shown, the first ones.
const mostPoints = 2000

// AnomalyPoints counts the figure anew. It stops where the watch has stopped:
// later windows may not be complete.
func (p incidentPoints) AnomalyPoints(ctx context.Context, a oltp.Anomaly) ([]api.AnomalyPoint, error) {
	kept, err := p.users.AnomalyProgress(ctx)
	if err != nil {
		return nil, err
	}
	settings := readWatchSettings(kept.Settings)
	if settings.Timezone == "" {
		settings.Timezone = "UTC"
	}
	hours, grid, err := settings.grids()
	if err != nil {
		return nil, err
	}
	until := kept.DaysUntil
	if a.Grid == incident.Hour {
		grid, until = hours, kept.HoursUntil
	}
	show := aroundOf(grid)
	first := max(grid.Number(a.StartedAt)-show.before, grid.Number(kept.Since))
	last := min(grid.Number(a.EndedAt)+show.after+1, grid.Number(until), first+mostPoints)
	begin := max(first-show.warm, grid.Number(kept.Since))
	figure, reader := p.figure(a, grid)
	windows, err := reader.read(ctx, begin, last)
	if err != nil {
		return nil, err
	}
	traced := figure.Trace(incident.Config{Sensitivity: settings.Sensitivity}, grid, begin, windows)
	return pointsOf(traced[min(len(traced), max(0, first-begin)):], grid), nil
}

// figure is that of an incident, and what has to be read for it.
func (p incidentPoints) figure(a oltp.Anomaly, grid incident.Grid) (incident.Figure, windowReader) {
	r := windowReader{events: p.events, grid: grid}
	if a.Property != "" {
		r.properties = []string{a.Property}
	}
	if from, to, ok := incident.ConversionOf(a.Measure); ok {
		r.steps = []string{from, to}
	}
	return incident.Figure{Measure: a.Measure, Property: a.Property, Value: a.Value}, r
}

func pointsOf(traced []incident.Point, grid incident.Grid) []api.AnomalyPoint {
	points := make([]api.AnomalyPoint, 0, len(traced))
	for _, p := range traced {
		points = append(points, api.AnomalyPoint{
			At: grid.Start(p.Window).In(time.UTC), Seen: finite(p.Seen), Expected: finite(p.Expected), Low: finite(p.Low), High: finite(p.High),
		})
	}
	return points
}

// finite is nil of what is none: JSON knows no NaN.
func finite(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millrace/internal/incident"
	"millrace/olap"
	"millrace/oltp"
)

// seenWindows is what the watches know by the windows that they have seen.
type seenWindows struct {
	cfg      incident.Config
	settings watchSettings
	kept     oltp.AnomalyWatch // but for the two states, which snapshot fills in
	hours    grids
	days     grids

	checkedAt time.Time // up to which settings and late events were looked at
	refined   map[string]refinement
}

// grids is a grid with its watch.
type grids struct {
	incident.Grid
	watch *incident.Watch
}

// errOtherState means that a watch was kept by a millrace with other states.
var errOtherState = errors.New("the kept watch is of another version")

// beginWindows sees windows from the one that holds first on.
func beginWindows(cfg incident.Config, settings watchSettings, first time.Time, version int64) (*seenWindows, error) {
	s, err := newSeenWindows(cfg, settings)
	if err != nil {
		return nil, err
	}
	if s.hours.watch, err = incident.NewWatch(cfg, s.hours.Grid, s.hours.Number(first)); err != nil {
		return nil, err
	}
	if s.days.watch, err = incident.NewWatch(cfg, s.days.Grid, s.days.Number(first)); err != nil {
		return nil, err
	}
	s.kept.Version = version
	s.kept.Since = s.hours.Start(s.hours.watch.Next())
	s.kept.HoursUntil, s.kept.DaysUntil = s.kept.Since, s.days.Start(s.days.watch.Next())
	return s, nil
}

// continueWindows goes on after the last window of a kept watch.
func continueWindows(kept oltp.AnomalyWatch) (*seenWindows, error) {
	settings := readWatchSettings(kept.Settings)
	if settings.State != incident.StateVersion {
		return nil, errOtherState
	}
	s, err := newSeenWindows(incident.Config{Sensitivity: settings.Sensitivity}, settings)
	if err != nil {
		return nil, err
	}
	if s.hours.watch, err = incident.LoadWatch(s.cfg, s.hours.Grid, kept.Hours); err != nil {
		return nil, err
	}
	if s.days.watch, err = incident.LoadWatch(s.cfg, s.days.Grid, kept.Days); err != nil {
		return nil, err
	}
	s.kept = kept
	s.kept.Hours, s.kept.Days = nil, nil
	return s, nil
}

func newSeenWindows(cfg incident.Config, settings watchSettings) (*seenWindows, error) {
	s := &seenWindows{cfg: cfg, settings: settings, refined: map[string]refinement{}}
	var err error
	if s.hours.Grid, s.days.Grid, err = settings.grids(); err != nil {
		return nil, err
	}
	s.kept.Settings, err = settings.text()
	return s, err
}

// next reports whether an hour was closed by an instant that was not seen yet.
func (s *seenWindows) next(closed time.Time) bool {
	return !s.hours.Start(s.hours.watch.Next() + 1).After(closed)
}

// checked reports whether settings and late events need no look now: that is
// once an hour of the events.
func (s *seenWindows) checked(closed time.Time) bool {
	return s.hours.watch != nil && closed.Sub(s.checkedAt).Abs() < time.Hour
}

// feed shows the watches each window that is over by an instant, and returns how
// many there were.
func (s *seenWindows) feed(ctx context.Context, events *olap.Store, until time.Time) (int, error) {
	hours, err := s.hours.read(ctx, events, s.settings, until)
	if err != nil {
		return 0, err
	}
	days, err := s.days.read(ctx, events, s.settings, s.hours.Start(s.hours.watch.Next()+len(hours)))
	if err != nil {
		return 0, err
	}
	for _, win := range hours {
		s.hours.watch.Feed(win)
		s.kept.Events += int64(taken(&win))
	}
	for _, win := range days {
		s.days.watch.Feed(win)
	}
	s.kept.HoursUntil, s.kept.DaysUntil = s.hours.Start(s.hours.watch.Next()), s.days.Start(s.days.watch.Next())
	s.kept.Series = s.hours.watch.Series() + s.days.watch.Series()
	return len(hours) + len(days), nil
}

// read reads the windows of one grid that are over by an instant.
func (g *grids) read(ctx context.Context, events *olap.Store, settings watchSettings, until time.Time) ([]incident.Window, error) {
	r := windowReader{events: events, grid: g.Grid, properties: settings.Properties, steps: settings.Steps}
	return r.read(ctx, g.watch.Next(), g.Number(until))
}

// snapshot writes what the watches know for Postgres.
func (s *seenWindows) snapshot() (err error) {
	if s.kept.Hours, err = s.hours.watch.Save(); err != nil {
		return err
	}
	s.kept.Days, err = s.days.watch.Save()
	return err
}

// knownSince is the time of which the watches know all incidents.
func (s *seenWindows) knownSince() time.Time {
	if horizon := s.kept.DaysUntil.Add(-incidentHistory + day); horizon.After(s.kept.Since) {
		return horizon
	}
	return s.kept.Since
}

// refinement is what Refine has found of a shift.
type refinement struct {
	earliest int
	step     string
}

// incidents joins all shifts, and looks for the step behind those that lead.
func (s *seenWindows) incidents(ctx context.Context, events *olap.Store) ([]oltp.Anomaly, error) {
	shifts := append(s.hours.watch.Shifts(), s.days.watch.Shifts()...)
	all := incident.Incidents(shifts, s.hours.Grid, s.days.Grid)
	found := make([]oltp.Anomaly, 0, len(all))
	refined := map[string]refinement{}
	for i := range all {
		if err := s.refine(ctx, events, &all[i], refined); err != nil {
			return nil, err
		}
		found = append(found, anomalyOf(&all[i]))
	}
	s.refined = refined // of those that are still there
	return found, nil
}

// refine finds the step behind which an incident lies, once for each state of it.
func (s *seenWindows) refine(ctx context.Context, events *olap.Store, in *incident.Incident, into map[string]refinement) error {
	event := incident.ShareOf(in.Lead.Measure)
	if event == "" {
		return nil
	}
	grid := s.days.Grid
	if in.Lead.Grid == incident.Hour {
		grid = s.hours.Grid
	}
	property, value := explained(&in.Lead)
	key := fmt.Sprint(grid.Name, in.Lead.Measure, in.Lead.First, in.Lead.End, property, value)
	found, known := s.refined[key]
	if !known {
		first := in.Lead.First - incident.RefineBack
		steps, err := windowReader{events: events, grid: grid}.stepsBefore(ctx, first, in.Lead.End, property, value, event)
		if err != nil {
			return err
		}
		in.Lead.Refine(steps, first)
		found = refinement{in.Lead.Earliest, in.Lead.Step}
	}
	into[key] = found
	in.Lead.Step = found.step
	if start := grid.Start(found.earliest); start.Before(in.Start) {
		in.Start = start
	}
	return nil
}

// explained is the value that a shift belongs to, empty where that is the whole.
func explained(s *incident.Shift) (property, value string) {
	if s.Property != "" {
		return s.Property, s.Value
	}
	return s.Because.Property, s.Because.Value
}

// anomalyOf is an incident as it is stored.
func anomalyOf(in *incident.Incident) oltp.Anomaly {
	l := &in.Lead
	property, value := explained(l)
	part := l.Because.Part
	if l.Property != "" {
		part = 1
	}
	kind := "count"
	if l.Kind == incident.Share || l.Kind == incident.Chance {
		kind = "share"
	}
	f := l.Figures()
	return oltp.Anomaly{
		StartedAt: in.Start, FirstSeen: in.FirstSeen, EndedAt: in.End.Add(-time.Millisecond), DetectedAt: in.DetectedAt,
		Ongoing: in.Ongoing, Severity: string(in.Severity()), Measure: l.Measure, Measures: in.Measures, Kind: kind,
		Expected: f.Expected, Low: f.Low, High: f.High, Seen: f.Seen, Evidence: l.Evidence,
		Property: property, Value: value, Part: part, Step: l.Step, Grid: l.Grid, Stays: l.Stays,
	}
}

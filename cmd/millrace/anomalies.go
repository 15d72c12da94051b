package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/api"
	"millrace/internal/incident"
	"millrace/olap"
	"millrace/oltp"
)

// incidentWatch shows the figures of each closed hour and day to the watches of
// package incident, once, and keeps in Postgres what they know, with the
// incidents.
type incidentWatch struct {
	cfg         incident.Config
	steps       []string // whose conversions are watched; empty for the default
	zone        *time.Location
	every       time.Duration
	events      *olap.Store
	users       *oltp.Store
	storedUntil func() (time.Time, bool)
	log         *slog.Logger
	metrics     incidentMetrics

	seen *seenWindows // of Run's goroutine; nil where it has to be loaded

	mu      sync.Mutex // guards what follows
	failing error
	state   watchState
}

// watchState is what GET /v1/status tells.
type watchState struct {
	hours, days time.Time // windows before have been looked at; zero for none
	stored      time.Time // the pipeline's progress at the last look
	behind      bool      // there are windows that wait for it
}

type incidentMetrics struct {
	looks, failures, windows, restarts prometheus.Counter
	seconds                            prometheus.Histogram
	incidents, series                  prometheus.Gauge
}

// Bounds of one look.
const (
	incidentHistory  = 400 * day // that a watch begins with
	incidentChunk    = 14 * day  // that is read and kept at once
	incidentLateness = 10 * time.Minute
	day              = 24 * time.Hour
	// incidentSilence is how long no event at all is a figure like any other. After
	// that the newest event tells what time it is: it is a history that was loaded.
	incidentSilence = 3 * day
	// More late events than that, and of what was seen, are a history that came
	// late: the watch begins anew. Fewer do not change what was judged.
	lateLeast, lateShare = 100, 0.02
)

func newIncidentWatch(p *plant) (*incidentWatch, error) {
	zone, err := time.LoadLocation(p.options.anomalyTimezone)
	if err != nil {
		return nil, fmt.Errorf("--anomaly-timezone: %w", err)
	}
	w := &incidentWatch{
		cfg: p.options.anomalyConfig(), steps: p.options.anomalySteps, zone: zone, every: p.options.anomalyEvery,
		events: p.events, users: p.users, storedUntil: p.progress.StoredUntil, log: p.app.log, metrics: newIncidentMetrics(),
	}
	m := w.metrics
	p.registry.MustRegister(m.looks, m.failures, m.windows, m.restarts, m.seconds, m.incidents, m.series)
	return w, nil
}

func newIncidentMetrics() incidentMetrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "millrace_anomalies_" + name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "millrace_anomalies_" + name, Help: help})
	}
	return incidentMetrics{
		looks:    counter("looks_total", "Times that closed windows were looked at for incidents."),
		failures: counter("failures_total", "Looks that failed and will be repeated."),
		windows:  counter("windows_total", "Hours and days that were looked at."),
		restarts: counter("restarts_total", "Times that all windows were looked at anew, because settings had changed or history had come late."),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "millrace_anomalies_look_seconds", Help: "Duration of one look.", Buckets: prometheus.ExponentialBuckets(0.05, 3, 9)}),
		incidents: gauge("incidents", "Incidents of the last 400 days."),
		series:    gauge("series", "Figures by values of properties that are watched, of hours and of days."),
	}
}

// Run looks again and again until ctx ends. A failed look is repeated from what
// was kept last.
func (w *incidentWatch) Run(ctx context.Context) error {
	for {
		began := time.Now()
		err := w.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		w.note(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(w.pause(time.Since(began))):
		}
	}
}

// pause is how long to wait after a look that took so long: at least twice
// that. Where there was nothing to look at yet, or the look failed, the
// next one comes soon.
func (w *incidentWatch) pause(took time.Duration) time.Duration {
	const soon = 2 * time.Second
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failing != nil || w.state.days.IsZero() {
		return max(min(w.every, soon), 2*took)
	}
	return max(w.every, 2*took)
}

func (w *incidentWatch) note(err error) {
	w.mu.Lock()
	changed := (err == nil) != (w.failing == nil)
	w.failing = err
	w.mu.Unlock()
	if err != nil {
		w.seen = nil // what is in memory may be ahead of what was kept
		w.metrics.failures.Inc()
	}
	switch {
	case changed && err != nil:
		w.log.Warn("search for incidents fails, will keep trying", "error", err)
	case changed:
		w.log.Info("search for incidents works again")
	}
}

// stage tells GET /v1/status.
func (w *incidentWatch) stage() api.Stage {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := api.Stage{Name: stageAnomalies, State: api.StageOK}
	switch {
	case w.failing != nil:
		s.State, s.Detail = api.StageFailing, w.failing.Error()
	case w.state.hours.IsZero():
		s.Detail = "no closed hour has been looked at yet"
	default:
		s.Detail = fmt.Sprintf("hours before %s and days before %s have been looked at",
			w.state.hours.Format("2006-01-02 15:04"), w.state.days.In(w.zone).Format(time.DateOnly))
	}
	if w.state.behind {
		s.Detail += "; later ones wait for the ingest, which has stored what came before " + w.state.stored.UTC().Format("2006-01-02 15:04")
	}
	return s
}

// look shows the watches what was closed since the last look.
func (w *incidentWatch) look(ctx context.Context) error {
	stored, known := w.storedUntil()
	if !known {
		return nil
	}
	began := time.Now()
	if w.seen == nil {
		if err := w.load(ctx); err != nil {
			return err
		}
	}
	closed, err := w.closed(ctx, stored)
	if err != nil || closed.IsZero() {
		return err
	}
	if err := w.begin(ctx, closed); err != nil || w.seen == nil {
		return err
	}
	for w.seen.next(closed) {
		if err := w.advance(ctx, closed); err != nil {
			return err
		}
	}
	w.metrics.looks.Inc()
	w.metrics.seconds.Observe(time.Since(began).Seconds())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = watchState{hours: w.seen.kept.HoursUntil, days: w.seen.kept.DaysUntil, stored: stored, behind: time.Since(stored) > time.Hour}
	return nil
}

// closed is the instant up to which windows cannot change any more but by late
// events; zero where there are no events. While events come it follows what is
// stored, so that silence shows, and a pipeline that is behind does not.
func (w *incidentWatch) closed(ctx context.Context, stored time.Time) (time.Time, error) {
	since := time.Unix(0, 0)
	if w.seen != nil && w.seen.hours.watch != nil {
		since = w.seen.kept.HoursUntil.Add(-incidentSilence - day)
	}
	newest, received, err := w.events.Newest(ctx, since, stored)
	if err != nil || newest.IsZero() {
		return time.Time{}, err
	}
	bound := stored.Add(-incidentLateness)
	switch days := incident.Days(w.zone); {
	case stored.Sub(newest) <= incidentSilence: // events come
	case stored.Sub(received) > incidentLateness: // a history, all of which is there
		bound = earlier(bound, days.Start(days.Number(newest)+1))
	default: // a history that is still coming, in its order
		bound = earlier(bound, newest.Add(-incidentLateness))
	}
	return bound, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// begin makes the watches begin anew where there are none yet, where others are
// wanted, and where history has come late.
func (w *incidentWatch) begin(ctx context.Context, closed time.Time) error {
	var watched []string
	if w.seen != nil {
		watched = w.seen.settings.Properties
		if w.seen.checked(closed) {
			return nil
		}
	}
	wanted, err := w.settings(ctx, watched)
	if err != nil {
		return err
	}
	text, err := wanted.text()
	if err != nil {
		return err
	}
	if w.seen != nil && w.seen.kept.Settings == text {
		late, err := w.cameLate(ctx, closed)
		if err != nil || !late {
			w.seen.checkedAt = closed
			return err
		}
	}
	if w.seen != nil {
		w.metrics.restarts.Inc()
	}
	extent, err := w.events.Extent(ctx, closed.Add(-incidentHistory).Truncate(time.Hour), closed)
	if err != nil || extent.Events == 0 {
		return err
	}
	version := int64(0)
	if w.seen != nil {
		version = w.seen.kept.Version
	}
	w.seen, err = beginWindows(w.cfg, wanted, extent.First, version)
	return err
}

// cameLate reports whether many more events are stored of the windows that were
// seen than these had then, or of the time before them.
func (w *incidentWatch) cameLate(ctx context.Context, closed time.Time) (bool, error) {
	kept := &w.seen.kept
	from := earlier(kept.Since, closed.Add(-incidentHistory).Truncate(time.Hour))
	now, err := w.events.Extent(ctx, from, kept.HoursUntil)
	more := float64(now.Events) - float64(kept.Events)
	return more > max(lateLeast, lateShare*float64(kept.Events)), err
}

// advance reads the next stretch of windows, shows it to the watches, and keeps
// what they know then.
func (w *incidentWatch) advance(ctx context.Context, closed time.Time) error {
	s := w.seen
	until := earlier(closed, s.kept.HoursUntil.Add(incidentChunk))
	fed, err := s.feed(ctx, w.events, until)
	if err != nil {
		return err
	}
	found, err := s.incidents(ctx, w.events)
	if err != nil {
		return err
	}
	if err := s.snapshot(); err != nil {
		return err
	}
	s.kept.Version, err = w.users.SaveAnomalies(ctx, found, s.knownSince(), s.kept)
	if err != nil {
		return err
	}
	w.metrics.windows.Add(float64(fed))
	w.metrics.incidents.Set(float64(len(found)))
	w.metrics.series.Set(float64(s.kept.Series))
	return nil
}

// load continues from what was kept.
func (w *incidentWatch) load(ctx context.Context) error {
	kept, err := w.users.AnomalyWatch(ctx)
	if err != nil || kept.Version == 0 {
		return err
	}
	seen, err := continueWindows(kept)
	if errors.Is(err, errOtherState) {
		w.log.Info("incidents are searched anew, as an older millrace has kept what it knew of them in another form")
		seen = &seenWindows{kept: oltp.AnomalyWatch{Version: kept.Version}}
		err = nil
	}
	w.seen = seen
	return err
}

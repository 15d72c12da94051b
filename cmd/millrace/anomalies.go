package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/api"
	"millrace/internal/anomaly"
	"millrace/olap"
	"millrace/oltp"
)

// incidentWatch looks for incidents in the figures of closed days, and keeps
// them in Postgres.
type incidentWatch struct {
	cfg         anomaly.Config
	steps       []string // whose conversions are watched
	every       time.Duration
	events      *olap.Store
	users       *oltp.Store
	storedUntil func() (time.Time, bool)
	log         *slog.Logger
	metrics     incidentMetrics

	mu      sync.Mutex // guards what follows
	failing error
	until   time.Time // days before it have been looked at

}

type incidentMetrics struct {
	looks, failures prometheus.Counter
	seconds         prometheus.Histogram
	incidents       prometheus.Gauge
}

// Bounds of one look.
const (
	incidentDays       = 400 // of history
	incidentProperties = 8   // that figures are broken down by
	incidentValues     = 50  // a property with more different values breaks nothing down
	incidentLateness   = 10 * time.Minute
	day                = 24 * time.Hour
)

func newIncidentWatch(p *plant) *incidentWatch {
	w := &incidentWatch{
		cfg: p.options.anomalyConfig(), steps: p.options.anomalySteps, every: p.options.anomalyEvery,
		events: p.events, users: p.users, storedUntil: p.progress.StoredUntil, log: p.app.log,
		metrics: incidentMetrics{
			looks: prometheus.NewCounter(prometheus.CounterOpts{
				Name: "millrace_anomalies_looks_total", Help: "Times that the figures of closed days were searched for incidents."}),
			failures: prometheus.NewCounter(prometheus.CounterOpts{
				Name: "millrace_anomalies_failures_total", Help: "Searches that failed and will be repeated."}),
			seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
				Name: "millrace_anomalies_look_seconds", Help: "Duration of one search.", Buckets: prometheus.ExponentialBuckets(0.05, 3, 9)}),
			incidents: prometheus.NewGauge(prometheus.GaugeOpts{
				Name: "millrace_anomalies_incidents", Help: "Incidents that the last search has found."}),
		},
	}
	m := w.metrics
	p.registry.MustRegister(m.looks, m.failures, m.seconds, m.incidents)
	return w
}

// Run looks again and again until ctx ends. A failed look is repeated.
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

// pause is how long to wait after a look that took so long: at least nine
// times that. Where there was nothing to look at yet, or the look failed, the
// next one comes soon.
func (w *incidentWatch) pause(took time.Duration) time.Duration {
	const soon = 2 * time.Second
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failing != nil || w.until.IsZero() {
		return max(min(w.every, soon), 9*took)
	}
	return max(w.every, 9*took)
}

func (w *incidentWatch) note(err error) {
	w.mu.Lock()
	changed := (err == nil) != (w.failing == nil)
	w.failing = err
	w.mu.Unlock()
	if err != nil {
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
	case w.until.IsZero():
		s.Detail = "no closed day has been looked at yet"
	default:
		s.Detail = "days before " + w.until.Format(time.DateOnly) + " have been looked at"
	}
	return s
}

// look searches where a day was closed, or closed days changed, since the last
// time.
func (w *incidentWatch) look(ctx context.Context) error {
	from, next, err := w.closedDays(ctx)
	if err != nil || next.Events == 0 {
		return err
	}
	last, err := w.users.AnomalyProgress(ctx)
	if err != nil {
		return err
	}
	if !last.Until.Equal(next.Until) || last.Events != next.Events || last.Settings != next.Settings {
		began := time.Now()
		found, err := w.search(ctx, from, next.Until)
		if err != nil {
			return err
		}
		if err := w.users.SaveAnomalies(ctx, found, next); err != nil {
			return err
		}
		w.metrics.looks.Inc()
		w.metrics.seconds.Observe(time.Since(began).Seconds())
		w.metrics.incidents.Set(float64(len(found)))
	}
	w.mu.Lock()
	w.until = next.Until
	w.mu.Unlock()
	return nil
}

// closedDays are the days that cannot change but by late events: until the last
// event, and until the watermark.
func (w *incidentWatch) closedDays(ctx context.Context) (from time.Time, p oltp.AnomalyProgress, err error) {
	p.Settings = fmt.Sprintf("1 %v %s", w.cfg.Sensitivity, strings.Join(w.steps, ">"))
	stored, known := w.storedUntil()
	if !known {
		return from, p, nil
	}
	all, err := w.events.Extent(ctx, stored.Add(-incidentLateness))
	if err != nil || all.Events == 0 {
		return from, p, err
	}
	p.Until = all.Last.Truncate(day).Add(day)
	if p.Until.After(stored.Add(-incidentLateness)) {
		p.Until = p.Until.Add(-day)
	}
	from = all.First.Truncate(day)
	if earliest := p.Until.Add(-incidentDays * day); from.Before(earliest) {
		from = earliest
	}
	closed, err := w.events.Extent(ctx, p.Until)
	p.Events = int64(closed.Events)
	return from, p, err
}

// search reads the figures and finds their incidents.
func (w *incidentWatch) search(ctx context.Context, from, until time.Time) ([]oltp.Anomaly, error) {
	properties, err := w.properties(ctx)
	if err != nil {
		return nil, err
	}
	c := calendar{first: from, until: until}
	series, err := w.figures(ctx, c, append([]string{""}, properties...))
	if err != nil {
		return nil, err
	}
	var found []oltp.Anomaly
	for _, in := range anomaly.Incidents(series, w.cfg) {
		step, err := w.refine(ctx, &in, c)
		if err != nil {
			return nil, err
		}
		found = append(found, anomalyOf(&in, step, from))
	}
	return found, nil
}

// calendar numbers the days that are looked at.
type calendar struct{ first, until time.Time }

func (c calendar) days() int              { return int(c.until.Sub(c.first) / day) }
func (c calendar) number(t time.Time) int { return int(t.Sub(c.first) / day) }

// figures reads all series, of the whole and by each property; the property ""
// stands for the whole.
func (w *incidentWatch) figures(ctx context.Context, c calendar, properties []string) ([]anomaly.Series, error) {
	var activity []anomaly.Day
	var amounts []anomaly.Amount
	var steps []anomaly.Series
	for _, property := range properties {
		counted, err := w.events.DailyActivity(ctx, c.first, c.until, property)
		if err != nil {
			return nil, err
		}
		for _, r := range counted {
			activity = append(activity, anomaly.Day{Day: c.number(r.Day), Property: property, Value: r.Value, Type: r.Type, Users: float64(r.Users), Events: float64(r.Events)})
		}
		taken, err := w.events.DailyRevenue(ctx, c.first, c.until, property)
		if err != nil {
			return nil, err
		}
		for _, r := range taken {
			amounts = append(amounts, anomaly.Amount{Day: c.number(r.Day), Property: property, Value: r.Value, Currency: r.Currency, Amount: r.Amount})
		}
		for i := 1; i < len(w.steps); i++ {
			rows, err := w.events.DailySteps(ctx, c.first, c.until, property, w.steps[i])
			if err != nil {
				return nil, err
			}
			steps = append(steps, conversions(rows, w.steps[i-1], w.steps[i], property, c)...)
		}
	}
	return slices.Concat(anomaly.Figures(activity, c.days()), anomaly.Revenue(amounts, c.days()), steps), nil
}

// refine finds the step behind which an incident lies.
func (w *incidentWatch) refine(ctx context.Context, in *anomaly.Incident, c calendar) (string, error) {
	event := anomaly.ShareOf(in.Measure)
	if event == "" {
		return "", nil
	}
	rows, err := w.events.DailySteps(ctx, c.first, c.until, in.Property, event)
	if err != nil {
		return "", err
	}
	byStep := map[string][]anomaly.Bucket{}
	for _, r := range rows {
		if r.Value == in.Value {
			c.addStep(byStep, r.Step, r)
		}
	}
	var steps []anomaly.Step
	for name, buckets := range byStep {
		steps = append(steps, anomaly.Step{Name: name, Buckets: buckets})
	}
	slices.SortFunc(steps, func(a, b anomaly.Step) int { return strings.Compare(a.Name, b.Name) })
	return in.Refine(steps), nil
}

// conversions are the series of one pair of steps, a series per value.
func conversions(rows []olap.StepRow, from, to, property string, c calendar) []anomaly.Series {
	byValue := map[string][]anomaly.Bucket{}
	for _, r := range rows {
		if r.Step == from {
			c.addStep(byValue, r.Value, r)
		}
	}
	var series []anomaly.Series
	for value, buckets := range byValue {
		series = append(series, anomaly.Series{Measure: "conversion from " + from + " to " + to, Property: property, Value: value, Buckets: buckets})
	}
	slices.SortFunc(series, func(a, b anomaly.Series) int { return strings.Compare(a.Value, b.Value) })
	return series
}

// addStep adds a day of a step to the series with the key.
func (c calendar) addStep(series map[string][]anomaly.Bucket, key string, r olap.StepRow) {
	if series[key] == nil {
		series[key] = make([]anomaly.Bucket, c.days())
	}
	b := &series[key][c.number(r.Day)]
	b.Exposed += float64(r.Users)
	b.Seen += float64(r.Reached)
}

// properties are those worth breaking figures down by: text with few different
// values, on most events.
func (w *incidentWatch) properties(ctx context.Context) ([]string, error) {
	known, err := w.events.Catalog(ctx, olap.CatalogFilter{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range known.Properties {
		if len(names) == incidentProperties {
			break
		}
		if strings.HasPrefix(p.Name, "user.") { // what holds for a user holds for all of the user's past
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
	return names, nil
}

// anomalyOf is an incident as it is stored, in days from the first on.
func anomalyOf(in *anomaly.Incident, step string, first time.Time) oltp.Anomaly {
	start := func(bucket int) time.Time { return first.Add(time.Duration(bucket) * day) }
	kind := "share"
	if in.Counts {
		kind = "count"
	}
	return oltp.Anomaly{
		StartedAt: start(in.Earliest), FirstSeen: start(in.First), EndedAt: start(in.End).Add(-time.Millisecond),
		DetectedAt: start(in.Detected + 1), Ongoing: in.Open, Severity: string(in.Severity()),
		Measure: in.Measure, Measures: in.Measures, Kind: kind,
		Expected: in.Expected, Low: in.Low, High: in.High, Seen: in.Seen, Evidence: in.Evidence,
		Property: in.Property, Value: in.Value, Part: in.Part, Step: step,
	}
}

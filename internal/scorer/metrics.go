package scorer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/fraud"
)

// metrics are what an operator sees of the stage.
type metrics struct {
	events    prometheus.Counter
	decisions *prometheus.CounterVec
	latency   prometheus.Histogram
	steps     prometheus.Histogram
	failures  prometheus.Counter
	reads     prometheus.Counter
	unread    prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, s *Scorer) *metrics {
	m := &metrics{
		events: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_score_events_total", Help: "Events that the scoring has seen, purchases and others."}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_score_decisions_total", Help: "Purchases judged, by decision."}, []string{"decision"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "millrace_score_latency_seconds", Help: "From the receipt of a purchase to its row in fraud_scores.",
			Buckets: []float64{0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 15, 60, 600}}),
		steps: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "millrace_score_step_seconds", Help: "Time to judge a block of events and to write what came of it.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_score_failures_total", Help: "Blocks of events that could not be judged and written, and are tried again."}),
		reads: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_score_profiles_read_total", Help: "Profiles looked for in the store, because they were not in memory."}),
		unread: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_score_unreadable_total", Help: "Records that are no events; the ingest keeps them as dead letters."}),
	}
	for _, d := range []fraud.Decision{fraud.Allow, fraud.Review, fraud.Block} {
		m.decisions.WithLabelValues(string(d)) // there from the beginning: an alert needs a series to look at
	}
	reg.MustRegister(m.events, m.decisions, m.latency, m.steps, m.failures, m.reads, m.unread,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "millrace_score_profiles", Help: "Profiles in memory.",
		}, func() float64 { return float64(s.profiles()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "millrace_score_lag_records", Help: "Records that the broker has accepted and the scoring has not seen.",
		}, func() float64 { return float64(s.progress.Lag()) }))
	return m
}

// written tells the metrics about a step.
func (m *metrics) written(step *Step, events int, began time.Time) {
	now := time.Now()
	m.events.Add(float64(events))
	m.steps.Observe(now.Sub(began).Seconds())
	for i := range step.Scores {
		m.decisions.WithLabelValues(step.Scores[i].Decision).Inc()
		m.latency.Observe(now.Sub(step.Scores[i].ReceivedAt).Seconds())
	}
}

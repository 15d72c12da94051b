package main

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/churn"
)

// churnScoresMetrics of the passes, and of how far users are from the training's.
type churnScoresMetrics struct {
	users    prometheus.Counter
	failures prometheus.Counter
	seconds  prometheus.Histogram
	version  prometheus.Gauge
	score    prometheus.Gauge
	drift    *prometheus.GaugeVec
}

func newChurnScoresMetrics(reg prometheus.Registerer) (*churnScoresMetrics, error) {
	m := &churnScoresMetrics{
		users: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_churn_scored_users_total", Help: "Users whose churn probability was computed and stored."}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_churn_failures_total", Help: "Passes over the users that failed and will be repeated."}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "millrace_churn_pass_seconds", Help: "Duration of one pass over all active users.",
			Buckets: prometheus.ExponentialBuckets(0.1, 3, 9)}),
		version: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "millrace_churn_model_version", Help: "Version of the churn model in use."}),
		score: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "millrace_churn_score_drift", Help: "Population stability index of the churn probability since the training."}),
		drift: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "millrace_churn_feature_drift", Help: "Population stability index of each feature since the training."}, []string{"feature"}),
	}
	for _, c := range []prometheus.Collector{m.users, m.failures, m.seconds, m.version, m.score, m.drift} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register churn metrics: %w", err)
		}
	}
	return m, nil
}

// show publishes the drift of the version in use.
func (m *churnScoresMetrics) show(version int, d churn.Drift) {
	m.version.Set(float64(version))
	m.score.Set(d.Score)
	m.drift.Reset()
	for name, index := range d.Features {
		m.drift.WithLabelValues(name).Set(index)
	}
}

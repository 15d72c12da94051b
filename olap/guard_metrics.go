package olap

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// guardMetrics count questions. Kinds and outcomes are few by construction.
type guardMetrics struct {
	seconds *prometheus.HistogramVec
	wait    prometheus.Histogram
}

func newGuardMetrics(g *Guard, registerer prometheus.Registerer) (*guardMetrics, error) {
	m := &guardMetrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "millrace_query_seconds", Help: "Time to answer a question, by kind and outcome: computed, shared (with one that was under way), cached, refused, over_budget, busy, timeout, cancelled or failed.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"kind", "outcome"}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "millrace_query_wait_seconds", Help: "Time that a question waited for its turn.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9)}),
	}
	gauge := func(name, help string, value func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	for _, c := range []prometheus.Collector{m.seconds, m.wait,
		gauge("millrace_query_running", "Questions that the store works on.", func() int { n, _ := g.queue.lengths(); return n }),
		gauge("millrace_query_waiting", "Questions that wait for their turn.", func() int { _, n := g.queue.lengths(); return n }),
		gauge("millrace_query_cache_answers", "Answers that are remembered.", func() int { n, _ := g.cache.size(); return n }),
		gauge("millrace_query_cache_bytes", "About what they take.", func() int { _, n := g.cache.size(); return n }),
	} {
		if err := registerer.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *guardMetrics) observe(kind, outcome string, took time.Duration) {
	m.seconds.WithLabelValues(kind, outcome).Observe(took.Seconds())
}

// outcome names how a question ended.
func outcome(how string, err error) string {
	var fault *QueryError
	var budget *BudgetError
	var busy *BusyError
	switch {
	case err == nil:
		return how
	case errors.As(err, &fault):
		return "refused"
	case errors.As(err, &budget):
		return "over_budget"
	case errors.As(err, &busy):
		return "busy"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "failed"
}

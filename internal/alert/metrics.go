package alert

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the stage.
type metrics struct {
	looks      *prometheus.CounterVec
	told       *prometheus.CounterVec
	deliveries *prometheus.CounterVec
	delay      prometheus.Histogram
	waiting    prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		looks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_alert_looks_total", Help: "Looks at what rules watch, by result: ok or failed."}, []string{"result"}),
		told: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_alert_told_total", Help: "Alerts that channels were told of, by state: firing or resolved."}, []string{"state"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_alert_attempts_total", Help: "Attempts to deliver, by kind of channel and result: delivered, failed (will be repeated) or dead."},
			[]string{"kind", "result"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "millrace_alert_delivery_seconds", Help: "Time from the change of an alert to the acknowledgement of a receiver.",
			Buckets: prometheus.ExponentialBuckets(0.05, 4, 10)}),
	}
	m.waiting = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "millrace_alert_deliveries_waiting", Help: "Deliveries that are neither acknowledged nor dead."})
	for _, c := range []prometheus.Collector{m.looks, m.told, m.deliveries, m.delay, m.waiting} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register alert metrics: %w", err)
		}
	}
	return m, nil
}

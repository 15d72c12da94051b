package api

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics of the server. Every label has a bounded number of values: routes are
// patterns, reasons and codes are constants.
type metrics struct {
	requestSeconds *prometheus.HistogramVec
	accepted       prometheus.Counter
	rejected       *prometheus.CounterVec
	bodyBytes      prometheus.Counter
	publishSeconds prometheus.Histogram
	liveClients    prometheus.Gauge

	links            *prometheus.CounterVec
	linked           prometheus.Counter
	unresolved       prometheus.Counter
	identityFailures *prometheus.CounterVec
	liveSeconds      prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requestSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "millrace_api_request_seconds", Help: "Duration of a request until its answer is complete; of a live stream until it begins.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
		}, []string{"route", "status"}),
		accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_api_events_accepted_total", Help: "Events that the broker has acknowledged."}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_api_events_rejected_total", Help: "Events that were refused, by reason."}, []string{"reason"}),
		bodyBytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_api_event_body_bytes_total", Help: "Event bodies received, after decompression."}),
		publishSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "millrace_api_publish_seconds", Help: "Wait for the broker to acknowledge one request's events.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 3, 10)}),
		liveClients: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "millrace_api_live_clients", Help: "Clients of the live stream."}),
		liveSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "millrace_api_live_compute_seconds", Help: "Time to compute the live figures once.",
			Buckets: prometheus.ExponentialBuckets(0.001, 3, 9)}),
	}
	m.addIdentity()
	for _, c := range []prometheus.Collector{m.requestSeconds, m.accepted, m.rejected, m.bodyBytes, m.publishSeconds, m.liveClients, m.liveSeconds,
		m.links, m.linked, m.unresolved, m.identityFailures} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) addIdentity() {
	m.links = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "millrace_api_identity_links_total", Help: "Links asked for by identify and alias, by outcome; lost where Postgres was away."}, []string{"outcome"})
	m.linked = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "millrace_api_events_linked_total", Help: "Events whose id meant another user."})
	m.unresolved = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "millrace_api_events_unresolved_total", Help: "Events taken while Postgres did not say what their ids mean; some may lack their user."})
	m.identityFailures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "millrace_api_identity_failures_total", Help: "Questions about identities that failed, by kind."}, []string{"kind"})
}

// metricsHandler serves the registry in the format Prometheus asks for.
func (s *Server) metricsHandler() fiber.Handler {
	return adaptor.HTTPHandler(promhttp.HandlerFor(s.deps.Registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
}

func (m *metrics) observeRequest(route string, status int, took time.Duration) {
	m.requestSeconds.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

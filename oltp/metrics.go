package oltp

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the sync. Lag is computed when it is read, so that it keeps growing
// while a pass hangs.
type metrics struct {
	passes       prometheus.Counter
	failures     prometheus.Counter
	users        prometheus.Counter
	skippedUsers prometheus.Counter
	passSeconds  prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, lag func() time.Duration) (*metrics, error) {
	m := &metrics{
		passes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_oltp_sync_passes_total", Help: "Passes of the user statistics sync that were committed."}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_oltp_sync_failures_total", Help: "Passes of the user statistics sync that failed and will be repeated."}),
		users: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_oltp_sync_users_total", Help: "User rows read from ClickHouse and written to Postgres, unchanged ones included."}),
		skippedUsers: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_oltp_sync_skipped_users_total", Help: "User rows left out because Postgres cannot hold the id."}),
		passSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "millrace_oltp_sync_pass_seconds", Help: "Duration of one committed pass.",
			Buckets: prometheus.ExponentialBuckets(0.005, 3, 9)}),
	}
	lagGauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "millrace_oltp_sync_lag_seconds", Help: "Age of the sync's cursor: events stored before it are in user_stats.",
	}, func() float64 { return lag().Seconds() })
	for _, c := range []prometheus.Collector{m.passes, m.failures, m.users, m.skippedUsers, m.passSeconds, lagGauge} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// identityMetrics of the memory in front of identity_links.
type identityMetrics struct {
	recalled prometheus.Counter
	lookedUp prometheus.Counter
}

func newIdentityMetrics(reg prometheus.Registerer, i *Identities) (*identityMetrics, error) {
	m := &identityMetrics{
		recalled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_oltp_identities_recalled_total", Help: "Ids whose link, or its absence, was remembered."}),
		lookedUp: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_oltp_identities_looked_up_total", Help: "Ids that Postgres had to be asked about."}),
	}
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "millrace_oltp_identities_remembered", Help: "Ids remembered now.",
	}, func() float64 { return float64(i.cache.Len()) })
	listening := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "millrace_oltp_identities_listening", Help: "1 while links of other processes are heard of.",
	}, func() float64 {
		if i.listening.Load() {
			return 1
		}
		return 0
	})
	for _, c := range []prometheus.Collector{m.recalled, m.lookedUp, size, listening} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

package enrich

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	bots    prometheus.Counter
	skipped prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		bots: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_enrich_bots_total", Help: "Events flagged as sent by a program."}),
		skipped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_enrich_user_agents_skipped_total", Help: "Events whose user agent was not read because too many unknown ones came at once."}),
	}
	for _, c := range []prometheus.Collector{m.bots, m.skipped} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

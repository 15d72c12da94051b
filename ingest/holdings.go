package ingest

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// holdings tell the metrics what the partitions of a Consumer hold at the
// moment of asking.
type holdings struct {
	consumer                *Consumer
	lag, memory, budgetSize *prometheus.Desc
}

// newHoldings returns the collector of a Consumer.
func newHoldings(c *Consumer) *holdings {
	return &holdings{
		consumer: c,
		lag: prometheus.NewDesc("millrace_ingest_lag_seconds",
			"Age of the oldest record that this process has fetched and the store has not acknowledged, 0 for none, by partition.",
			[]string{"topic", "partition"}, nil),
		memory: prometheus.NewDesc("millrace_ingest_memory_bytes",
			"Memory that events take in this process: in queues, in blocks, and in the memories of repeats.", []string{"part"}, nil),
		budgetSize: prometheus.NewDesc("millrace_ingest_memory_budget_bytes",
			"What this process may have resident, whatever the backlog.", nil, nil),
	}
}

// Describe names the series.
func (h *holdings) Describe(out chan<- *prometheus.Desc) {
	out <- h.lag
	out <- h.memory
	out <- h.budgetSize
}

// Collect looks at every partition.
func (h *holdings) Collect(out chan<- prometheus.Metric) {
	now := time.Now().UnixMilli()
	var queues, blocks, repeats float64
	h.consumer.mu.Lock()
	for key, p := range h.consumer.partitions {
		queued, oldest := p.queue.holds()
		queues += float64(queued)
		repeats += float64(p.remembered.Load())
		for i := range p.both {
			blocks += float64(p.both[i].shownBytes.Load())
			oldest = earlier(oldest, p.both[i].shownOldest.Load())
		}
		lag := 0.0
		if oldest != 0 {
			lag = max(float64(now-oldest)/1000, 0)
		}
		out <- prometheus.MustNewConstMetric(h.lag, prometheus.GaugeValue, lag, key.topic, strconv.Itoa(int(key.partition)))
	}
	h.consumer.mu.Unlock()
	for part, bytes := range map[string]float64{"queues": queues, "blocks": blocks, "repeats": repeats} {
		out <- prometheus.MustNewConstMetric(h.memory, prometheus.GaugeValue, bytes, part)
	}
	out <- prometheus.MustNewConstMetric(h.budgetSize, prometheus.GaugeValue, float64(h.consumer.cfg.MaxMemory))
}

// earlier is the earlier of two times, of which 0 is none.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

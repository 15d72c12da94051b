package ingest

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"
)

// clientMetrics are the Kafka client's own. They leave reg with the client, so
// that the next membership can bring its own.
func clientMetrics(reg prometheus.Registerer, subsystem string) kgo.Opt {
	return kgo.WithHooks(kprom.NewMetrics("millrace", kprom.Subsystem(subsystem), kprom.Registerer(reg)))
}

// metrics are what an operator sees of the consumer.
type metrics struct {
	stored       *prometheus.CounterVec
	backfillHeld prometheus.Counter
	deadLetters  *prometheus.CounterVec
	duplicates   prometheus.Counter
	covered      *prometheus.GaugeVec
	batches      *prometheus.CounterVec
	batchRows    prometheus.Histogram
	batchBytes   prometheus.Histogram
	rejoins      prometheus.Counter
	writeSeconds prometheus.Histogram
	retries      *prometheus.CounterVec
	gaps         prometheus.Counter
	paused       prometheus.Gauge
	partitions   prometheus.Gauge
}

// newMetrics registers the consumer's metrics.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		stored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_ingest_events_stored_total",
			Help: "Events that the store has acknowledged, by topic.",
		}, []string{"topic"}),
		backfillHeld: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_ingest_backfill_held_seconds_total",
			Help: "Time in which a block of the backfill was ready and gave way to live traffic.",
		}),
		deadLetters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_ingest_dead_letters_total",
			Help: "Records that could not become events, by reason.",
		}, []string{"reason"}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_ingest_duplicates_total",
			Help: "Records left out because an event with their event_id is stored already.",
		}),
		covered: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "millrace_ingest_repeat_horizon_seconds",
			Help: "How far back repeats of an event_id are known, by partition.",
		}, []string{"topic", "partition"}),
		batches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_ingest_batches_total",
			Help: "Batches written, by what closed them: rows, bytes, memory, age, stop or takeover.",
		}, []string{"closed_by"}),
		batchRows: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "millrace_ingest_batch_rows",
			Help:    "Events in a written batch.",
			Buckets: prometheus.ExponentialBuckets(1, 10, 7),
		}),
		batchBytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "millrace_ingest_batch_bytes",
			Help:    "Bytes of the records in a written batch.",
			Buckets: prometheus.ExponentialBuckets(1<<10, 4, 9),
		}),
		rejoins: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_ingest_rejoins_total",
			Help: "Times that the group was joined anew because the outcome of a commit was unknown.",
		}),
		writeSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "millrace_ingest_write_seconds",
			Help:    "Time from sending a batch to its acknowledgement, of the attempt that succeeded.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_ingest_retries_total",
			Help: "Seals, writes and advances tried again after an error or an unknown outcome, by class of the error.",
		}, []string{"class"}),
		gaps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_ingest_gap_records_total",
			Help: "Offsets that retention or compaction took out of Kafka before they were stored.",
		}),
		paused: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "millrace_ingest_paused_partitions",
			Help: "Partitions whose fetching waits for the store.",
		}),
		partitions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "millrace_ingest_partitions",
			Help: "Partitions that this process owns.",
		}),
	}
	m.retries.WithLabelValues(classOf(nil)) // there from the beginning: an alert needs a series to look at
	reg.MustRegister(m.stored, m.backfillHeld, m.deadLetters, m.duplicates, m.covered, m.batches, m.batchRows, m.batchBytes, m.rejoins, m.writeSeconds, m.retries, m.gaps, m.paused, m.partitions)
	return m
}

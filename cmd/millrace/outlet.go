package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"millrace/ingest"
	"millrace/internal/client"
)

// parcel is one event on its way into Millrace.
type parcel struct {
	key         string
	value       []byte // the envelope; the outlet keeps it
	contentType string // of value; empty for JSON
	file        string // where it comes from, if from a file
	line        int64
}

// outlet sends events to one place. Send may wait for room; it gives up with
// its context. Flush returns when every event has its outcome.
type outlet interface {
	Send(context.Context, parcel) error
	Flush(context.Context) error
	// Stored returns when everything that was accepted can be queried.
	Stored(context.Context) error
	Close()
}

// tally counts what becomes of events. Its methods are safe for concurrent use.
type tally struct {
	sent     atomic.Int64
	accepted atomic.Int64
	refused  atomic.Int64 // by the API, each for a reason of its own
	failed   atomic.Int64 // no outcome, or an error
	onRefuse func(parcel, client.Rejected)

	mu    sync.Mutex
	first error // of those that failed
}

// fail notes that n events are not known to have arrived.
func (t *tally) fail(n int64, err error) {
	t.failed.Add(n)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == nil {
		t.first = err
	}
}

// err is the first failure.
func (t *tally) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first
}

// line says in words how it went.
func (t *tally) line() string {
	parts := []string{fmt.Sprintf("%d accepted", t.accepted.Load())}
	if n := t.refused.Load(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d refused", n))
	}
	return strings.Join(append(parts, fmt.Sprintf("%d failed", t.failed.Load())), ", ")
}

// outletOptions say where events go; produce and replay share them.
type outletOptions struct {
	kafka       []string
	topic       string
	backfill    bool
	history     string // the topic of --backfill
	group       string
	api         string
	apiKey      string
	compression string
}

func (o *outletOptions) register(flags *pflag.FlagSet) {
	defaults := ingest.DefaultConfig()
	flags.StringSliceVar(&o.kafka, "kafka", defaults.Brokers, "send to this Kafka, host:port,…")
	flags.StringVar(&o.topic, "topic", defaults.Topic, "Kafka topic that holds events")
	flags.BoolVar(&o.backfill, "backfill", false, "send to --backfill-topic: the events are stored behind live ones")
	flags.StringVar(&o.history, "backfill-topic", ingest.BackfillTopic, "Kafka topic that holds history, for --backfill")
	flags.StringVar(&o.api, "api", "", "send to the API at this URL instead, such as http://127.0.0.1:8080")
	flags.StringVar(&o.apiKey, "api-key", "", "key for --api")
	flags.StringVar(&o.compression, "compression", "zstd", "how bodies for --api are packed: zstd, gzip or none")
}

// clientConfig is the part that --api needs.
func (o *outletOptions) clientConfig() client.Config {
	cfg := client.DefaultConfig()
	cfg.URL, cfg.Key, cfg.Compression = o.api, o.apiKey, client.Compression(o.compression)
	return cfg
}

// validate reports every fault at once.
func (o *outletOptions) validate() error {
	if o.api != "" && o.backfill {
		return errors.New("--backfill: only Kafka has a topic of its own for it; leave --api or --backfill out")
	}
	if o.api != "" {
		return o.clientConfig().Validate()
	}
	var faults []error
	for _, broker := range o.kafka {
		if _, _, err := net.SplitHostPort(broker); err != nil {
			faults = append(faults, fmt.Errorf("--kafka: %q is not host:port, such as 127.0.0.1:9092", broker))
		}
	}
	cfg := ingest.DefaultProducerConfig()
	cfg.Brokers, cfg.Topic = o.kafka, o.target()
	return errors.Join(append(faults, cfg.Validate())...)
}

// target is the topic that events go to.
func (o *outletOptions) target() string {
	if o.backfill {
		return o.history
	}
	return o.topic
}

// place names where events go.
func (o *outletOptions) place() string {
	if o.api != "" {
		return o.api
	}
	return "Kafka at " + strings.Join(o.kafka, ",")
}

// The delivery of one record may take long while a broker restarts. After a
// stop, what is under way has stopGrace to arrive.
const (
	deliveryTimeout = 2 * time.Minute
	stopGrace       = 5 * time.Second
	reachTimeout    = 10 * time.Second
)

// open connects. An outlet is closed by its opener.
func (o *outletOptions) open(ctx context.Context, t *tally) (outlet, error) {
	if o.api != "" {
		return newAPIOutlet(ctx, o.clientConfig(), t)
	}
	return newKafkaOutlet(ctx, o, t)
}

// recordPublisher is what a Kafka outlet needs of a producer.
type recordPublisher interface {
	PublishAsync(ctx context.Context, record ingest.Record, done func(error))
	Flush(ctx context.Context) error
	Close()
}

// kafkaOutlet writes to the topic.
type kafkaOutlet struct {
	options  *outletOptions
	producer recordPublisher
	tally    *tally
	grace    context.Context // ends a little after the run's
	release  context.CancelFunc
}

// partitions of a topic that does not exist yet.
const defaultPartitions = 4

func newKafkaOutlet(ctx context.Context, o *outletOptions, t *tally) (*kafkaOutlet, error) {
	reach, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	if err := ingest.EnsureTopic(reach, o.kafka, o.target(), defaultPartitions); err != nil {
		return nil, fmt.Errorf("no answer from Kafka at %s; start one with `millrace up`, or name another with --kafka: %w", strings.Join(o.kafka, ","), err)
	}
	cfg := ingest.DefaultProducerConfig()
	cfg.Brokers, cfg.Topic, cfg.Timeout = o.kafka, o.target(), deliveryTimeout
	producer, err := ingest.NewProducer(cfg)
	if err != nil {
		return nil, err
	}
	return startKafkaOutlet(ctx, o, producer, t), nil
}

func startKafkaOutlet(ctx context.Context, o *outletOptions, producer recordPublisher, t *tally) *kafkaOutlet {
	k := &kafkaOutlet{options: o, producer: producer, tally: t}
	k.grace, k.release = withGrace(ctx, stopGrace)
	return k
}

// withGrace returns a context that ends a while after its parent: what is
// under way when somebody stops the command shall still get its outcome.
func withGrace(parent context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	var timer *time.Timer
	var mu sync.Mutex
	stop := context.AfterFunc(parent, func() {
		mu.Lock()
		defer mu.Unlock()
		timer = time.AfterFunc(grace, cancel)
	})
	return ctx, func() {
		stop()
		cancel()
		mu.Lock()
		defer mu.Unlock()
		if timer != nil {
			timer.Stop()
		}
	}
}

func (k *kafkaOutlet) Send(ctx context.Context, p parcel) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	k.tally.sent.Add(1)
	k.producer.PublishAsync(k.grace, ingest.Record{Key: []byte(p.key), Value: p.value, ContentType: p.contentType}, func(err error) {
		if err != nil {
			k.tally.fail(1, err)
		} else {
			k.tally.accepted.Add(1)
		}
	})
	return nil
}

func (k *kafkaOutlet) Flush(context.Context) error { return k.producer.Flush(k.grace) }

func (k *kafkaOutlet) Close() {
	k.release()
	k.producer.Close()
}

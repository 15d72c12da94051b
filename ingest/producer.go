package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is one event on its way into Kafka.
type Record struct {
	// Key decides the partition: the user, so that a user's events stay in order.
	Key []byte
	// Value is the event, as ContentType says.
	Value []byte
	// ContentType is [ContentTypeProtobuf], or empty for JSON.
	ContentType string
	// Timestamp is when the event was received; zero means now.
	Timestamp time.Time
}

// ProducerConfig says where records go and how long they may take.
type ProducerConfig struct {
	// Brokers are host:port addresses of the Kafka cluster; one is enough.
	Brokers []string
	// Topic receives the records.
	Topic string
	// Timeout bounds how long one record may wait for its acknowledgement. One
	// that failed by it may have been written.
	Timeout time.Duration
	// MaxBuffered bounds the records that wait in memory. At the bound
	// PublishAsync blocks, and so slows its caller down.
	MaxBuffered int
	// Registerer takes the client's metrics; nil for none.
	Registerer prometheus.Registerer
	// Options go to the Kafka client as they are, such as a dialer.
	Options []kgo.Opt
}

// DefaultProducerConfig writes to the topic `events` of a local broker.
func DefaultProducerConfig() ProducerConfig {
	return ProducerConfig{
		Brokers:     []string{"127.0.0.1:9092"},
		Topic:       "events",
		Timeout:     10 * time.Second,
		MaxBuffered: 50_000,
	}
}

// Validate reports every fault of the configuration at once.
func (c ProducerConfig) Validate() error {
	var faults []error
	if len(c.Brokers) == 0 {
		faults = append(faults, errors.New("kafka: no broker address; give at least one host:port"))
	}
	if c.Topic == "" {
		faults = append(faults, errors.New("topic: empty; name the topic that receives events"))
	}
	if c.Timeout < time.Second {
		faults = append(faults, fmt.Errorf("timeout: %v is too short for a broker; use at least 1s", c.Timeout))
	}
	if c.MaxBuffered <= 0 {
		faults = append(faults, fmt.Errorf("max buffered: %d is not positive", c.MaxBuffered))
	}
	return errors.Join(faults...)
}

// Producer writes records and reports each one only when all in-sync replicas
// hold it. It is safe for concurrent use.
type Producer struct {
	client *kgo.Client
}

// NewProducer connects lazily: a broker that is away shows on the first
// Publish, not here.
func NewProducer(cfg ProducerConfig) (*Producer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.DefaultProduceTopic(cfg.Topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.ProducerLinger(2 * time.Millisecond),
		kgo.RecordDeliveryTimeout(cfg.Timeout),
		// Without this a record that may have reached a broker has no timeout: who
		// waits for it would wait for as long as the broker is away. So a record
		// that failed may be on the topic all the same; sent again with its
		// event_id, it is known as a repeat.
		kgo.AllowIdempotentProduceCancellation(),
		kgo.MaxBufferedRecords(cfg.MaxBuffered),
	}
	if cfg.Registerer != nil {
		opts = append(opts, clientMetrics(cfg.Registerer, "kafka_producer"))
	}
	client, err := kgo.NewClient(append(opts, cfg.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka producer: %w", err)
	}
	return &Producer{client: client}, nil
}

// Publish writes the records and returns when all are acknowledged, or with
// the first error. After an error some of the records may have been written.
func (p *Producer) Publish(ctx context.Context, records []Record) error {
	batch := make([]*kgo.Record, len(records))
	for i, r := range records {
		batch[i] = r.kafka()
	}
	if err := p.client.ProduceSync(ctx, batch...).FirstErr(); err != nil {
		return fmt.Errorf("publish %d records: %w", len(records), err)
	}
	return nil
}

// PublishAsync queues one record and calls done when its outcome is known. It
// blocks while MaxBuffered records wait. The record's bytes must stay
// unchanged until done is called.
func (p *Producer) PublishAsync(ctx context.Context, record Record, done func(error)) {
	p.client.Produce(ctx, record.kafka(), func(_ *kgo.Record, err error) { done(err) })
}

// Flush returns when every queued record has its outcome, or ctx ends.
func (p *Producer) Flush(ctx context.Context) error { return p.client.Flush(ctx) }

// Close gives up what is still queued; Flush first.
func (p *Producer) Close() { p.client.Close() }

// kafka is the record as the client library wants it.
func (r Record) kafka() *kgo.Record {
	record := &kgo.Record{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
	if r.ContentType != "" {
		record.Headers = []kgo.RecordHeader{{Key: contentTypeHeader, Value: []byte(r.ContentType)}}
	}
	return record
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is one event on its way into Kafka.
type Record struct {
	// Key decides the partition: the user, so that a user's events stay in order.
	Key []byte
	// Value is the event's JSON envelope.
	Value []byte
	// Timestamp is when the event was received; zero means now.
	Timestamp time.Time
}

// ProducerConfig says where records go and how long they may take.
type ProducerConfig struct {
	// Brokers are host:port addresses of the Kafka cluster; one is enough.
	Brokers []string
	// Topic receives the records.
	Topic string
	// Timeout bounds how long one record may wait for its acknowledgement.
	Timeout time.Duration
	// MaxBuffered bounds the records that wait in memory. At the bound
	// PublishAsync blocks, and so slows its caller down.
	MaxBuffered int
	// Options go to the Kafka client as they are, such as metric hooks.
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
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.DefaultProduceTopic(cfg.Topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.ProducerLinger(2 * time.Millisecond),
		kgo.RecordDeliveryTimeout(cfg.Timeout),
		kgo.MaxBufferedRecords(cfg.MaxBuffered),
	}, cfg.Options...)...)
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
	return &kgo.Record{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
}

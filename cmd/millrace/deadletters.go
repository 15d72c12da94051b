package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/ingest"
	"millrace/internal/event"
)

// letterCopies is a Sink that writes each dead letter to a Kafka topic too, before
// the store has it. A letter may be there more than once: its key tells which.
type letterCopies struct {
	ingest.Sink
	client *kgo.Client
	topic  string
}

// newLetterCopies makes the topic where it does not exist.
func newLetterCopies(ctx context.Context, sink ingest.Sink, brokers []string, topic string, partitions int32) (*letterCopies, error) {
	if err := ingest.EnsureTopic(ctx, brokers, topic, partitions); err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.DefaultProduceTopic(topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.RecordDeliveryTimeout(10*time.Second),
	)
	if err != nil {
		return nil, fmt.Errorf("kafka producer of dead letters: %w", err)
	}
	return &letterCopies{Sink: sink, client: client, topic: topic}, nil
}

// openCopies connects to the topic for copies of dead letters, if there is one.
func (p *plant) openCopies(ctx context.Context, brokers []string) (err error) {
	if p.options.dead == "" || !p.options.runs(stageIngest) {
		return nil
	}
	p.copies, err = newLetterCopies(ctx, p.events.Writer(), brokers, p.options.dead, p.options.partitions)
	return err
}

// sink is where the ingest of this process stores what it has read.
func (p *plant) sink() ingest.Sink {
	if p.copies != nil {
		return p.copies
	}
	return p.events.Writer()
}

// WriteDeadLetters returns after the topic and the store have the letters.
func (c *letterCopies) WriteDeadLetters(ctx context.Context, letters []event.DeadLetter, token string) error {
	records := make([]*kgo.Record, len(letters))
	for i := range letters {
		records[i] = letterRecord(&letters[i])
	}
	for _, result := range c.client.ProduceSync(ctx, records...) {
		err := result.Err
		if errors.Is(err, kerr.MessageTooLarge) { // with its headers: the record itself fitted once
			err = c.client.ProduceSync(ctx, withoutPayload(result.Record)).FirstErr()
		}
		if err != nil {
			return fmt.Errorf("copy dead letters to topic %s: %w", c.topic, err)
		}
	}
	return c.Sink.WriteDeadLetters(ctx, letters, token)
}

func (c *letterCopies) close() { c.client.Close() }

// letterRecord is a letter in the form that other programs read: the payload as
// it came, and the rest in headers.
func letterRecord(l *event.DeadLetter) *kgo.Record {
	header := func(key, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: key, Value: []byte(value)} }
	partition, offset := strconv.Itoa(int(l.Partition)), strconv.FormatInt(l.Offset, 10)
	return &kgo.Record{
		Key: []byte(strings.Join([]string{l.Topic, partition, offset}, "/")), Value: l.Payload,
		Headers: []kgo.RecordHeader{
			header("reason", string(l.Reason)), header("field", l.Field), header("detail", l.Detail),
			header("source-topic", l.Topic), header("source-partition", partition), header("source-offset", offset),
			// Not the record's own time: the client counts its patience from that, and
			// would give an old one none.
			header("received-at", time.UnixMilli(l.ReceivedAt).UTC().Format(time.RFC3339Nano)),
		},
	}
}

func withoutPayload(r *kgo.Record) *kgo.Record {
	headers := append(r.Headers, kgo.RecordHeader{Key: "payload", Value: []byte("left out: too large for a record with these headers")})
	return &kgo.Record{Key: r.Key, Headers: headers}
}

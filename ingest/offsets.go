package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TopicLog tells which offsets a topic has, and how far a consumer group has
// come. It keeps nothing: every answer is the broker's. It is safe for
// concurrent use.
type TopicLog struct {
	brokers []string
	topic   string
	group   string
	client  *kgo.Client
	admin   *kadm.Client
}

// NewTopicLog connects lazily: a broker that is away shows in the first answer.
func NewTopicLog(brokers []string, topic, group string) (*TopicLog, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return nil, fmt.Errorf("kafka offsets: %w", err)
	}
	return &TopicLog{brokers: brokers, topic: topic, group: group, client: client, admin: kadm.NewClient(client)}, nil
}

// Topic is the topic's name.
func (l *TopicLog) Topic() string { return l.topic }

// Close closes the connections.
func (l *TopicLog) Close() { l.client.Close() }

// Bounds returns for each partition the first offset that the broker still has,
// the one that comes next, and the group's: everything before it is stored. A
// partition without a committed offset is absent from stored.
func (l *TopicLog) Bounds(ctx context.Context) (starts, stored, ends map[int32]int64, err error) {
	// The group first: it is never found ahead of the log.
	fetched, err := l.admin.FetchOffsetsForTopics(ctx, l.group, l.topic)
	if err == nil {
		err = fetched.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) { // nobody has joined it yet: nothing is committed
		fetched, err = kadm.OffsetResponses{}, nil
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("fetch offsets of group %s: %w", l.group, err)
	}
	stored = map[int32]int64{}
	fetched.Each(func(o kadm.OffsetResponse) {
		if o.At >= 0 {
			stored[o.Partition] = o.At
		}
	})
	if starts, err = l.listed(l.admin.ListStartOffsets(ctx, l.topic)); err != nil {
		return nil, nil, nil, err
	}
	ends, err = l.listed(l.admin.ListEndOffsets(ctx, l.topic))
	return starts, stored, ends, err
}

// OffsetsAt returns for each partition the first offset whose record has a
// timestamp of at or later, and the end where there is none.
func (l *TopicLog) OffsetsAt(ctx context.Context, at time.Time) (map[int32]int64, error) {
	return l.listed(l.admin.ListOffsetsAfterMilli(ctx, at.UnixMilli(), l.topic))
}

func (l *TopicLog) listed(offsets kadm.ListedOffsets, err error) (map[int32]int64, error) {
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list offsets of %s: %w", l.topic, err)
	}
	byPartition := map[int32]int64{}
	offsets.Each(func(o kadm.ListedOffset) { byPartition[o.Partition] = o.Offset })
	return byPartition, nil
}

// Read calls each with what the broker has at the offsets [first, last] of a
// partition, in their order: a record, or one of Kafka's own markers of
// transactions. Offsets that hold neither were compacted away. It reads the
// range whole, so it is meant for small ones.
func (l *TopicLog) Read(ctx context.Context, partition int32, first, last int64, each func(offset int64, marker bool)) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(l.brokers...),
		kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.topic: {partition: kgo.NewOffset().At(first)}}),
	)
	if err != nil {
		return fmt.Errorf("read %s/%d: %w", l.topic, partition, err)
	}
	defer client.Close()
	for next := first; next <= last; {
		fetches := client.PollFetches(ctx)
		if err := errors.Join(ctx.Err(), fetches.Err()); err != nil {
			return fmt.Errorf("read %s/%d at offset %d: %w", l.topic, partition, next, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset >= next && r.Offset <= last {
				each(r.Offset, r.Attrs.IsControl())
			}
			next = max(next, r.Offset+1)
		})
	}
	return nil
}

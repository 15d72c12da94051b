package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BackfillTopic is the usual name of the topic whose records are stored behind
// live traffic.
const BackfillTopic = "events.backfill"

// EnsureTopic creates the topic where it does not exist yet. An existing
// topic is left as it is, whatever its number of partitions: changing it would
// move users between partitions.
func EnsureTopic(ctx context.Context, brokers []string, topic string, partitions int32) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	defer client.Close()
	const brokerDefault = -1 // replication factor: the broker's own default
	_, err = kadm.NewClient(client).CreateTopic(ctx, partitions, brokerDefault, nil, topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	return nil
}

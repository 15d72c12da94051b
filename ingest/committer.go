package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errFenced says that the group has moved on without this member: somebody
// else owns, or will own, the partition. What is unsealed must not be written.
var errFenced = errors.New("this member is no longer part of the group")

// position is what is committed for a partition: everything before offset is
// stored, and metadata seals the block that begins there, if it is not empty.
type position struct {
	key      partitionKey
	offset   int64
	epoch    int32
	metadata string
}

// committer sends commits to the group. Requests that arrive while one is
// under way share the next one, so that many partitions cost few requests.
type committer struct {
	// send commits all positions with one request and returns an error per
	// partition; it is a field so that tests need no broker.
	send func(context.Context, []position) map[partitionKey]error
	// requests has no capacity: who commits waits anyway, and a partition has
	// at most one request.
	requests chan commitRequest
}

// commitRequest is a position and the place for its outcome.
type commitRequest struct {
	position
	outcome chan error // capacity 1, so that the committer never waits
}

// newCommitter returns a committer that sends with send.
func newCommitter(send func(context.Context, []position) map[partitionKey]error) *committer {
	return &committer{send: send, requests: make(chan commitRequest)}
}

// run serves requests until ctx ends.
func (c *committer) run(ctx context.Context) {
	for {
		var pending []commitRequest
		select {
		case <-ctx.Done():
			return
		case first := <-c.requests:
			pending = c.collect(append(pending, first))
		}
		positions := make([]position, len(pending))
		for i, r := range pending {
			positions[i] = r.position
		}
		outcomes := c.send(ctx, positions)
		for _, r := range pending {
			r.outcome <- outcomes[r.key]
		}
	}
}

// collect takes what else is waiting at this moment.
func (c *committer) collect(pending []commitRequest) []commitRequest {
	for {
		select {
		case r := <-c.requests:
			pending = append(pending, r)
		default:
			return pending
		}
	}
}

// commit returns when the group has the position, or with errFenced, or with
// an error after which the same commit can be tried again.
func (c *committer) commit(ctx context.Context, p position) error {
	r := commitRequest{position: p, outcome: make(chan error, 1)}
	select {
	case c.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.outcome:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitWith sends positions as a member of the client's group. The broker
// refuses a member of an earlier generation, which is what fences zombies.
func commitWith(client *kgo.Client) func(context.Context, []position) map[partitionKey]error {
	return func(ctx context.Context, positions []position) map[partitionKey]error {
		offsets := map[string]map[int32]kgo.EpochOffset{}
		metadata := map[partitionKey]string{}
		for _, p := range positions {
			if offsets[p.key.topic] == nil {
				offsets[p.key.topic] = map[int32]kgo.EpochOffset{}
			}
			offsets[p.key.topic][p.key.partition] = kgo.EpochOffset{Epoch: p.epoch, Offset: p.offset}
			metadata[p.key] = p.metadata
		}
		ctx = kgo.PreCommitFnContext(ctx, func(request *kmsg.OffsetCommitRequest) error {
			return attach(request, metadata)
		})
		outcomes := map[partitionKey]error{}
		client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
			for _, p := range positions {
				outcomes[p.key] = commitOutcome(response, p.key, err)
			}
		})
		return outcomes
	}
}

// attach puts the metadata into the request.
func attach(request *kmsg.OffsetCommitRequest, metadata map[partitionKey]string) error {
	for i := range request.Topics {
		topic := &request.Topics[i]
		for j := range topic.Partitions {
			text, known := metadata[partitionKey{topic.Topic, topic.Partitions[j].Partition}]
			if !known {
				return fmt.Errorf("commit for %s/%d that nobody asked for", topic.Topic, topic.Partitions[j].Partition)
			}
			topic.Partitions[j].Metadata = &text
		}
	}
	return nil
}

// commitOutcome finds the partition's outcome. A partition that the broker
// does not answer for is one that the client has dropped as no longer owned.
func commitOutcome(response *kmsg.OffsetCommitResponse, key partitionKey, err error) error {
	if err != nil {
		return asFenced(err)
	}
	for _, topic := range response.Topics {
		for _, p := range topic.Partitions {
			if topic.Topic == key.topic && p.Partition == key.partition {
				return asFenced(kerr.ErrorForCode(p.ErrorCode))
			}
		}
	}
	return fmt.Errorf("%w: no answer for %s/%d", errFenced, key.topic, key.partition)
}

// asFenced marks the errors that mean that another generation rules.
func asFenced(err error) error {
	for _, fence := range []error{kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.FencedMemberEpoch, kerr.StaleMemberEpoch} {
		if errors.Is(err, fence) {
			return fmt.Errorf("%w: %w", errFenced, err)
		}
	}
	return err
}

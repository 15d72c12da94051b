package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errFenced says that the group has moved on. Either without this member: then
// somebody else owns, or will own, the partition, and the client is about to end
// it here. Or with it, and the next commit carries the new generation: a member
// that keeps a partition over a rebalance may meet that with a commit under
// way. So the commit is tried again as long as the partition is not ended; what
// is unsealed is not written meanwhile.
var errFenced = errors.New("refused to a generation that the group has left behind")

// position is what is committed for a partition: everything before offset is
// stored, and metadata seals the block that begins there, if it is not empty.
type position struct {
	key      partitionKey
	offset   int64
	epoch    int32
	metadata string
	member   string          // the member id under which the group gave us the partition
	owned    context.Context // ends with the partition's time here; set by commit
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
	// uncertain is called once, when the outcome of a commit is unknown.
	uncertain func()
}

// commitRequest is a position and the place for its outcome.
type commitRequest struct {
	position
	outcome chan error // capacity 1, so that the committer never waits
}

// newCommitter returns a committer that sends with send.
func newCommitter(send func(context.Context, []position) map[partitionKey]error, uncertain func()) *committer {
	return &committer{send: send, requests: make(chan commitRequest), uncertain: uncertain}
}

// run serves requests until ctx ends.
//
// After a commit whose outcome is unknown it sends no more: the lost one may
// still be on its way, on another connection, and would undo whatever is
// committed after it. Only a new generation of the group makes the broker
// refuse it, so the membership has to begin anew.
func (c *committer) run(ctx context.Context) {
	var lost error
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
		outcomes := map[partitionKey]error{}
		if lost == nil {
			outcomes = c.send(ctx, positions)
		}
		for _, r := range pending {
			if err := outcomes[r.key]; lost == nil && errors.Is(err, errUncertain) {
				lost = fmt.Errorf("%w: %w", errFenced, err)
				c.uncertain()
			}
		}
		for _, r := range pending {
			if lost != nil {
				r.outcome <- lost
			} else {
				r.outcome <- outcomes[r.key]
			}
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
	p.owned = ctx
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

// errUncertain says that nobody knows whether the broker has taken a commit, or
// will: its connection ended before the answer.
var errUncertain = errors.New("the outcome of a commit is unknown")

// errNotOurs says that a partition was given up before its commit was sent.
var errNotOurs = errors.New("the partition was given up meanwhile")

// groupCommits sends commits as a member of the client's group. It does not use
// the client's own commits, because these are repeated in silence when their
// connection ends. The broker refuses a member of an earlier generation, which
// is what fences zombies. It is used by one goroutine.
type groupCommits struct {
	client *kgo.Client
	group  string
	topics []string

	coordinator int32 // -1 for unknown
	topicIDs    map[string][16]byte
}

// send commits all positions with one request, which is sent once.
func (g *groupCommits) send(ctx context.Context, positions []position) map[partitionKey]error {
	response, err := g.request(ctx, positions)
	outcomes := map[partitionKey]error{}
	for _, p := range positions {
		if outcomes[p.key] = err; err == nil {
			outcomes[p.key] = g.outcome(response, p.key)
		}
		for _, moved := range []error{kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.UnknownTopicID} {
			if errors.Is(outcomes[p.key], moved) {
				g.coordinator = -1
			}
		}
	}
	return outcomes
}

func (g *groupCommits) request(ctx context.Context, positions []position) (*kmsg.OffsetCommitResponse, error) {
	if err := g.locate(ctx); err != nil {
		return nil, err
	}
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group = g.group
	request.MemberID, request.Generation = g.client.GroupMetadata()
	if request.MemberID == "" || request.Generation < 0 { // the broker would take it for an outsider's
		return nil, fmt.Errorf("%w: not a member now", errFenced)
	}
	for _, name := range g.topics {
		if topic := g.commitsOf(name, positions, request.MemberID); len(topic.Partitions) > 0 {
			request.Topics = append(request.Topics, topic)
		}
	}
	if len(request.Topics) == 0 {
		return nil, errNotOurs
	}
	answer, err := g.client.Broker(int(g.coordinator)).Request(ctx, request)
	if err != nil {
		g.coordinator = -1
		return nil, asUncertain(err)
	}
	response, ok := answer.(*kmsg.OffsetCommitResponse)
	if !ok {
		return nil, fmt.Errorf("%w: got a %T", errUncertain, answer)
	}
	return response, nil
}

// commitsOf are the positions in one topic that may be committed as a member.
func (g *groupCommits) commitsOf(name string, positions []position, member string) kmsg.OffsetCommitRequestTopic {
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = name, g.topicIDs[name]
	for _, p := range positions {
		// Asked after the generation was read: what is ours in this generation
		// may be committed in it, and a later one would refuse it. What was given
		// to another member id is not ours: the group has put that member out,
		// and the client, which joins anew by itself, may take a while to say so.
		if p.key.topic != name || p.owned.Err() != nil || p.member != member {
			continue
		}
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Partition, partition.Offset, partition.LeaderEpoch, partition.Metadata = p.key.partition, p.offset, p.epoch, &p.metadata
		topic.Partitions = append(topic.Partitions, partition)
	}
	return topic
}

// locate finds the group's coordinator and the topics' ids, where not known.
func (g *groupCommits) locate(ctx context.Context) error {
	if g.coordinator >= 0 {
		return nil
	}
	admin := kadm.NewClient(g.client)
	topics, err := admin.ListTopics(ctx, g.topics...)
	if err != nil {
		return fmt.Errorf("look up the topics %v: %w", g.topics, err)
	}
	found := admin.FindGroupCoordinators(ctx, g.group)
	if err := found.Error(); err != nil {
		return fmt.Errorf("find the coordinator of %s: %w", g.group, err)
	}
	g.topicIDs = map[string][16]byte{}
	for name, topic := range topics { // one that is missing keeps the other from nothing
		g.topicIDs[name] = topic.ID
	}
	g.coordinator = found[g.group].NodeID
	return nil
}

// asUncertain marks what may have been sent. A connection that was never made
// has carried nothing.
func asUncertain(err error) error {
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "dial" {
		return err
	}
	return fmt.Errorf("%w: %w", errUncertain, err)
}

// outcome finds the partition's outcome. A broker that has timed out waiting
// for its replicas may still take the commit.
func (g *groupCommits) outcome(response *kmsg.OffsetCommitResponse, key partitionKey) error {
	for _, topic := range response.Topics { // named by their ids from version 10 on
		named := topic.Topic == key.topic || topic.Topic == "" && topic.TopicID == g.topicIDs[key.topic]
		for _, p := range topic.Partitions {
			if !named || p.Partition != key.partition {
				continue
			}
			err := kerr.ErrorForCode(p.ErrorCode)
			if errors.Is(err, kerr.RequestTimedOut) {
				return fmt.Errorf("%w: %w", errUncertain, err)
			}
			return asFenced(err)
		}
	}
	return fmt.Errorf("%w: %s/%d", errNotOurs, key.topic, key.partition)
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

package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A commit whose answer is lost may arrive late, and undo what was committed
// after it. So nothing is, until the group has a new generation.
func TestNothingIsCommittedAfterAnUnknownOutcome(t *testing.T) {
	sent, restarts := 0, make(chan struct{}, 2)
	c := newCommitter(func(_ context.Context, positions []position) map[partitionKey]error {
		sent++ // the committer's goroutine only; read after it has ended
		return map[partitionKey]error{positions[0].key: fmt.Errorf("%w: reset", errUncertain)}
	}, func() { restarts <- struct{}{} })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.run(ctx)
	}()
	for range 3 {
		if err := c.commit(t.Context(), position{key: partitionKey{"events", 0}}); !errors.Is(err, errFenced) {
			t.Errorf("got %v, want a refusal", err)
		}
	}
	stop()
	<-ended
	if sent != 1 || len(restarts) != 1 {
		t.Errorf("sent %d commits and began %d memberships anew, want 1 and 1", sent, len(restarts))
	}
}

// A connection that was never made has carried nothing.
func TestOnlyWhatMayHaveBeenSentIsUncertain(t *testing.T) {
	refused := fmt.Errorf("unable to dial: %w", &net.OpError{Op: "dial", Err: errors.New("connection refused")})
	if errors.Is(asUncertain(refused), errUncertain) {
		t.Errorf("%v counts as sent", refused)
	}
	reset := fmt.Errorf("read: %w", &net.OpError{Op: "read", Err: errors.New("connection reset")})
	if !errors.Is(asUncertain(reset), errUncertain) {
		t.Errorf("%v counts as not sent", reset)
	}
}

// A member that keeps its partition over a rebalance may have a commit under
// way that carries the generation before. The partition goes on.
func TestACommitOfTheGenerationBeforeIsTriedAgain(t *testing.T) {
	cfg := testConfig([]string{"unused"})
	sink := newRecorder()
	refusals := 2
	p, _ := loosePartition(t, cfg, sink, func(context.Context, []position) map[partitionKey]error {
		if refusals--; refusals >= 0 {
			return map[partitionKey]error{{"events", 0}: asFenced(kerr.IllegalGeneration)}
		}
		return nil
	})
	p.start(beginning{0, seal{last: noSeal}, -1})
	p.queue.put([]*kgo.Record{{Topic: "events", Value: record("a", 1).Value, Timestamp: time.Now()}})
	sink.await(t, "the row", func() bool { return len(sink.rows) == 1 })
	p.stop(time.Second)
}

// The broker takes a commit, and its answer is lost with the connection: the
// member joins anew, and every record is stored once.
func TestALostAnswerBeginsANewMembership(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	var joins atomic.Int32
	cluster.ControlKey(int16(kmsg.JoinGroup), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if request.(*kmsg.JoinGroupRequest).MemberID == "" {
			joins.Add(1)
		}
		return nil, nil, false
	})
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("the connection breaks"), true
	})
	cfg := testConfig(cluster.ListenAddrs())
	var records []Record
	for n := range 100 {
		records = append(records, record(fmt.Sprintf("u%d", n), n))
	}
	publish(t, cfg.Brokers, records...)
	sink := newRecorder()
	stop := consume(t, cfg, sink)
	sink.await(t, "100 rows", func() bool { return len(sink.rows) >= 100 })
	stop()
	if got := len(sink.rows); got != 100 {
		t.Errorf("stored %d rows, want 100", got)
	}
	if got := joins.Load(); got < 2 {
		t.Errorf("joined the group %d times as a new member, want twice", got)
	}
}

// A member that slept past its session is put out of the group, and its client
// joins anew by itself: for a moment it holds a new generation and partitions
// that are somebody else's by now. Those must not be committed.
func TestNothingIsCommittedForAMembershipThatIsOver(t *testing.T) {
	g := groupCommits{}
	kept := position{key: partitionKey{"events", 1}, member: "second", owned: t.Context()}
	over := position{key: partitionKey{"events", 0}, member: "first", owned: t.Context()}
	got := g.commitsOf("events", []position{over, kept}, "second")
	if len(got.Partitions) != 1 || got.Partitions[0].Partition != 1 {
		t.Errorf("commits %v, want partition 1 alone", got.Partitions)
	}
}

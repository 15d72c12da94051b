package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"millrace/internal/event"
)

// cluster starts a broker whose answers a test may change.
func cluster(t *testing.T, partitions int32) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "events"))
	if err != nil {
		t.Fatalf("start broker: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// admin is a client for what the group and the topic have.
func admin(t *testing.T, cfg Config) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// leaveGroupAt sets the group's offset of partitions, as nobody's member.
func leaveGroupAt(t *testing.T, cfg Config, at ...kadm.Offset) {
	t.Helper()
	offsets := kadm.Offsets{}
	for _, o := range at {
		o.Topic = "events"
		offsets.Add(o)
	}
	answers, err := admin(t, cfg).CommitOffsets(t.Context(), cfg.Group, offsets)
	if err := errors.Join(err, answers.Error()); err != nil {
		t.Fatal(err)
	}
}

// someRecords are n different records, which one partition keeps in order.
func someRecords(user string, n int) (records []Record) {
	for i := range n {
		records = append(records, record(user, i))
	}
	return records
}

// storedOffsets are those of a partition, in the order in which they came.
func (r *recorder) storedOffsets(partition int32) (offsets []int64) {
	for _, row := range r.rows {
		if row.partition == partition {
			offsets = append(offsets, row.offset)
		}
	}
	return offsets
}

// from are the offsets [first, end).
func from(first, end int64) (offsets []int64) {
	for o := first; o < end; o++ {
		offsets = append(offsets, o)
	}
	return offsets
}

// A broker that has lost the end of its log, which the group had committed, gives
// the same offsets to other records. These are stored, whether they come before
// the owner or after it.
func TestALogThatEndsBelowTheCommittedOffset(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			cfg := testConfig(broker(t, 1))
			publish(t, cfg.Brokers, someRecords("old", 50)...)
			leaveGroupAt(t, cfg, kadm.Offset{At: 100, LeaderEpoch: -1})
			sink := newRecorder()
			first := int64(50)
			if when == "before" {
				publish(t, cfg.Brokers, someRecords("new", 30)...)
				first = 80 // nobody can tell the 30 from those which were lost
			}
			consumer := newTestConsumer(t, cfg, sink)
			stop := runConsumer(t, consumer)
			eventually(t, "a partition", func() bool {
				consumer.mu.Lock()
				defer consumer.mu.Unlock()
				return len(consumer.partitions) > 0
			})
			publish(t, cfg.Brokers, someRecords("new", 60)...)
			sink.await(t, "the new records", func() bool { return len(sink.rows) >= 60 })
			stop()
			if got := sink.storedOffsets(0); !slices.Equal(got, from(first, first+60)) {
				t.Errorf("stored %v", got)
			}
			if got := committed(t, cfg)[0]; got != first+60 {
				t.Errorf("committed %d, want %d", got, first+60)
			}
		})
	}
}

// How often an answer is given.
const (
	once   = false
	always = true
)

// answerEpochs lets the broker answer so where the epochs of partition 0 end.
func answerEpochs(c *kfake.Cluster, with kmsg.OffsetForLeaderEpochResponseTopicPartition, often bool) {
	c.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		if often == always {
			c.KeepControl()
		}
		answer := request.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
		topic.Topic = "events"
		topic.Partitions = append(topic.Partitions, with)
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	})
}

// A log that has grown past the committed offset again shows by its epochs that
// it is another one.
func TestALogThatWasCutAndHasGrownAgain(t *testing.T) {
	c := cluster(t, 1)
	cfg := testConfig(c.ListenAddrs())
	publish(t, cfg.Brokers, someRecords("u", 130)...)
	leaveGroupAt(t, cfg, kadm.Offset{At: 100, LeaderEpoch: 0, Metadata: seal{last: 110, at: 1}.metadata()})
	answerEpochs(c, kmsg.OffsetForLeaderEpochResponseTopicPartition{LeaderEpoch: 0, EndOffset: 50}, always)
	sink := newRecorder()
	stop := consume(t, cfg, sink)
	sink.await(t, "what the group had not seen", func() bool { return len(sink.rows) >= 80 })
	stop()
	if got := sink.storedOffsets(0); !slices.Equal(got, from(50, 130)) {
		t.Errorf("stored %v", got)
	}
}

// A leader that has been replaced, and does not know it yet, has an end of its
// own and knows nothing of the epoch: what is stored is not stored again.
func TestAnAnswerOfAFormerLeader(t *testing.T) {
	c := cluster(t, 1)
	cfg := testConfig(c.ListenAddrs())
	publish(t, cfg.Brokers, someRecords("u", 130)...)
	leaveGroupAt(t, cfg, kadm.Offset{At: 100, LeaderEpoch: 3})
	answerEpochs(c, kmsg.OffsetForLeaderEpochResponseTopicPartition{LeaderEpoch: -1, EndOffset: -1}, always)
	c.ControlKey(int16(kmsg.ListOffsets), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		answer := request.ResponseKind().(*kmsg.ListOffsetsResponse)
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = "events"
		partition := kmsg.NewListOffsetsResponseTopicPartition()
		partition.Offset, partition.LeaderEpoch = 50, 2
		topic.Partitions = append(topic.Partitions, partition)
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	})
	sink := newRecorder()
	stop := consume(t, cfg, sink)
	sink.await(t, "what is left", func() bool { return len(sink.rows) >= 30 })
	stop()
	if got := sink.storedOffsets(0); !slices.Equal(got, from(100, 130)) {
		t.Errorf("stored %v", got)
	}
}

// A sealed range that was cut while nobody could say so has other records behind
// the cut. The store knows the token, and would drop them.
func TestASealedRangeOfOtherRecords(t *testing.T) {
	c := cluster(t, 1)
	cfg := testConfig(c.ListenAddrs())
	publish(t, cfg.Brokers, someRecords("old", 2)...)
	if err := c.MoveTopicPartition("events", 0, 0); err != nil { // which begins an epoch
		t.Fatal(err)
	}
	publish(t, cfg.Brokers, someRecords("new", 2)...)
	leaveGroupAt(t, cfg, kadm.Offset{At: 0, LeaderEpoch: 0, Metadata: seal{last: 3, at: 7}.metadata()})
	answerEpochs(c, kmsg.OffsetForLeaderEpochResponseTopicPartition{ErrorCode: kerr.OffsetNotAvailable.Code}, once)
	sink := newRecorder()
	sink.tokens["millrace-ingest/events/0/0-3"] = 4 // what the earlier owner has stored
	sink.sealed["millrace-ingest/events/0/0-3"] = 7
	stop := consume(t, cfg, sink)
	sink.await(t, "the records behind the cut", func() bool { return slices.Contains(sink.storedOffsets(0), 3) })
	stop()
	if !slices.Contains(sink.storedOffsets(0), 2) || slices.Contains(sink.sent, "millrace-ingest/events/0/0-3") {
		t.Errorf("stored %v as %v", sink.storedOffsets(0), sink.sent)
	}
}

// What is left of a sealed range of which the broker has nothing any more says
// nothing of an epoch: the offset behind it is not taken for one of the first.
func TestASealedRangeOfNoRecords(t *testing.T) {
	sink := newRecorder()
	var epochs []int32
	p, stopCommits := loosePartition(t, testConfig([]string{"unused"}), sink, func(_ context.Context, positions []position) map[partitionKey]error {
		epochs = append(epochs, positions[0].epoch)
		return nil
	})
	p.start(beginning{100, seal{last: 110, at: 7, epoch: 3}, 3})
	p.queue.put([]*kgo.Record{{Topic: "events", Offset: 120, LeaderEpoch: 3, Value: record("a", 1).Value, Timestamp: time.Now()}})
	sink.await(t, "the next row", func() bool { return len(sink.rows) == 1 })
	p.stop(time.Second)
	stopCommits()
	if len(epochs) == 0 || slices.Contains(epochs, 0) {
		t.Errorf("committed with the epochs %v", epochs)
	}
}

// A log that goes back while its partition is read ends the membership, so that
// the partition is taken over where the log is now.
func TestALogThatGoesBack(t *testing.T) {
	cfg := testConfig([]string{"unused"})
	cfg.MaxAge = time.Hour
	sink := newRecorder()
	p, _ := loosePartition(t, cfg, sink, func(context.Context, []position) map[partitionKey]error { return nil })
	var rejoined atomic.Bool
	p.rejoin = func() { rejoined.Store(true) }
	p.start(beginning{7, seal{last: noSeal}, -1})
	for _, offset := range []int64{7, 8, 5} {
		p.queue.put([]*kgo.Record{{Topic: "events", Offset: offset, Value: record("a", 1).Value, Timestamp: time.Now()}})
	}
	eventually(t, "the membership ends", rejoined.Load)
	p.abandonNow()
	if len(sink.rows) > 0 {
		t.Errorf("stored %v", sink.rows)
	}
}

// One partition without a leader keeps no other from being stored, whether its
// broker says so itself or the others do.
func TestAPartitionWithoutALeaderHoldsNoOtherUp(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *kfake.Cluster, int64){"offsets": noOffsets, "metadata": noLeader} {
		t.Run(name, func(t *testing.T) {
			c := cluster(t, 2)
			cfg := testConfig(c.ListenAddrs())
			var here []Record
			for n := 0; len(here) < 20; n++ {
				if r := record(fmt.Sprintf("u%d", n), n); partitionOf(r.Key, 2) == 0 {
					here = append(here, r)
				}
			}
			publish(t, cfg.Brokers, here...)
			leaveGroupAt(t, cfg, kadm.Offset{Partition: 0, At: 0, LeaderEpoch: 0}, kadm.Offset{Partition: 1, At: 0, LeaderEpoch: 0})
			change(t, c, int64(len(here)))
			sink := newRecorder()
			stop := consume(t, cfg, sink)
			sink.await(t, "the other partition", func() bool { return len(sink.rows) >= len(here) })
			stop()
		})
	}
}

// noOffsets lets the broker not say what partition 1 has; partition 0 has records.
func noOffsets(_ *testing.T, c *kfake.Cluster, records int64) {
	c.ControlKey(int16(kmsg.ListOffsets), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked := request.(*kmsg.ListOffsetsRequest)
		answer := asked.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, in := range asked.Topics {
			topic := kmsg.NewListOffsetsResponseTopic()
			topic.Topic = in.Topic
			for _, p := range in.Partitions {
				partition := kmsg.NewListOffsetsResponseTopicPartition()
				if partition.Partition, partition.Offset = p.Partition, records; p.Partition == 1 {
					partition.ErrorCode = kerr.OffsetNotAvailable.Code
				}
				topic.Partitions = append(topic.Partitions, partition)
			}
			answer.Topics = append(answer.Topics, topic)
		}
		return answer, nil, true
	})
}

// noLeader lets the broker say that partition 1 has no leader.
func noLeader(t *testing.T, c *kfake.Cluster, _ int64) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request, topic := kmsg.NewPtrMetadataRequest(), kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr("events")
	request.Topics = append(request.Topics, topic)
	metadata, err := request.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	for i := range metadata.Topics[0].Partitions {
		if p := &metadata.Topics[0].Partitions[i]; p.Partition == 1 {
			p.Leader, p.ErrorCode = -1, kerr.LeaderNotAvailable.Code
		}
	}
	c.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		answer := request.ResponseKind().(*kmsg.MetadataResponse)
		version := answer.Version
		*answer = *metadata
		answer.Version = version
		return answer, nil, true
	})
}

// Sealed ranges that retention has removed are in nobody's way: the few large
// blocks are for those which can be built.
func TestSealedRangesThatAreGone(t *testing.T) {
	const partitions = 8
	cfg := testConfig(broker(t, partitions))
	var records []Record
	var sealed []kadm.Offset
	gone := kadm.Offsets{}
	counts := map[int32]int64{}
	for n := range 800 {
		r := record(fmt.Sprintf("u%d", n%97), n)
		records = append(records, r)
		counts[int32(partitionOf(r.Key, partitions))]++
	}
	publish(t, cfg.Brokers, records...)
	for p := range int32(partitions) {
		sealed = append(sealed, kadm.Offset{Partition: p, At: 0, LeaderEpoch: -1, Metadata: seal{last: counts[p] - 1, at: 1}.metadata()})
		if p != 5 {
			gone.AddOffset("events", p, counts[p], -1)
		}
	}
	leaveGroupAt(t, cfg, sealed...)
	if _, err := admin(t, cfg).DeleteRecords(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	sink := newRecorder()
	stop := consume(t, cfg, sink)
	sink.await(t, "the sealed block that is there", func() bool { return int64(len(sink.rows)) >= counts[5] })
	stop()
	if want := fmt.Sprintf("millrace-ingest/events/5/0-%d", counts[5]-1); sink.tokens[want] == 0 {
		t.Errorf("want one block %s, got %v", want, sink.tokens)
	}
}

// An answer that lacks a partition is no answer about its seal: the sealed block
// is rebuilt, and not stored again under another token.
func TestASealThatIsMissingFromAnAnswer(t *testing.T) {
	c := cluster(t, 1)
	cfg := testConfig(c.ListenAddrs())
	publish(t, cfg.Brokers, someRecords("u", 3)...)
	leaveGroupAt(t, cfg, kadm.Offset{At: 0, LeaderEpoch: -1, Metadata: seal{last: 2, at: 1}.metadata()})
	var left atomic.Int32
	left.Store(2)
	c.ControlKey(int16(kmsg.OffsetFetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked := request.(*kmsg.OffsetFetchRequest)
		if len(asked.Groups) != 1 || asked.Groups[0].Topics != nil || left.Add(-1) < 0 {
			return nil, nil, false
		}
		answer := asked.ResponseKind().(*kmsg.OffsetFetchResponse)
		group := kmsg.NewOffsetFetchResponseGroup()
		group.Group = asked.Groups[0].Group
		answer.Groups = append(answer.Groups, group)
		return answer, nil, true
	})
	sink := newRecorder()
	sink.tokens["millrace-ingest/events/0/0-2"] = 3 // what an earlier owner has stored
	sink.sealed["millrace-ingest/events/0/0-2"] = 1
	stop := consume(t, cfg, sink)
	publish(t, cfg.Brokers, record("u", 4))
	sink.await(t, "the new record", func() bool { return len(sink.rows) >= 1 })
	stop()
	if got := sink.storedOffsets(0); !slices.Equal(got, []int64{3}) || left.Load() >= 0 {
		t.Errorf("stored %v, %d answers left", got, left.Load())
	}
}

// What is written beside the rows is tried again whatever the store says: there
// is nobody else to tell.
func TestARefusedDeadLetterIsTriedAgain(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	publish(t, cfg.Brokers, Record{Key: []byte("u"), Value: []byte("{")}, record("u", 1))
	sink := &strict{recorder: newRecorder()}
	stop := consume(t, cfg, sink)
	sink.await(t, "row and letter", func() bool { return len(sink.rows) == 1 && len(sink.letters) == 1 })
	stop()
	if got := sink.refusals.Load(); got != 3 {
		t.Errorf("refused %d times, want 3", got)
	}
}

// strict is a recorder that refuses dead letters three times, for their content.
type strict struct {
	*recorder
	refusals atomic.Int32
}

func (s *strict) WriteDeadLetters(ctx context.Context, letters []event.DeadLetter, token string) error {
	if s.refusals.Load() < 3 {
		s.refusals.Add(1)
		return refusal{}
	}
	return s.recorder.WriteDeadLetters(ctx, letters, token)
}

// A group that has lost its offsets does not store the log again. The other
// partitions go on, and this one does when it has an offset.
func TestALogThatIsStoredAndHasNoOffset(t *testing.T) {
	cfg := testConfig(broker(t, 2))
	sink := newRemembering()
	var here, there []Record
	for n := 0; len(here) < 4 || len(there) < 4; n++ {
		if r := record(fmt.Sprintf("u%d", n), n); partitionOf(r.Key, 2) == 0 {
			here = append(here, r)
		} else {
			there = append(there, r)
		}
	}
	publish(t, cfg.Brokers, here[:4]...)
	stop := consumeRecalling(t, cfg, sink, sink)
	sink.await(t, "partition 0", func() bool { return len(sink.rows) == 4 })
	stop()
	deleted, err := admin(t, cfg).DeleteGroup(t.Context(), cfg.Group)
	if err := errors.Join(err, deleted.Err); err != nil {
		t.Fatal(err)
	}

	publish(t, cfg.Brokers, append(there, record("more", 1), record("even more", 2))...)
	stop = consumeRecalling(t, cfg, sink, sink)
	sink.await(t, "partition 1", func() bool { return len(sink.storedOffsets(1)) >= len(there) })
	stop()
	if got := sink.storedOffsets(0); len(got) != 4 {
		t.Errorf("partition 0 has %v", got)
	}

	leaveGroupAt(t, cfg, kadm.Offset{At: 4, LeaderEpoch: -1})
	total := len(here[:4]) + len(there) + 2
	stop = consumeRecalling(t, cfg, sink, sink)
	sink.await(t, "the rest", func() bool { return len(sink.rows) >= total })
	stop()
	if got := sink.storedOffsets(0); !slices.Equal(got, from(0, int64(len(got)))) || len(sink.duplicates) > 0 {
		t.Errorf("partition 0 has %v; repeats %v", got, sink.duplicates)
	}
}

// The error says where the store is, and what to do; a stop does not wait for
// the operator.
func TestWhatIsSaidOfALogThatIsStored(t *testing.T) {
	err := &lostOffset{partitionKey{"events", 0}, "millrace-ingest", 41}
	if !strings.Contains(err.Error(), "events/0 up to offset 41") || !strings.Contains(err.Error(), "set this one to 42") || classOf(err) != "setup" {
		t.Errorf("got %v", err)
	}
	sink := newRemembering()
	sink.rows = []storedRow{{partition: 0, offset: 41}}
	p, _ := loosePartition(t, testConfig([]string{"unused"}), sink, nil)
	p.recall = sink
	p.start(beginning{unknownOffset, seal{last: noSeal}, -1})
	began := time.Now()
	p.stop(patience)
	if took := time.Since(began); took >= patience {
		t.Errorf("the stop took %v", took)
	}
}

// A member whose time ends while it connects leaves the group: nobody would read
// what it is given.
func TestAMemberThatEndsWhileItConnectsLeaves(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	publish(t, cfg.Brokers, someRecords("u", 10)...)
	ctx, cancel := context.WithCancel(t.Context())
	ending := cfg
	ending.Options = []kgo.Opt{kgo.WithHooks(&secondClient{then: cancel})}
	if err := newTestConsumer(t, ending, newRecorder()).Run(ctx); err != nil || ctx.Err() == nil {
		t.Fatalf("%v, %v", err, ctx.Err())
	}
	time.Sleep(50 * time.Millisecond) // for one that has not left, to join
	sink := newRecorder()
	stop := consume(t, cfg, sink)
	sink.await(t, "all records", func() bool { return len(sink.rows) >= 10 })
	stop()
}

// secondClient calls then when the second client is made: the member, behind the
// one that counts partitions.
type secondClient struct {
	clients atomic.Int32
	then    func()
}

func (h *secondClient) OnNewClient(*kgo.Client) {
	if h.clients.Add(1) == 2 {
		h.then()
	}
}

// The epoch of the leader tells other records at the same offsets apart, whoever
// writes them; a block that was sealed keeps the name that it has.
func TestATokenHasTheEpochOfItsRecords(t *testing.T) {
	none := seal{last: noSeal}
	for _, tt := range []struct {
		open  seal
		epoch int32
		want  string
	}{
		{none, 0, "millrace-ingest/events/0/0-1"},
		{none, 4, "millrace-ingest/events/0/0-1@4"},
		{seal{last: 1, at: 7}, 4, "millrace-ingest/events/0/0-1"},
		{seal{last: 1}, 4, "millrace-ingest/events/0/0-1"},
		{seal{last: 1, at: 7, epoch: 4}, 4, "millrace-ingest/events/0/0-1@4"},
	} {
		sink := newRecorder()
		var committed []string
		p, stopCommits := loosePartition(t, testConfig([]string{"unused"}), sink, func(_ context.Context, positions []position) map[partitionKey]error {
			committed = append(committed, positions[0].metadata) // read after the committer has ended
			return nil
		})
		p.start(beginning{0, tt.open, tt.epoch})
		var records []*kgo.Record
		for offset := range int64(2) {
			records = append(records, &kgo.Record{Topic: "events", Offset: offset, LeaderEpoch: tt.epoch, Value: record("a", int(offset)).Value, Timestamp: time.Now()})
		}
		p.queue.put(records)
		sink.await(t, "both rows", func() bool { return len(sink.rows) == 2 })
		p.stop(time.Second)
		stopCommits()
		if !slices.Equal(sink.sent, []string{tt.want}) {
			t.Errorf("%+v: tokens %v, want %s", tt, sink.sent, tt.want)
		}
		sealed, err := parseSeal(committed[0])
		named := piece{0, sealed.last}.token("millrace-ingest", p.key, sealed.epoch)
		if err != nil || named != tt.want || tt.open.at > 0 && sealed.at != tt.open.at {
			t.Errorf("%+v: the seal %q says %s, %v", tt, committed[0], named, err)
		}
	}
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Deps are what a Consumer needs from outside.
type Deps struct {
	Sink Sink
	// Recall lets repeats of stored events be left out; nil stores them again.
	Recall Recall
	// Live tells how far live traffic is stored; the backfill needs it.
	Live       Live
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Consumer reads a topic as a member of a group and stores it in a Sink.
type Consumer struct {
	cfg     Config
	sink    Sink
	recall  Recall // may be nil
	log     *slog.Logger
	metrics *metrics
	reg     prometheus.Registerer
	turns   *turns // nil where there is no backfill

	ready     chan struct{} // closed when the group has been joined for the first time
	readyOnce sync.Once

	mu         sync.Mutex
	partitions map[partitionKey]*partition
}

// partitionKey names a partition.
type partitionKey struct {
	topic     string
	partition int32
}

// NewConsumer checks the configuration; nothing runs before Run.
func NewConsumer(cfg Config, deps Deps) (*Consumer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Backfill != "" && deps.Live == nil {
		return nil, errors.New("backfill: without Live nobody can tell when it has to give way")
	}
	c := &Consumer{
		cfg:        cfg,
		sink:       deps.Sink,
		recall:     deps.Recall,
		log:        deps.Logger,
		metrics:    newMetrics(deps.Registerer),
		reg:        deps.Registerer,
		ready:      make(chan struct{}),
		partitions: map[partitionKey]*partition{},
	}
	deps.Registerer.MustRegister(newHoldings(c))
	if cfg.Backfill != "" {
		rule := backfillRule{behind: cfg.BackfillBehind, share: cfg.BackfillShare}
		c.turns = newTurns(rule, deps.Live, c.metrics.backfillHeld)
	}
	return c, nil
}

// Ready is closed once this process is a member of the group. It may own no
// partition then, when there are more members than partitions.
func (c *Consumer) Ready() <-chan struct{} { return c.ready }

// Run consumes until ctx ends, then stores and commits what it holds and
// leaves the group. It returns nil on a clean stop.
func (c *Consumer) Run(ctx context.Context) error {
	for {
		if err := c.beMember(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		c.metrics.rejoins.Inc()
		c.log.Warn("joining the group anew: only a new generation fences what may still be under way", "group", c.cfg.Group)
	}
}

// beMember is one membership, until ctx ends, the outcome of a commit is
// unknown, or a partition is stranded under a former member id.
func (c *Consumer) beMember(ctx context.Context) error {
	polling, uncertain := context.WithCancel(ctx)
	defer uncertain()
	m := &membership{Consumer: c, connected: make(chan struct{}), uncertain: uncertain}
	if err := m.connect(polling); err != nil || m.client == nil {
		return err
	}
	// Partitions commit until the very end of the stop: the committer outlives ctx.
	commitCtx, stopCommits := context.WithCancel(context.WithoutCancel(ctx))
	var committing sync.WaitGroup
	committing.Go(func() { m.commits.run(commitCtx) })
	m.poll(polling)
	if ctx.Err() == nil { // nothing can be committed any more: there is nothing to wait for
		m.endAll((*partition).abandonNow)
	}
	m.leave(ctx)
	stopCommits()
	committing.Wait()
	return nil
}

// connect joins the group. It waits for a broker to answer: how much memory a
// partition may have depends on how many there are. Where ctx ends before, there
// is no client; where there is one, it is a member and has to leave again.
func (m *membership) connect(ctx context.Context) error {
	partitions, brokers, err := m.countPartitions(ctx)
	if err != nil || ctx.Err() != nil {
		return err
	}
	shares := divide(m.cfg, partitions, brokers)
	m.budget = newBudget(shares)
	unpacker := newUnpacker()
	opts := []kgo.Opt{
		kgo.SeedBrokers(m.cfg.Brokers...),
		kgo.ConsumeTopics(m.cfg.topics()...),
		kgo.ConsumerGroup(m.cfg.Group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.KeepControlRecords(), // they take offsets: without them they would look like gaps
		kgo.FetchMaxBytes(int32(shares.fetch)),
		kgo.FetchMaxPartitionBytes(int32(shares.fetchPartition)),
		kgo.FetchMaxWait(fetchWait),
		kgo.WithPools(new(recordPool), unpacker),
		kgo.WithDecompressor(unpacker),
		clientMetrics(m.reg, "kafka_consumer"),
		kgo.AdjustFetchOffsetsFn(m.takeOver),
		kgo.OnPartitionsAssigned(m.assigned),
		kgo.OnPartitionsRevoked(m.revoked),
		kgo.OnPartitionsLost(m.lost),
	}
	client, err := kgo.NewClient(append(opts, m.cfg.Options...)...)
	if err != nil {
		return fmt.Errorf("kafka consumer: %w", err)
	}
	commits := &groupCommits{client: client, group: m.cfg.Group, topics: m.cfg.topics(), coordinator: -1}
	m.client, m.commits = client, newCommitter(commits.send, m.uncertain)
	close(m.connected)
	return nil
}

// fetchWait is how long the broker may wait for records. A partition that has
// more than it may hold pauses, and comes back with the next request: it must not
// have to wait long for one that asks for the others, which have nothing. (With
// 250 ms a single partition with a backlog got 24,000 events a second.)
const fetchWait = 50 * time.Millisecond

// countPartitions asks until a broker answers or ctx ends.
func (m *membership) countPartitions(ctx context.Context) (partitions, brokers int, err error) {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(m.cfg.Brokers...)}, m.cfg.Options...)...)
	if err != nil {
		return 0, 0, fmt.Errorf("kafka consumer: %w", err)
	}
	defer client.Close()
	for wait := m.cfg.RetryMin; ; wait = min(2*wait, m.cfg.RetryMax) {
		found, err := kadm.NewClient(client).Metadata(ctx, m.cfg.topics()...)
		if err == nil {
			found.Topics.EachPartition(func(kadm.PartitionDetail) { partitions++ })
			return partitions, len(found.Brokers), nil
		}
		m.log.Warn("cannot count the partitions, will ask again", "topics", m.cfg.topics(), "error", err)
		select {
		case <-ctx.Done():
			return 0, 0, nil
		case <-time.After(wait):
		}
	}
}

// poll hands fetched records to their partitions until ctx ends.
func (m *membership) poll(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := m.client.PollFetches(ctx)
		fetches.EachError(func(topic string, partition int32, err error) {
			if !errors.Is(err, context.Canceled) {
				m.log.Warn("fetch failed", "topic", topic, "partition", partition, "error", err)
			}
		})
		fetches.EachPartition(m.dispatch)
		m.client.AllowRebalance()
	}
}

// dispatch queues one partition's records.
func (m *membership) dispatch(fetched kgo.FetchTopicPartition) {
	if len(fetched.Records) == 0 {
		return
	}
	m.mu.Lock()
	p := m.partitions[partitionKey{fetched.Topic, fetched.Partition}]
	m.mu.Unlock()
	if p == nil {
		return // not ours any more: the next owner reads these records
	}
	p.brokerEnd.Store(fetched.HighWatermark)
	p.queue.put(fetched.Records)
}

// leave leaves the group, which revokes every partition. The caller's ctx is
// dead by now.
func (m *membership) leave(ctx context.Context) {
	const goodbye = 3 * time.Second // for the broker, after the partitions have ended
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.StopTimeout+goodbye)
	defer cancel()
	if err := m.client.LeaveGroupContext(leaving); err != nil {
		m.log.Warn("leaving the group failed, its partitions move after the session timeout", "error", err)
	}
	m.client.Close()
}

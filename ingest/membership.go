package ingest

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/event"
)

// membership is a Consumer as a member of its group: partitions come and go.
type membership struct {
	*Consumer
	// connected is closed once client and commits are set. The client calls
	// back from its own goroutines, possibly before its constructor returns.
	connected chan struct{}
	client    *kgo.Client
	budget    *budget
	commits   *committer
	uncertain func() // ends this membership, for another to begin
}

// assigned says that the group has been joined. The work begins in takeOver,
// which the client calls next, with the offsets.
func (m *membership) assigned(_ context.Context, client *kgo.Client, partitions map[string][]int32) {
	for topic, numbers := range partitions {
		m.log.Info("partitions assigned", "topic", topic, "partitions", numbers)
	}
	m.readyOnce.Do(func() { close(m.ready) })
	member, _ := client.GroupMetadata()
	m.leaveIfStranded(member)
}

// leaveIfStranded ends this membership where the client has kept partitions
// over a change of its member id. The group had put the old id out, so somebody
// else may have owned them meanwhile: they have to be taken over anew, and
// nothing that they commit counts until then. The client calls assigned after
// each rebalance, also when nothing new is assigned.
func (m *membership) leaveIfStranded(member string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, p := range m.partitions {
		if p.member != member {
			m.log.Warn("a partition was kept over a change of the member's id", "topic", key.topic, "partition", key.partition)
			m.uncertain()
			return
		}
	}
}

// begin starts the owner of one partition.
func (m *membership) begin(key partitionKey, from beginning) {
	m.end([]partitionKey{key}, (*partition).abandonNow) // an earlier try of the client to assign it
	p := m.newPartition(key)
	p.member = m.memberID()
	p.start(from)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.partitions[key] = p
	m.metrics.partitions.Set(float64(len(m.partitions)))
}

// newPartition builds the owner of one partition. Its context is nobody's
// child: only revoked, lost and leave end a partition.
func (m *membership) newPartition(key partitionKey) *partition {
	ctx, abandon := context.WithCancel(context.Background())
	turns := m.turns
	if key.topic != m.cfg.Backfill {
		turns = nil
	}
	return &partition{
		key:      key,
		cfg:      &m.cfg,
		sink:     m.sink,
		recall:   m.recall,
		metrics:  m.metrics,
		log:      m.log,
		commits:  m.commits,
		rejoin:   m.uncertain,
		turns:    turns,
		budget:   m.budget,
		queue:    m.newQueue(key),
		ctx:      ctx,
		abandon:  abandon,
		stopping: make(chan struct{}),
		done:     make(chan struct{}),
		blocks:   make(chan *block),
		free:     make(chan *block, blocksEach),
		decoder:  event.NewDecoder(m.cfg.Limits),
		covered:  m.metrics.covered.WithLabelValues(key.topic, strconv.Itoa(int(key.partition))),
	}
}

// newQueue builds a partition's queue, which pauses that partition alone.
func (m *membership) newQueue(key partitionKey) *queue {
	partitions := map[string][]int32{key.topic: {key.partition}}
	return newQueue(m.budget.queue, func() {
		m.client.PauseFetchPartitions(partitions)
		m.metrics.paused.Inc()
	}, func() {
		m.client.ResumeFetchPartitions(partitions)
		m.metrics.paused.Dec()
	})
}

// revoked waits until the partitions have stored what they hold, so that the
// next owner starts behind it.
func (m *membership) revoked(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	m.end(m.keys(partitions), func(p *partition) {
		if p.member != m.memberID() { // lost, in truth: the group has put us out, and we have joined anew
			p.abandonNow()
			return
		}
		p.stop(m.cfg.StopTimeout)
	})
}

// memberID is the client's at this moment; it changes when the group has put
// the member out.
func (m *membership) memberID() string {
	id, _ := m.client.GroupMetadata()
	return id
}

// lost ends the partitions at once: the group has moved on without this
// member, and what is not sealed is the next owner's.
func (m *membership) lost(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	m.end(m.keys(partitions), (*partition).abandonNow)
}

// keys lists partitions, and logs that they go.
func (m *membership) keys(partitions map[string][]int32) (keys []partitionKey) {
	for topic, numbers := range partitions {
		m.log.Info("partitions given up", "topic", topic, "partitions", numbers)
		for _, n := range numbers {
			keys = append(keys, partitionKey{topic, n})
		}
	}
	return keys
}

// endAll ends every partition.
func (m *membership) endAll(how func(*partition)) {
	m.mu.Lock()
	keys := slices.Collect(maps.Keys(m.partitions))
	m.mu.Unlock()
	m.end(keys, how)
}

// end ends the partitions side by side and waits for all.
func (m *membership) end(keys []partitionKey, how func(*partition)) {
	var ending sync.WaitGroup
	m.mu.Lock()
	for _, key := range keys {
		p := m.partitions[key]
		if p == nil {
			continue
		}
		delete(m.partitions, key)
		m.metrics.covered.DeleteLabelValues(key.topic, strconv.Itoa(int(key.partition)))
		ending.Go(func() {
			how(p)
			p.queue.take(nil)
			p.queue.settle() // the client keeps a pause, even for the partition's next time here
		})
	}
	m.metrics.partitions.Set(float64(len(m.partitions)))
	m.mu.Unlock()
	ending.Wait()
}

package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
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
	commits   *committer
	uncertain func() // ends this membership, for another to begin
}

// assigned says that the group has been joined. The work begins in takeOver,
// which the client calls next, with the offsets.
func (m *membership) assigned(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	for topic, numbers := range partitions {
		m.log.Info("partitions assigned", "topic", topic, "partitions", numbers)
	}
	m.readyOnce.Do(func() { close(m.ready) })
}

// takeOver starts new partitions where the group left them: at the committed
// offset, and if a seal is open there, with the range that it fixes. The
// client calls it after the former owner is fenced and before any record of
// these partitions is delivered.
func (m *membership) takeOver(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	select {
	case <-m.connected:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	admin := kadm.NewClient(m.client)
	committed, err := admin.FetchOffsets(ctx, m.cfg.Group)
	if err != nil {
		return nil, fmt.Errorf("read the seals of group %s: %w", m.cfg.Group, err)
	}
	ends, err := admin.ListEndOffsets(ctx, m.cfg.Topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list end offsets of %s: %w", m.cfg.Topic, err)
	}
	for topic, partitions := range offsets {
		for number := range partitions {
			key := partitionKey{topic, number}
			next, until := m.resumeAt(key, committed, ends)
			m.begin(key, next, until)
		}
	}
	return offsets, nil
}

// resumeAt reads a partition's committed offset, and the last offset of its
// open seal, noSeal for none.
func (m *membership) resumeAt(key partitionKey, committed kadm.OffsetResponses, ends kadm.ListedOffsets) (next, until int64) {
	at, found := committed.Lookup(key.topic, key.partition)
	if !found || at.At < 0 {
		return unknownOffset, noSeal
	}
	last, sealed := parseSeal(at.Metadata)
	if !sealed {
		return at.At, noSeal
	}
	// A broker that has lost acknowledged records cannot deliver the range any
	// more; what comes in its place are other records, under other tokens.
	if end, known := ends.Lookup(key.topic, key.partition); known && end.Offset <= last {
		m.log.Error("the broker has lost records of a sealed range", "topic", key.topic, "partition", key.partition,
			"sealed_from", at.At, "sealed_to", last, "end_offset", end.Offset)
		return at.At, noSeal
	}
	m.log.Info("taking over a sealed block", "topic", key.topic, "partition", key.partition, "first_offset", at.At, "last_offset", last)
	return at.At, last
}

// begin starts the owner of one partition.
func (m *membership) begin(key partitionKey, next, until int64) {
	m.end([]partitionKey{key}, (*partition).abandonNow) // an earlier try of the client to assign it
	p := m.newPartition(key)
	p.start(next, until)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.partitions[key] = p
	m.metrics.partitions.Set(float64(len(m.partitions)))
}

// newPartition builds the owner of one partition. Its context is nobody's
// child: only revoked, lost and leave end a partition.
func (m *membership) newPartition(key partitionKey) *partition {
	ctx, abandon := context.WithCancel(context.Background())
	return &partition{
		key:     key,
		cfg:     &m.cfg,
		sink:    m.sink,
		recall:  m.recall,
		metrics: m.metrics,
		log:     m.log,
		commits: m.commits,
		queue:   newQueue(m.cfg.MaxQueuedBytes),
		resume: func() {
			m.client.ResumeFetchPartitions(map[string][]int32{key.topic: {key.partition}})
			m.metrics.paused.Dec()
		},
		ctx:      ctx,
		abandon:  abandon,
		stopping: make(chan struct{}),
		done:     make(chan struct{}),
		blocks:   make(chan *block),
		free:     make(chan *block, 2),
		decoder:  event.NewDecoder(m.cfg.Limits),
		covered:  m.metrics.covered.WithLabelValues(strconv.Itoa(int(key.partition))),
	}
}

// revoked waits until the partitions have stored what they hold, so that the
// next owner starts behind it.
func (m *membership) revoked(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	m.end(m.keys(partitions), func(p *partition) { p.stop(m.cfg.StopTimeout) })
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
		m.metrics.covered.DeleteLabelValues(strconv.Itoa(int(key.partition)))
		ending.Go(func() {
			how(p)
			if _, paused := p.queue.take(nil); paused {
				p.resume() // the client keeps a pause, even for the partition's next time here
			}
		})
	}
	m.metrics.partitions.Set(float64(len(m.partitions)))
	m.mu.Unlock()
	ending.Wait()
}

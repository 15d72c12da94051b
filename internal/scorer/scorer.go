package scorer

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"millrace/ingest"
	"millrace/internal/event"
	"millrace/internal/fraud"
)

// Deps are what a Scorer needs from outside.
type Deps struct {
	Store Store
	// Model gives the model to judge by; it is asked once per block.
	Model      func() *fraud.Model
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Scorer judges the purchases of a topic as a member of a group.
type Scorer struct {
	cfg      Config
	deps     Deps
	metrics  *metrics
	consumer *ingest.Consumer
	progress *ingest.Progress

	mu         sync.Mutex
	partitions map[key]*partition
}

// key names a partition.
type key struct {
	topic     string
	partition int32
}

// New checks the configuration and registers metrics; nothing runs before Run.
func New(cfg Config, deps Deps) (*Scorer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Scorer{cfg: cfg, deps: deps, partitions: map[key]*partition{}}
	// The consumer's own metrics have the names of the ingest's, of which there
	// may be one in this process; those that matter here are the stage's.
	own := prometheus.NewRegistry()
	watch := ingest.DefaultProgressConfig()
	watch.Brokers, watch.Topic, watch.Group = cfg.Brokers, cfg.Topic, cfg.Group
	s.progress = ingest.NewProgress(watch, deps.Logger, own)
	var err error
	s.consumer, err = ingest.NewConsumer(cfg.consumer(), ingest.Deps{Sink: s, Live: s.progress, Logger: deps.Logger, Registerer: own})
	if err != nil {
		return nil, err
	}
	s.metrics = newMetrics(deps.Registerer, s)
	return s, nil
}

// Run judges until ctx ends, then writes what it holds and leaves the group. It
// returns nil on a clean stop.
func (s *Scorer) Run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return s.progress.Run(ctx) })
	work.Go(func() error { return s.consumer.Run(ctx) })
	return work.Wait()
}

// Ready is closed once this process is a member of the group.
func (s *Scorer) Ready() <-chan struct{} { return s.consumer.Ready() }

// Progress says how far the group has come.
func (s *Scorer) Progress() *ingest.Progress { return s.progress }

// Write judges a block of one partition and returns when everything that came of
// it is in the store. It is the sink of the consumer. After an error the same
// block may be given again.
func (s *Scorer) Write(ctx context.Context, batch *event.Batch, token string) error {
	if batch.Len() == 0 {
		return nil
	}
	position := batch.Position(0)
	p, err := s.partition(key{position.Topic, position.Partition})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.take(ctx, batch); err != nil {
		s.metrics.failures.Inc()
		p.forget()
		return fmt.Errorf("score %s: %w", token, err)
	}
	return nil
}

// WriteDeadLetters counts what is no event. The ingest keeps it.
func (s *Scorer) WriteDeadLetters(_ context.Context, letters []event.DeadLetter, _ string) error {
	s.metrics.unread.Add(float64(len(letters)))
	return nil
}

// partition returns the state of a partition. Partitions that have moved to
// others keep their place here, so that the profiles of all stay within bounds.
func (s *Scorer) partition(k key) (*partition, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.partitions[k]; p != nil {
		return p, nil
	}
	p, err := newPartition(s, key{string([]byte(k.topic)), k.partition}) // the batch takes its text back
	if err != nil {
		return nil, err
	}
	s.partitions[p.key] = p
	for _, each := range s.partitions {
		each.profiles.Resize(max(1, s.cfg.MaxProfiles/len(s.partitions)))
	}
	return p, nil
}

// profiles is how many are in memory.
func (s *Scorer) profiles() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.partitions {
		n += p.profiles.Len()
	}
	return n
}

// receivedAt is an instant of a batch as the store keeps it.
func receivedAt(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

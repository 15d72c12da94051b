package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ProgressConfig says whose progress is watched.
type ProgressConfig struct {
	// Brokers, Topic and Group name the consumer group that is watched.
	Brokers []string
	Topic   string
	Group   string
	// Interval is the time between two looks.
	Interval time.Duration
	// History bounds how many looks are remembered while the group is behind.
	History int
}

// DefaultProgressConfig watches `millrace-ingest` on a local broker, twice a second.
func DefaultProgressConfig() ProgressConfig {
	c := DefaultConfig()
	return ProgressConfig{Brokers: c.Brokers, Topic: c.Topic, Group: c.Group, Interval: 500 * time.Millisecond, History: 20_000}
}

// Progress knows up to which instant everything that the broker accepted is
// stored. It needs no clock of the store and no record: it remembers where the
// topic ended at each look, and the answer is the latest look whose ends the
// group's committed offsets have passed.
type Progress struct {
	cfg   ProgressConfig
	log   *slog.Logger
	lagOf *prometheus.GaugeVec

	mu          sync.Mutex
	looks       []look // oldest first, ends never decreasing
	storedUntil time.Time
	lag         int64
	err         error
}

// look is where each partition of the topic ended at an instant.
type look struct {
	at   time.Time
	ends map[int32]int64
}

// NewProgress returns a Progress that knows nothing until it runs. Its metrics
// carry the topic, so that each topic may have one.
func NewProgress(cfg ProgressConfig, log *slog.Logger, reg prometheus.Registerer) *Progress {
	p := &Progress{cfg: cfg, log: log}
	topic := prometheus.Labels{"topic": cfg.Topic}
	p.lagOf = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name:        "millrace_ingest_lag_records",
		Help:        "Records that the broker has accepted and the store has not acknowledged, by partition.",
		ConstLabels: topic,
	}, []string{"partition"})
	reg.MustRegister(p.lagOf,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "millrace_ingest_stored_until_seconds",
			Help:        "Unix time before which everything the broker accepted on the topic is stored; 0 while unknown.",
			ConstLabels: topic,
		}, func() float64 {
			until, known := p.StoredUntil()
			if !known {
				return 0
			}
			return float64(until.UnixMilli()) / 1000
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "millrace_ingest_freshness_seconds",
			Help:        "How long ago stored_until was; it grows while records wait, and while the broker does not answer. NaN while unknown.",
			ConstLabels: topic,
		}, func() float64 {
			until, known := p.StoredUntil()
			if !known {
				return math.NaN()
			}
			return time.Since(until).Seconds()
		}))
	return p
}

// StoredUntil is the instant before which everything that the broker accepted
// is stored. It is unknown until the first look that the group has passed.
func (p *Progress) StoredUntil() (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.storedUntil, !p.storedUntil.IsZero()
}

// Lag is the number of records accepted and not yet stored, at the last look.
func (p *Progress) Lag() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lag
}

// Err is the fault of the last look, nil when it succeeded.
func (p *Progress) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Run looks until ctx ends.
func (p *Progress) Run(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(p.cfg.Brokers...))
	if err != nil {
		return fmt.Errorf("watch progress: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ticker := time.NewTicker(p.cfg.Interval)
	defer ticker.Stop()
	for {
		p.look(ctx, admin)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// look asks the broker once and remembers the outcome.
func (p *Progress) look(ctx context.Context, admin *kadm.Client) {
	at := time.Now() // before asking: what is accepted later is not claimed
	ends, committed, err := p.offsets(ctx, admin)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if p.err == nil {
			p.log.Warn("progress unknown", "error", err)
		}
		p.err = err
		return
	}
	p.err = nil
	p.advance(look{at: at, ends: ends}, committed)
}

// offsets returns the topic's ends and the group's committed offsets.
func (p *Progress) offsets(ctx context.Context, admin *kadm.Client) (ends, committed map[int32]int64, err error) {
	ask, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	starts, err := admin.ListStartOffsets(ask, p.cfg.Topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list start offsets of %s: %w", p.cfg.Topic, err)
	}
	listed, err := admin.ListEndOffsets(ask, p.cfg.Topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list end offsets of %s: %w", p.cfg.Topic, err)
	}
	fetched, err := admin.FetchOffsetsForTopics(ask, p.cfg.Group, p.cfg.Topic)
	if err == nil {
		err = fetched.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) { // nobody has joined it yet: nothing is committed
		fetched, err = kadm.OffsetResponses{}, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("fetch offsets of group %s: %w", p.cfg.Group, err)
	}
	ends, committed = map[int32]int64{}, map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	// What retention has removed cannot be waited for: count from the start.
	starts.Each(func(o kadm.ListedOffset) { committed[o.Partition] = o.Offset })
	fetched.Each(func(o kadm.OffsetResponse) { committed[o.Partition] = max(o.At, committed[o.Partition]) })
	return ends, committed, nil
}

// advance adds a look and moves storedUntil to the latest one that the
// committed offsets have passed. The caller holds the lock.
func (p *Progress) advance(now look, committed map[int32]int64) {
	p.lag = 0
	for partition, end := range now.ends {
		lag := max(end-committed[partition], 0)
		p.lag += lag
		p.lagOf.WithLabelValues(strconv.Itoa(int(partition))).Set(float64(lag))
	}
	p.looks = append(p.looks, now)
	passed := 0
	for passed < len(p.looks) && p.looks[passed].passedBy(committed) {
		p.storedUntil = p.looks[passed].at
		passed++
	}
	p.looks = append(p.looks[:0], p.looks[passed:]...)
	if len(p.looks) > p.cfg.History {
		p.looks = thin(p.looks)
	}
}

// passedBy reports whether every record before the look is committed.
func (l look) passedBy(committed map[int32]int64) bool {
	for partition, end := range l.ends {
		if committed[partition] < end {
			return false
		}
	}
	return true
}

// thin drops every second look: a long outage costs resolution, not memory.
func thin(looks []look) []look {
	kept := looks[:0]
	for i := 0; i < len(looks); i += 2 {
		kept = append(kept, looks[i])
	}
	return kept
}

//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/ingest"
	"millrace/olap"
)

// memberEnv marks a process as a member and carries its configuration as JSON.
const memberEnv = "MILLRACE_FAULTS_MEMBER"

// memberConfig is what a member's process needs to know.
type memberConfig struct {
	Broker   string // where the broker says it is
	Via      string // the proxy that every broker connection takes
	Store    string // the proxy to the store
	Database string
	Topic    string
	Group    string
	MaxRows  int
	MaxBytes int
	MaxAge   time.Duration
}

// Main has to be called first in TestMain. In an ordinary process it returns
// at once. In a process that was started as a member of the ingest it ingests
// until SIGTERM, and exits.
func Main() {
	text, ok := os.LookupEnv(memberEnv)
	if !ok {
		return
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := serveMember(ctx, text, log); err != nil {
		log.Error("member failed", "error", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serveMember(ctx context.Context, text string, log *slog.Logger) error {
	var cfg memberConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return fmt.Errorf("read the member's configuration: %w", err)
	}
	store, err := openStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer store.Close()
	consumer, err := ingest.NewConsumer(cfg.consumer(), ingest.Deps{
		Sink: store.Writer(), Recall: recall{store.Writer(), store}, Logger: log, Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return err
	}
	return consumer.Run(ctx)
}

// recall joins ingest and olap as package main does.
type recall struct {
	*olap.Writer
	store *olap.Store
}

func (r recall) RecentIDs(ctx context.Context, topic string, partition int32, from, before int64) iter.Seq2[ingest.StoredID, error] {
	return func(yield func(ingest.StoredID, error) bool) {
		for id, err := range r.store.RecentIDs(ctx, topic, partition, from, before) {
			if !yield(ingest.StoredID(id), err) {
				return
			}
		}
	}
}

func (r recall) LastOffset(ctx context.Context, topic string, partition int32) (last int64, found bool, err error) {
	return r.store.LastOffset(ctx, topic, partition)
}

// openStore waits for a store that is away: somebody would start the process
// again, so it does so itself.
func openStore(ctx context.Context, cfg memberConfig, log *slog.Logger) (*olap.Store, error) {
	oc := olap.DefaultConfig()
	oc.Address, oc.Database = cfg.Store, cfg.Database
	oc.DialTimeout = time.Second
	for {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		store, err := olap.Open(try, oc)
		cancel()
		if err == nil {
			return store, nil
		}
		log.Warn("store is away", "error", err)
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// consumer is the configuration of production with everything made short, so
// that minutes of misfortune fit into seconds.
func (m memberConfig) consumer() ingest.Config {
	cfg := ingest.DefaultConfig()
	cfg.Brokers, cfg.Topic, cfg.Group = []string{m.Broker}, m.Topic, m.Group
	cfg.MaxRows, cfg.MaxBytes, cfg.MaxAge = m.MaxRows, m.MaxBytes, m.MaxAge
	cfg.MaxQueuedBytes = 1 << 20
	cfg.WriteDeadline = writeDeadline
	cfg.RetryMin, cfg.RetryMax = 20*time.Millisecond, 500*time.Millisecond
	cfg.StopTimeout = time.Second
	dialer := net.Dialer{Timeout: time.Second}
	cfg.Options = []kgo.Opt{
		kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, m.Via)
		}),
		kgo.SessionTimeout(sessionTimeout),
		kgo.HeartbeatInterval(300 * time.Millisecond),
		// kfake counts the rebalance timeout anew at each join, so members that
		// repeat theirs more often than that, in turn, keep a rebalance from ever
		// ending. Apache Kafka does not. Therefore: short, with patient requests.
		kgo.RebalanceTimeout(1600 * time.Millisecond),
		kgo.RequestTimeoutOverhead(3 * time.Second),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 100 * time.Millisecond }),
	}
	return cfg
}

package bench

import (
	"context"
	"iter"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/ingest"
	"millrace/olap"
)

// ingest is Millrace's own: its consumer and its writer, as `millrace up` has
// them.
func (c memberConfig) ingest(ctx context.Context) error {
	storeCfg := olap.DefaultConfig()
	storeCfg.Address, storeCfg.Database = c.Store, c.Database
	if c.Compression != "" {
		storeCfg.Compression = olap.Compression(c.Compression)
	}
	store, err := olap.Open(ctx, storeCfg)
	if err != nil {
		return err
	}
	defer store.Close()
	cfg := ingest.DefaultConfig()
	cfg.Brokers, cfg.Topic, cfg.Group = []string{c.Broker}, c.Topic, c.Group
	if c.BlockRows > 0 {
		cfg.MaxRows = c.BlockRows
	}
	if c.BlockBytes > 0 {
		cfg.MaxBytes = c.BlockBytes
	}
	debug.SetMemoryLimit(cfg.GoMemoryLimit())
	consumer, err := ingest.NewConsumer(cfg, ingest.Deps{
		Sink: store.Writer(), Recall: recall{store.Writer(), store},
		Logger:     slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return err
	}
	return consumer.Run(ctx)
}

// recall is the store's memory of what it has, as the ingest wants it.
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

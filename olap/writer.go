package olap

import (
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"millrace/internal/event"
)

// Writer inserts batches into the events table. It is safe for concurrent use;
// a batch must not change while it is being written.
type Writer struct{ store *Store }

// Writer returns the store's writer.
func (s *Store) Writer() *Writer { return &Writer{store: s} }

// Write inserts the whole batch as one block and returns after the server has
// stored it, in the raw table and in every view. An error whose outcome is
// unknown (a cut connection, a deadline) may be followed by the same batch with
// the same token: it lands once.
//
// The token must be the same for the same rows and for nothing else. An empty
// batch is not sent. The batch is the caller's again on return.
func (w *Writer) Write(ctx context.Context, b *event.Batch, token string) error {
	if b.Len() == 0 {
		return nil
	}
	if token == "" {
		return errors.New("write events: the token is empty; without one a retry would store the rows twice")
	}
	ctx, cancel := context.WithTimeout(ctx, w.store.cfg.WriteTimeout)
	defer cancel()
	if err := w.insert(ctx, b, token); err != nil {
		return fmt.Errorf("write %d events: %w", b.Len(), classified(err))
	}
	return nil
}

func (w *Writer) insert(ctx context.Context, b *event.Batch, token string) error {
	conn, err := w.store.inserts.get(ctx)
	if err != nil {
		return err
	}
	err = conn.insert(ctx, b, w.store.nativeSettings(token))
	w.store.inserts.put(conn, err)
	return err
}

// insertSettings make one batch one block with one token.
//
// The number of months in a batch is not limited: history from decades ago is
// welcome, and a refusal would stop its partition.
func insertSettings(token string) clickhouse.Settings {
	return clickhouse.Settings{
		"async_insert":               0,
		"insert_deduplicate":         1,
		"insert_deduplication_token": token,
		"deduplicate_blocks_in_dependent_materialized_views": 1,
		"max_partitions_per_insert_block":                    0,
		"materialized_views_ignore_errors":                   0,
	}
}

// nativeSettings are those of an insert and of the store's address, as the
// native protocol has them.
func (s *Store) nativeSettings(token string) []proto.Setting {
	settings := make([]proto.Setting, 0, 8)
	for _, set := range []clickhouse.Settings{s.inserts.opt.Settings, insertSettings(token)} {
		for name, value := range set {
			settings = append(settings, proto.Setting{Key: name, Value: fmt.Sprint(value), Important: true})
		}
	}
	return settings
}

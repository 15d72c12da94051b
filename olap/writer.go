package olap

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"

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
// batch is not sent. Text is copied; the batch is the caller's again on return.
func (w *Writer) Write(ctx context.Context, b *event.Batch, token string) error {
	if b.Len() == 0 {
		return nil
	}
	if token == "" {
		return errors.New("write events: the token is empty; without one a retry would store the rows twice")
	}
	ctx, cancel := context.WithTimeout(ctx, w.store.cfg.WriteTimeout)
	defer cancel()
	if err := w.insert(clickhouse.Context(ctx, clickhouse.WithSettings(insertSettings(token))), b); err != nil {
		return fmt.Errorf("write %d events: %w", b.Len(), classified(err))
	}
	return nil
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

func (w *Writer) insert(ctx context.Context, b *event.Batch) error {
	batch, err := w.store.conn.PrepareBatch(ctx, insertEvents)
	if err != nil {
		return err
	}
	defer batch.Close()
	if err := appendColumns(batch, b); err != nil {
		return err
	}
	return batch.Send()
}

// insertEvents names the columns in the order of appendColumns.
var insertEvents = "INSERT INTO events (" + strings.Join(batchColumns(), ", ") + ")"

func batchColumns() []string {
	return []string{
		"event_id", "type", "user_id", "anonymous_id", "session_id",
		"timestamp", "received_at",
		"amount", "currency", "product_id", "category", "video_id", "properties",
		"ip", "user_agent", "country", "page", "referrer", "platform", "app_version",
		"device", "os", "browser", "locale",
		"kafka_topic", "kafka_partition", "kafka_offset",
	}
}

// appendColumns hands over the batch column by column. The order is that of
// batchColumns.
func appendColumns(batch driver.Batch, b *event.Batch) error {
	columns := []any{
		b.EventID, b.Type, b.UserID, b.AnonymousID, b.SessionID,
		b.Timestamp, b.ReceivedAt,
		amounts(b), b.Currency, b.ProductID, b.Category, b.VideoID, b.Properties,
		b.IP, b.UserAgent, b.Country, b.Page, b.Referrer, b.Platform, b.AppVersion,
		b.Device, b.OS, b.Browser, b.Locale,
		b.KafkaTopic, b.KafkaPartition, b.KafkaOffset,
	}
	for i, column := range columns {
		if err := batch.Column(i).Append(column); err != nil {
			return fmt.Errorf("column %s: %w", batchColumns()[i], err)
		}
	}
	return nil
}

// amounts gives micros the driver's decimal type. Only rows with an amount cost
// an allocation.
func amounts(b *event.Batch) []*decimal.Decimal {
	out := make([]*decimal.Decimal, b.Len())
	for i, has := range b.HasAmount {
		if has {
			d := decimal.New(b.Amount[i], -6)
			out[i] = &d
		}
	}
	return out
}

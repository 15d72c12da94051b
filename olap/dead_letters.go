package olap

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"millrace/internal/event"
)

const insertDeadLetters = `INSERT INTO dead_letters
	(reason, field, detail, payload, received_at, kafka_topic, kafka_partition, kafka_offset)`

// WriteDeadLetters keeps records that could not become events. The promises
// are those of [Writer.Write]: it returns after the server has stored them,
// and the same letters with the same token land once.
func (w *Writer) WriteDeadLetters(ctx context.Context, letters []event.DeadLetter, token string) error {
	if len(letters) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.store.cfg.WriteTimeout)
	defer cancel()
	batch, err := w.store.conn.PrepareBatch(clickhouse.Context(ctx, clickhouse.WithSettings(insertSettings(token))), insertDeadLetters)
	if err != nil {
		return fmt.Errorf("write %d dead letters: %w", len(letters), classified(err))
	}
	defer batch.Close()
	for i := range letters {
		l := &letters[i]
		err := batch.Append(string(l.Reason), l.Field, l.Detail, l.Payload, time.UnixMilli(l.ReceivedAt),
			l.Topic, l.Partition, l.Offset)
		if err != nil {
			return fmt.Errorf("write dead letter of offset %d: %w", l.Offset, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("write %d dead letters: %w", len(letters), classified(err))
	}
	return nil
}

package olap

import (
	"context"
	"time"

	"millrace/internal/event"
)

const insertDeadLetters = `INSERT INTO dead_letters
	(reason, field, detail, payload, received_at, kafka_topic, kafka_partition, kafka_offset)`

// WriteDeadLetters keeps records that could not become events. The promises
// are those of [Writer.Write]: it returns after the server has stored them,
// and the same letters with the same token land once.
func (w *Writer) WriteDeadLetters(ctx context.Context, letters []event.DeadLetter, token string) error {
	return w.insertRows(ctx, insertDeadLetters, len(letters), token, func(i int) []any {
		l := &letters[i]
		return []any{string(l.Reason), l.Field, l.Detail, l.Payload, time.UnixMilli(l.ReceivedAt), l.Topic, l.Partition, l.Offset}
	})
}

package ingest

import (
	"context"

	"millrace/internal/event"
)

// Sink stores what the Consumer has read. Both methods return only after the
// store has acknowledged, and must treat a token they have already stored as
// success without storing again. They are called from several goroutines.
type Sink interface {
	// Write stores the batch, which it may read until it returns.
	Write(ctx context.Context, batch *event.Batch, token string) error
	// WriteDeadLetters stores records that could not become events.
	WriteDeadLetters(ctx context.Context, letters []event.DeadLetter, token string) error
}

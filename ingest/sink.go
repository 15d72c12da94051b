package ingest

import (
	"context"
	"errors"

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

// A sink's error may say more about itself through these methods; an error
// that does not is tried again.

// rejecter is an error that says that the store refuses the rows for their
// content: the same rows will never be accepted.
type rejecter interface{ Rejected() bool }

// isRejected reports whether the store refuses the rows for their content.
func isRejected(err error) bool {
	var r rejecter
	return errors.As(err, &r) && r.Rejected()
}

// classifier is an error that names its class for the metrics: one of a few
// words.
type classifier interface{ Class() string }

// classOf is the class of an error, "other" where it names none.
func classOf(err error) string {
	var c classifier
	if errors.As(err, &c) {
		return c.Class()
	}
	return "other"
}

package event

import (
	"errors"
	"fmt"
	"time"
)

// deepest is the largest [Limits.Depth]: the scanner keeps one bit per level
// in one machine word.
const deepest = 64

// Limits bound what an event may be. Sizes are in bytes.
type Limits struct {
	// EventBytes bounds the JSON text of one event.
	EventBytes int
	// PropertiesBytes bounds the JSON text of properties.
	PropertiesBytes int
	// TypeBytes bounds type.
	TypeBytes int
	// IDBytes bounds event_id, user_id, anonymous_id, session_id and the
	// properties that are stored as columns: currency, product_id, category
	// and video_id.
	IDBytes int
	// ContextBytes bounds each field of context.
	ContextBytes int
	// Depth bounds the nesting of properties; properties itself is level 1.
	// It is at most 64.
	Depth int
	// Oldest is the earliest timestamp accepted.
	Oldest time.Time
	// MaxAge is how long before its receipt an event may have happened, where
	// ByReceipt is set; 0 for any time.
	MaxAge time.Duration
	// Ahead is how far after Now a timestamp may lie.
	Ahead time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// ByReceipt makes AppendTo measure Ahead from the record's own ReceivedAt
	// and not from the clock, so that a record read again has the same outcome.
	ByReceipt bool
}

// DefaultLimits are the limits of the HTTP contract.
func DefaultLimits() Limits {
	return Limits{
		EventBytes:      960 << 10, // with key and framing below the 1,000,012 bytes that brokers and clients take by default
		PropertiesBytes: 256 << 10,
		TypeBytes:       200,
		IDBytes:         512,
		ContextBytes:    8 << 10,
		Depth:           32,
		Oldest:          time.UnixMilli(0).UTC(),
		Ahead:           24 * time.Hour,
		Now:             time.Now,
	}
}

// Validate reports every limit that cannot work, joined.
func (l Limits) Validate() error {
	var errs []error
	atLeastOne := func(name string, n int) {
		if n < 1 {
			errs = append(errs, fmt.Errorf("%s is %d; it must be at least 1", name, n))
		}
	}
	atLeastOne("EventBytes", l.EventBytes)
	atLeastOne("PropertiesBytes", l.PropertiesBytes)
	atLeastOne("TypeBytes", l.TypeBytes)
	atLeastOne("IDBytes", l.IDBytes)
	atLeastOne("ContextBytes", l.ContextBytes)
	atLeastOne("Depth", l.Depth)
	if l.EventBytes > 1<<30 {
		errs = append(errs, fmt.Errorf("EventBytes is %d; it must be at most %d", l.EventBytes, 1<<30))
	}
	if l.Depth > deepest {
		errs = append(errs, fmt.Errorf("Depth is %d; it must be at most %d", l.Depth, deepest))
	}
	if l.MaxAge < 0 {
		errs = append(errs, fmt.Errorf("MaxAge is %s; it must not be negative", l.MaxAge))
	}
	if l.Ahead < 0 {
		errs = append(errs, fmt.Errorf("Ahead is %s; it must not be negative", l.Ahead))
	}
	return errors.Join(errs...)
}

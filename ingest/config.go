package ingest

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/event"
)

// Config says what a Consumer reads and how it cuts batches.
type Config struct {
	// Brokers are host:port addresses of the Kafka cluster; one is enough.
	Brokers []string
	// Topic is read from its beginning by a group that is new.
	Topic string
	// Group is the consumer group whose offsets say what is stored.
	Group string
	// MaxRows closes a batch at this many events.
	MaxRows int
	// MaxBytes closes a batch at this much text.
	MaxBytes int
	// MaxAge closes a batch this long after its first event: the freshness
	// that a reader sees when traffic is thin.
	MaxAge time.Duration
	// MaxQueuedBytes bounds what a partition has fetched ahead of its batch.
	// At the bound fetching of that partition pauses.
	MaxQueuedBytes int
	// RepeatHorizon is how long after an event a repeat with the same event_id
	// is known again and left out.
	RepeatHorizon time.Duration
	// RepeatIDs bounds how many ids a partition remembers, at about 100 bytes
	// each: under high traffic it may cover less than RepeatHorizon.
	RepeatIDs int
	// WriteDeadline bounds one attempt to write, and how long after its seal a
	// block may still be sent without asking the group again. The store has to
	// remember tokens for many times as long.
	WriteDeadline time.Duration
	// RetryMin and RetryMax bound the wait before a failed write is repeated.
	RetryMin, RetryMax time.Duration
	// StopTimeout bounds the last write and commit when the Consumer stops.
	StopTimeout time.Duration
	// Limits are the rules a record must keep.
	Limits event.Limits
	// Options go to the Kafka client as they are, such as metric hooks.
	Options []kgo.Opt
}

// DefaultConfig reads the topic `events` of a local broker as `millrace-ingest`.
func DefaultConfig() Config {
	limits := event.DefaultLimits()
	limits.ByReceipt = true // a block that is built again must come out the same
	return Config{
		Brokers:        []string{"127.0.0.1:9092"},
		Topic:          "events",
		Group:          "millrace-ingest",
		MaxRows:        200_000,
		MaxBytes:       48 << 20,
		MaxAge:         time.Second,
		MaxQueuedBytes: 16 << 20,
		RepeatHorizon:  24 * time.Hour,
		RepeatIDs:      500_000,
		WriteDeadline:  time.Minute,
		RetryMin:       100 * time.Millisecond,
		RetryMax:       5 * time.Second,
		StopTimeout:    5 * time.Second,
		Limits:         limits,
	}
}

// Validate reports every fault of the configuration at once.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if len(c.Brokers) == 0 {
		fault("kafka: no broker address; give at least one host:port")
	}
	if c.Topic == "" {
		fault("topic: empty; name the topic that holds events")
	}
	if c.Group == "" {
		fault("group: empty; name the consumer group")
	}
	if c.MaxRows <= 0 || c.MaxBytes <= 0 || c.MaxAge <= 0 {
		fault("batch: rows %d, bytes %d and age %v must all be positive", c.MaxRows, c.MaxBytes, c.MaxAge)
	}
	if c.MaxQueuedBytes <= 0 {
		fault("max queued bytes: %d is not positive", c.MaxQueuedBytes)
	}
	if c.RepeatHorizon <= 0 || c.RepeatIDs <= 0 {
		fault("repeats: horizon %v and %d ids must both be positive", c.RepeatHorizon, c.RepeatIDs)
	}
	if c.WriteDeadline <= 0 {
		fault("write deadline: %v is not positive", c.WriteDeadline)
	}
	if c.RetryMin <= 0 || c.RetryMax < c.RetryMin {
		fault("retry: %v to %v is not a range", c.RetryMin, c.RetryMax)
	}
	if !c.Limits.ByReceipt {
		fault("limits: records must be judged by their receipt, not by the clock")
	}
	if c.StopTimeout <= 0 {
		fault("stop timeout: %v is not positive", c.StopTimeout)
	}
	return errors.Join(faults...)
}

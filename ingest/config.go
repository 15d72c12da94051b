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
	// Backfill is a second topic, of history, that is stored behind Topic; empty
	// for none.
	Backfill string
	// BackfillBehind is how late live traffic may be stored before the backfill
	// gives way. It has to be longer than MaxAge and a write together.
	BackfillBehind time.Duration
	// BackfillShare is the share of the time, above 0 and at most 1, in which
	// the backfill still writes then.
	BackfillShare float64
	// Group is the consumer group whose offsets say what is stored.
	Group string
	// MaxMemory is what this process may have resident, in bytes, whatever the
	// backlog. Blocks, queues and memories of repeats are made small enough. All
	// members of a group should have the same, since the memories have to
	// answer alike.
	MaxMemory int
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
	// RepeatIDs bounds how many ids a partition remembers, at 72 bytes
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
	// Options go to the Kafka client as they are, such as a dialer.
	Options []kgo.Opt
}

// DefaultConfig reads the topic `events` of a local broker as `millrace-ingest`.
func DefaultConfig() Config {
	limits := event.DefaultLimits()
	limits.ByReceipt = true // a block that is built again must come out the same
	return Config{
		Brokers:        []string{"127.0.0.1:9092"},
		Topic:          "events",
		BackfillBehind: 3 * time.Second,
		BackfillShare:  0.1,
		Group:          "millrace-ingest",
		MaxMemory:      512 << 20,
		MaxRows:        200_000,
		MaxBytes:       64 << 20,
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

// mostBytes is how much text closes a batch at the latest: a column holds 4 GiB,
// and the last record of a batch comes on top.
const mostBytes = 1 << 30

// GoMemoryLimit is the limit that a process which does nothing but ingest gives
// to debug.SetMemoryLimit, so that the garbage collector keeps MaxMemory in
// mind. It leaves out what the runtime does not count, such as the program.
func (c Config) GoMemoryLimit() int64 { return int64(c.MaxMemory-program) / 16 * 15 }

// topics are what a member subscribes to.
func (c Config) topics() []string {
	if c.Backfill == "" {
		return []string{c.Topic}
	}
	return []string{c.Topic, c.Backfill}
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
	if c.Backfill != "" {
		if c.Backfill == c.Topic {
			fault("backfill: %q is the topic of live events; name another, or none", c.Backfill)
		}
		if c.BackfillBehind <= 0 || c.BackfillShare <= 0 || c.BackfillShare > 1 {
			fault("backfill: behind %v must be positive, and share %v above 0 and at most 1", c.BackfillBehind, c.BackfillShare)
		}
	}
	if c.Group == "" {
		fault("group: empty; name the consumer group")
	}
	if c.MaxMemory < 2*program {
		fault("max memory: %d bytes are too few to work in; give at least %d", c.MaxMemory, 2*program)
	}
	if c.MaxRows <= 0 || c.MaxBytes <= 0 || c.MaxAge <= 0 {
		fault("batch: rows %d, bytes %d and age %v must all be positive", c.MaxRows, c.MaxBytes, c.MaxAge)
	}
	if c.MaxBytes > mostBytes {
		fault("batch: %d bytes are more than a column holds; give at most %d", c.MaxBytes, mostBytes)
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

package scorer

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/ingest"
)

// Config says what a Scorer reads and how much it keeps.
type Config struct {
	// Brokers are host:port addresses of the Kafka cluster; one is enough.
	Brokers []string
	// Topic is read from its beginning by a group that is new.
	Topic string
	// Backfill is a second topic, of history, that profiles learn from and that no
	// purchase is judged in; empty for none.
	Backfill string
	// Group is the consumer group.
	Group string
	// MaxAge is how long the first event of a block waits for more: most of the
	// time from an event to its score. Shorter costs Postgres more steps.
	MaxAge time.Duration
	// MaxRows closes a block at this many events. A partition that has a quarter
	// of that waiting counts as behind, and its blocks wait for more.
	MaxRows int
	// MaxProfiles bounds the profiles kept in memory, about 1.5 KB each.
	MaxProfiles int
	// SessionTimeout is after how long the group gives up a member that is not
	// heard of: how long purchases wait after a kill. The broker bounds it.
	SessionTimeout time.Duration
	// MaxMemory is what package ingest may use for this stage, in bytes; profiles
	// come on top.
	MaxMemory int
}

// DefaultConfig reads the topic `events` of a local broker as `millrace-score`.
func DefaultConfig() Config {
	defaults := ingest.DefaultConfig()
	return Config{
		Brokers:        defaults.Brokers,
		Topic:          defaults.Topic,
		Group:          "millrace-score",
		MaxAge:         150 * time.Millisecond,
		MaxRows:        40_000,
		MaxProfiles:    50_000,
		SessionTimeout: 10 * time.Second,
		MaxMemory:      192 << 20,
	}
}

// Validate reports every fault of the configuration at once.
func (c Config) Validate() error {
	var faults []error
	if c.MaxProfiles < 1 {
		faults = append(faults, fmt.Errorf("max profiles: %d; keep at least one", c.MaxProfiles))
	}
	if c.SessionTimeout < time.Second {
		faults = append(faults, fmt.Errorf("session timeout: %v is too short for a network; use at least 1s", c.SessionTimeout))
	}
	if err := c.consumer().Validate(); err != nil {
		faults = append(faults, fmt.Errorf("scoring: %w", err))
	}
	return errors.Join(faults...)
}

// consumer is the part that package ingest needs. A stage that judges wants
// every event, repeats too: their ids are known to the profiles.
func (c Config) consumer() ingest.Config {
	cfg := ingest.DefaultConfig()
	cfg.Brokers, cfg.Topic, cfg.Backfill, cfg.Group = c.Brokers, c.Topic, c.Backfill, c.Group
	cfg.MaxAge, cfg.MaxRows, cfg.MaxMemory = c.MaxAge, c.MaxRows, c.MaxMemory
	cfg.Options = []kgo.Opt{kgo.SessionTimeout(c.SessionTimeout), kgo.HeartbeatInterval(c.SessionTimeout / 4)}
	cfg.RepeatIDs = 1 // none are remembered: their memory would only be set aside
	return cfg
}

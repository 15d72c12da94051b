package olap

import (
	"errors"
	"time"
)

// GuardConfig says how many questions are answered at once, what one may cost,
// and how much is remembered.
type GuardConfig struct {
	// MaxRunning bounds the questions that the store works on at once; further
	// ones wait.
	MaxRunning int
	// MaxWaiting bounds those that wait, and MaxWaitingPerCaller those of one
	// caller.
	MaxWaiting          int
	MaxWaitingPerCaller int
	// MaxWait bounds the wait.
	MaxWait time.Duration
	// Budget is what a question may read whose caller has no budget of its own.
	Budget Budget
	// CacheBytes bounds the answers that are remembered; 0 remembers none.
	CacheBytes int
	// CacheAge is how long an answer is remembered at most.
	CacheAge time.Duration
	// Fresh is how long an answer may be given again where the question counts from
	// now: its range would have moved on by so much.
	Fresh time.Duration
}

// DefaultGuardConfig suits two cores and a few hundred million events.
func DefaultGuardConfig() GuardConfig {
	return GuardConfig{
		MaxRunning:          4,
		MaxWaiting:          200,
		MaxWaitingPerCaller: 50,
		MaxWait:             10 * time.Second,
		Budget:              Budget{Rows: 2_000_000_000},
		CacheBytes:          64 << 20,
		CacheAge:            10 * time.Minute,
		Fresh:               5 * time.Second,
	}
}

// Validate reports every fault at once.
func (c GuardConfig) Validate() error {
	faults := []error{
		positive("MaxRunning", c.MaxRunning),
		positive("MaxWaiting", c.MaxWaiting),
		positive("MaxWaitingPerCaller", c.MaxWaitingPerCaller),
		positive("MaxWait", c.MaxWait),
		positive("CacheAge", c.CacheAge),
		positive("Fresh", c.Fresh),
	}
	if c.CacheBytes < 0 {
		faults = append(faults, errors.New("CacheBytes must not be below zero; 0 remembers nothing"))
	}
	return errors.Join(faults...)
}

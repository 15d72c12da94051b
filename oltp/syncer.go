package oltp

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// Source yields the absolute statistics of every user with at least one event
// stored in [from, to). A user may come twice; the later entry counts.
type Source func(ctx context.Context, from, to time.Time) iter.Seq2[UserStats, error]

// SyncerConfig says how often and how far back the sync reads.
type SyncerConfig struct {
	// Interval is the pause between passes. After a pass that took longer, the
	// pause is as long as the pass, so the sync never takes over the store.
	Interval time.Duration
	// Overlap is how far before the cursor every pass reads again. It covers the
	// usual insert and the difference between the machines' clocks.
	Overlap time.Duration
	// SweepEvery is the time between sweeps: passes that read SweepOverlap before
	// the cursor again, for rows of an insert that took unusually long. The first
	// pass is a sweep. A row is found however late it becomes visible, up to
	// SweepOverlap less SweepEvery.
	SweepEvery   time.Duration
	SweepOverlap time.Duration
	// BatchUsers is how many rows are written with one statement.
	BatchUsers int
	// MaxPass bounds one pass; one that takes longer is given up and repeated.
	MaxPass time.Duration
	// MaxRetryPause bounds the growing pause after failed passes.
	MaxRetryPause time.Duration
	// StopTimeout is how long the pass under way may go on after a stop.
	StopTimeout time.Duration
}

// DefaultSyncerConfig returns a sync each second that tolerates rows that become
// visible up to four minutes after their stored_at.
func DefaultSyncerConfig() SyncerConfig {
	return SyncerConfig{
		Interval:      time.Second,
		Overlap:       5 * time.Second,
		SweepEvery:    time.Minute,
		SweepOverlap:  5 * time.Minute,
		BatchUsers:    5000,
		MaxPass:       15 * time.Minute,
		MaxRetryPause: 15 * time.Second,
		StopTimeout:   5 * time.Second,
	}
}

// Validate reports everything that is wrong with the configuration.
func (c SyncerConfig) Validate() error {
	var faults []error
	positive := func(name string, d time.Duration) {
		if d <= 0 {
			faults = append(faults, fmt.Errorf("sync %s is %s: use a positive duration", name, d))
		}
	}
	positive("interval", c.Interval)
	positive("overlap", c.Overlap)
	positive("sweep interval", c.SweepEvery)
	positive("max pass", c.MaxPass)
	positive("max retry pause", c.MaxRetryPause)
	positive("stop timeout", c.StopTimeout)
	if c.SweepOverlap < max(c.Overlap, 2*c.SweepEvery) {
		faults = append(faults, fmt.Errorf("sync sweep overlap is %s: use at least the overlap (%s) and twice the sweep interval (%s)",
			c.SweepOverlap, c.Overlap, c.SweepEvery))
	}
	if c.BatchUsers < 1 || c.BatchUsers > 50_000 {
		faults = append(faults, fmt.Errorf("sync batch is %d users: use 1 to 50,000", c.BatchUsers))
	}
	return errors.Join(faults...)
}

// SyncDeps is what a Syncer works with.
type SyncDeps struct {
	Store    *Store
	Source   Source
	Registry prometheus.Registerer
	Logger   *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// SyncState is how the sync is doing.
type SyncState struct {
	// StoredBefore is the cursor: events stored before it are in user_stats. It
	// is zero until the first pass of this process has read it.
	StoredBefore time.Time
	// Failing is the error of the latest pass, nil if it was committed.
	Failing error
	// Since is when the sync came into this condition, failing or not.
	Since time.Time
}

// Syncer keeps user_stats equal to what ClickHouse holds.
type Syncer struct {
	cfg     SyncerConfig
	deps    SyncDeps
	metrics *metrics
	started time.Time

	mu    sync.Mutex
	state SyncState // guarded by mu, written by Run's goroutine only
	swept time.Time // when the last sweep began; Run's goroutine only
}

// NewSyncer checks the configuration and registers the sync's metrics.
func NewSyncer(cfg SyncerConfig, deps SyncDeps) (*Syncer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	s := &Syncer{cfg: cfg, deps: deps, started: deps.Now()}
	s.state.Since = s.started
	var err error
	if s.metrics, err = newMetrics(deps.Registry, s.Lag); err != nil {
		return nil, fmt.Errorf("register sync metrics: %w", err)
	}
	return s, nil
}

// State returns how the sync is doing. It may be called at any time.
func (s *Syncer) State() SyncState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Lag is the age of the cursor, or the time since the start while the cursor has
// not been read. When all is well it stays around the interval.
func (s *Syncer) Lag() time.Duration {
	cursor := s.State().StoredBefore
	if cursor.IsZero() {
		cursor = s.started
	}
	return max(0, s.deps.Now().Sub(cursor))
}

// Run syncs until ctx ends, then lets the pass under way finish within
// StopTimeout and returns nil. A failed pass is logged and repeated.
func (s *Syncer) Run(ctx context.Context) error {
	failures := 0
	for {
		began := s.deps.Now()
		err := s.passUntilStopped(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			failures++
		} else {
			failures = 0
		}
		s.note(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.pause(failures, s.deps.Now().Sub(began))):
		}
	}
}

// pause is how long to wait after a pass that took took, after failures in a row.
func (s *Syncer) pause(failures int, took time.Duration) time.Duration {
	if failures == 0 {
		return max(s.cfg.Interval, took)
	}
	grown := s.cfg.Interval << min(failures, 10)
	return min(grown, s.cfg.MaxRetryPause)
}

// passUntilStopped runs one pass that outlives a stop by StopTimeout at most: a
// pass cut off loses nothing, but one that ends saves the next start its work.
func (s *Syncer) passUntilStopped(ctx context.Context) error {
	passCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.MaxPass)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(s.cfg.StopTimeout):
			cancel()
		case <-passCtx.Done():
		}
	})
	defer stop()
	return s.Pass(passCtx)
}

// note records the outcome of a pass and logs when the condition changes.
func (s *Syncer) note(err error) {
	s.mu.Lock()
	changed := (err == nil) != (s.state.Failing == nil)
	s.state.Failing = err
	if changed {
		s.state.Since = s.deps.Now()
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		s.metrics.failures.Inc()
		if changed {
			s.deps.Logger.Warn("user statistics sync fails, will keep trying", "error", err)
		}
	case changed:
		s.deps.Logger.Info("user statistics sync works again")
	}
}

// Pass copies once: users stored since the cursor, less the overlap, and then
// the cursor itself, in one transaction. Run calls it; a tool that does not run
// the sync may call it too.
func (s *Syncer) Pass(ctx context.Context) error {
	began := s.deps.Now()
	overlap, sweep := s.cfg.Overlap, began.Sub(s.swept) >= s.cfg.SweepEvery
	if sweep {
		overlap = s.cfg.SweepOverlap
	}
	var cursor time.Time
	err := pgx.BeginFunc(ctx, s.deps.Store.pool, func(tx pgx.Tx) (err error) {
		cursor, err = s.copyUsers(ctx, tx, overlap)
		return err
	})
	if err != nil {
		return wrap("sync user statistics", err)
	}
	if sweep {
		s.swept = began
	}
	s.mu.Lock()
	s.state.StoredBefore = cursor
	s.mu.Unlock()
	s.metrics.passes.Inc()
	s.metrics.passSeconds.Observe(s.deps.Now().Sub(began).Seconds())
	return nil
}

// copyUsers holds the cursor's row lock from the first statement to the commit.
// It takes "now" after it has the lock: another process may just have moved the
// cursor.
func (s *Syncer) copyUsers(ctx context.Context, tx pgx.Tx, overlap time.Duration) (cursor time.Time, err error) {
	const lock = "SELECT stored_before FROM sync_state WHERE name = 'user_stats' FOR UPDATE"
	if err := tx.QueryRow(ctx, lock).Scan(&cursor); err != nil {
		return cursor, fmt.Errorf("read the cursor: %w", err)
	}
	to := s.deps.Now().UTC().Truncate(time.Millisecond)
	if to.Before(cursor) {
		to = cursor.UTC() // this clock is behind that of the process before
	}
	if err := s.writeUsers(ctx, tx, s.deps.Source(ctx, readFrom(cursor, overlap), to)); err != nil {
		return cursor, err
	}
	const move = "UPDATE sync_state SET stored_before = $1, updated_at = now() WHERE name = 'user_stats'"
	if _, err := tx.Exec(ctx, move, to); err != nil {
		return cursor, fmt.Errorf("move the cursor: %w", err)
	}
	return to, nil
}

// readFrom is where a pass starts to read; never before 1970, where all begins.
func readFrom(cursor time.Time, overlap time.Duration) time.Time {
	from := cursor.Add(-overlap).UTC()
	if epoch := time.Unix(0, 0).UTC(); from.Before(epoch) {
		return epoch
	}
	return from
}

// writeUsers drains the source in batches, so memory is flat however many came.
func (s *Syncer) writeUsers(ctx context.Context, tx pgx.Tx, users iter.Seq2[UserStats, error]) error {
	batch := make([]UserStats, 0, min(s.cfg.BatchUsers, 1024))
	for u, err := range users {
		if err != nil {
			return fmt.Errorf("read users: %w", err)
		}
		if !storable(u.UserID) {
			s.metrics.skippedUsers.Inc()
			continue
		}
		if batch = append(batch, u); len(batch) < s.cfg.BatchUsers {
			continue
		}
		if err := s.writeBatch(ctx, tx, batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
	return s.writeBatch(ctx, tx, batch)
}

func (s *Syncer) writeBatch(ctx context.Context, tx pgx.Tx, batch []UserStats) error {
	if err := upsertUserStats(ctx, tx, batch); err != nil {
		return err
	}
	s.metrics.users.Add(float64(len(batch)))
	return nil
}

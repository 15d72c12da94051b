package oltp

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"millrace/internal/enginetest"
)

// history stands for ClickHouse: rows with the time they were stored, and values
// that are absolute whatever range is asked for.
type history struct {
	mu   sync.Mutex
	rows []storedRow
	asks [][2]time.Time
	fail error // returned after the first user of a range
}

type storedRow struct {
	user string
	at   time.Time
}

func (h *history) add(user string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rows = append(h.rows, storedRow{user, at})
}

func (h *history) source(_ context.Context, from, to time.Time) iter.Seq2[UserStats, error] {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asks = append(h.asks, [2]time.Time{from, to})
	total, touched := map[string]uint64{}, map[string]bool{}
	for _, r := range h.rows {
		total[r.user]++
		if !r.at.Before(from) && r.at.Before(to) {
			touched[r.user] = true
		}
	}
	fail := h.fail
	return func(yield func(UserStats, error) bool) {
		for user := range touched {
			u := sampleUser(user, 2)
			u.Events = total[user]
			if !yield(u, nil) {
				return
			}
			if fail != nil {
				yield(UserStats{}, fail)
				return
			}
		}
	}
}

// clock is a hand-driven time.Now.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time                 { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) set(t time.Time)                { c.ms.Store(t.UnixMilli()) }
func (c *clock) advance(d time.Duration)        { c.ms.Add(d.Milliseconds()) }
func (c *clock) back(d time.Duration) time.Time { return c.now().Add(-d) }

type syncTest struct {
	*Syncer
	store   *Store
	history *history
	clock   *clock
}

func newSyncTest(t *testing.T, store *Store, h *history, c *clock) *syncTest {
	t.Helper()
	s, err := NewSyncer(DefaultSyncerConfig(), SyncDeps{
		Store: store, Source: h.source, Registry: prometheus.NewRegistry(), Logger: quietLog(), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return &syncTest{Syncer: s, store: store, history: h, clock: c}
}

func startSyncTest(t *testing.T) *syncTest {
	c := &clock{}
	c.set(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	return newSyncTest(t, migratedStore(t), &history{}, c)
}

func (s *syncTest) pass(t *testing.T) {
	t.Helper()
	if err := s.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *syncTest) wantEvents(t *testing.T, user string, want uint64) {
	t.Helper()
	u, err := s.store.UserStats(t.Context(), user)
	if err != nil && !(want == 0 && errors.Is(err, ErrUnknownUser)) {
		t.Fatal(err)
	}
	if u.Events != want {
		t.Errorf("events of %s: got %d, want %d", user, u.Events, want)
	}
}

func TestSyncCopiesWhatIsNew(t *testing.T) {
	s := startSyncTest(t)
	s.history.add("ada", s.clock.back(24*time.Hour))
	s.pass(t)
	s.wantEvents(t, "ada", 1)
	if from := s.history.asks[0][0]; !from.Equal(time.Unix(0, 0)) {
		t.Errorf("the first pass reads from %s, want 1970", from)
	}
	s.clock.advance(time.Second)
	s.history.add("ada", s.clock.back(time.Millisecond))
	s.history.add("bob", s.clock.back(time.Millisecond))
	s.pass(t)
	s.wantEvents(t, "ada", 2)
	s.wantEvents(t, "bob", 1)
	if got, want := cursorOf(t, s.store), s.clock.now(); !got.Equal(want) {
		t.Errorf("cursor: got %s, want %s", got, want)
	}
	if got := counterValue(t, s.metrics.passes); got != 2 {
		t.Errorf("passes: got %v, want 2", got)
	}
}

func TestSyncFindsRowsThatBecomeVisibleLate(t *testing.T) {
	s := startSyncTest(t)
	s.pass(t)
	stored := s.clock.now().Add(100 * time.Millisecond)
	s.clock.advance(2 * time.Second)
	s.pass(t)
	s.history.add("a little late", stored)
	s.clock.advance(time.Second)
	s.pass(t)
	s.wantEvents(t, "a little late", 1)

	cfg := DefaultSyncerConfig()
	s.clock.advance(cfg.SweepOverlap - cfg.SweepEvery - 4*time.Second)
	s.pass(t) // a sweep
	s.history.add("very late", stored)
	s.clock.advance(time.Second)
	s.pass(t)
	s.wantEvents(t, "very late", 0)
	s.clock.advance(cfg.SweepEvery)
	s.pass(t)
	s.wantEvents(t, "very late", 1)
}

func TestFailedPassLeavesNothing(t *testing.T) {
	s := startSyncTest(t)
	s.pass(t)
	before := cursorOf(t, s.store)
	s.clock.advance(time.Second)
	s.history.add("ada", s.clock.back(time.Millisecond))
	s.history.add("bob", s.clock.back(time.Millisecond))
	s.history.fail = errors.New("connection reset")
	if err := s.Pass(t.Context()); !errors.Is(err, s.history.fail) {
		t.Fatalf("got %v, want the source's error", err)
	}
	s.wantEvents(t, "ada", 0)
	s.wantEvents(t, "bob", 0)
	if got := cursorOf(t, s.store); !got.Equal(before) {
		t.Errorf("cursor moved to %s", got)
	}
	s.history.fail = nil
	s.pass(t)
	s.wantEvents(t, "ada", 1)
	s.wantEvents(t, "bob", 1)
}

// The server dies while a pass is open: whatever it had done is undone, and the
// next pass does it again.
func TestSyncAfterItsConnectionIsKilled(t *testing.T) {
	s := startSyncTest(t)
	s.history.add("ada", s.clock.back(time.Minute))
	inner := s.deps.Source
	s.deps.Source = func(ctx context.Context, from, to time.Time) iter.Seq2[UserStats, error] {
		exec(t, s.store, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'")
		return inner(ctx, from, to)
	}
	if err := s.Pass(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	s.wantEvents(t, "ada", 0)
	s.deps.Source = inner
	s.pass(t)
	s.wantEvents(t, "ada", 1)
}

// A second process waits for the first, and reads only then: values never go
// back in time.
func TestTwoSyncsTakeTurns(t *testing.T) {
	s := startSyncTest(t)
	other := newSyncTest(t, s.store, s.history, s.clock)
	done := make(chan error, 1)
	inTx(t, s.store, func(ctx context.Context, tx pgx.Tx) {
		if _, err := tx.Exec(ctx, "SELECT 1 FROM sync_state WHERE name = 'user_stats' FOR UPDATE"); err != nil {
			t.Fatal(err)
		}
		go func() { done <- other.Pass(t.Context()) }()
		waitForLock(t, s.store)
		if len(s.history.asks) != 0 {
			t.Error("the second sync read before it had the lock")
		}
		s.history.add("ada", s.clock.back(time.Second))
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.wantEvents(t, "ada", 1)
}

// waitForLock returns when a backend of this database waits for a lock.
func waitForLock(t *testing.T, s *Store) {
	t.Helper()
	const sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	for waiting := 0; waiting == 0; {
		if err := s.pool.QueryRow(t.Context(), sql).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClockThatGoesBackDoesNotMoveTheCursorBack(t *testing.T) {
	s := startSyncTest(t)
	s.pass(t)
	before := cursorOf(t, s.store)
	s.clock.advance(-time.Hour)
	s.pass(t)
	if got := cursorOf(t, s.store); !got.Equal(before) {
		t.Errorf("cursor: got %s, want %s", got, before)
	}
}

func TestUnstorableUsersDoNotStopTheOthers(t *testing.T) {
	s := startSyncTest(t)
	s.history.add("a\x00b", s.clock.back(time.Second))
	s.history.add("ada", s.clock.back(time.Second))
	s.pass(t)
	s.wantEvents(t, "ada", 1)
	if got := counterValue(t, s.metrics.skippedUsers); got != 1 {
		t.Errorf("skipped users: got %v, want 1", got)
	}
}

func TestLargePassIsWrittenInBatches(t *testing.T) {
	s := startSyncTest(t)
	s.cfg.BatchUsers = 7
	const users = 50
	for i := range users {
		s.history.add(string(rune('A'+i)), s.clock.back(time.Second))
	}
	s.pass(t)
	var got int
	if err := s.store.pool.QueryRow(t.Context(), "SELECT count(*) FROM user_stats").Scan(&got); err != nil || got != users {
		t.Errorf("rows: got %d, %v, want %d", got, err, users)
	}
}

func TestRunSyncsUntilStoppedAndFinishesItsPass(t *testing.T) {
	s := startSyncTest(t)
	s.cfg.Interval = time.Millisecond
	s.history.add("ada", s.clock.back(time.Second))
	inner := s.deps.Source
	ctx, stop := context.WithCancel(t.Context())
	s.deps.Source = func(passCtx context.Context, from, to time.Time) iter.Seq2[UserStats, error] {
		stop() // in the middle of the pass
		if passCtx.Err() != nil {
			t.Error("the stop cut the pass off")
		}
		return inner(passCtx, from, to)
	}
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	s.wantEvents(t, "ada", 1)
}

func TestRunKeepsTryingAndSaysSo(t *testing.T) {
	s := startSyncTest(t)
	s.cfg.Interval, s.cfg.MaxRetryPause = time.Millisecond, 2*time.Millisecond
	s.history.add("ada", s.clock.back(time.Second))
	broken := errors.New("store is away")
	s.history.fail = broken
	ctx, stop := context.WithCancel(t.Context())
	inner, passes := s.deps.Source, 0
	s.deps.Source = func(passCtx context.Context, from, to time.Time) iter.Seq2[UserStats, error] {
		switch passes++; passes {
		case 3:
			if st := s.State(); !errors.Is(st.Failing, broken) {
				t.Errorf("state while failing: %+v", st)
			}
			s.history.mu.Lock()
			s.history.fail = nil
			s.history.mu.Unlock()
		case 5:
			if st := s.State(); st.Failing != nil || st.StoredBefore.IsZero() {
				t.Errorf("state after the repair: %+v", st)
			}
			stop()
		}
		return inner(passCtx, from, to)
	}
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	s.wantEvents(t, "ada", 1)
	if got := counterValue(t, s.metrics.failures); got != 2 {
		t.Errorf("failures: got %v, want 2", got)
	}
}

func TestPause(t *testing.T) {
	s := &Syncer{cfg: DefaultSyncerConfig()}
	for _, c := range []struct {
		failures   int
		took, want time.Duration
	}{
		{0, 0, time.Second},
		{0, 10 * time.Second, 10 * time.Second}, // at most half of the time
		{1, 0, 2 * time.Second},
		{3, 0, 8 * time.Second},
		{100, 0, 15 * time.Second},
	} {
		if got := s.pause(c.failures, c.took); got != c.want {
			t.Errorf("pause(%d, %s): got %s, want %s", c.failures, c.took, got, c.want)
		}
	}
}

func TestLagGrowsUntilAPassMovesTheCursor(t *testing.T) {
	s := startSyncTest(t)
	s.clock.advance(3 * time.Second)
	if got := s.Lag(); got != 3*time.Second {
		t.Errorf("before the first pass: got %s, want 3s since the start", got)
	}
	s.pass(t)
	if got := s.Lag(); got != 0 {
		t.Errorf("after a pass: got %s, want 0", got)
	}
	s.clock.advance(time.Minute)
	if got := s.Lag(); got != time.Minute {
		t.Errorf("a minute later: got %s, want 1m", got)
	}
}

func TestSyncerConfigNamesEveryFault(t *testing.T) {
	err := SyncerConfig{}.Validate()
	if err == nil {
		t.Fatal("got nil")
	}
	if err := DefaultSyncerConfig().Validate(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
}

// benchStore is migratedStore for a benchmark.
func benchStore(b *testing.B) *Store {
	b.Helper()
	cfg := DefaultConfig()
	cfg.Address = enginetest.Postgres(b)
	s, err := Open(context.Background(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if _, err := s.Migrate(context.Background()); err != nil {
		b.Fatal(err)
	}
	return s
}

func counterValue(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

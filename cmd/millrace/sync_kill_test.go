package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/enginetest"
	"millrace/internal/event"
	"millrace/olap"
	"millrace/oltp"
)

// syncMember is the environment variable that makes the test binary a sync of user
// statistics.
const syncMember = "MILLRACE_TEST_SYNC"

// syncOf says what such a sync works with.
type syncOf struct {
	ClickHouse, Database, Postgres string
}

// serveSync runs a sync where this process is one, and does not return then.
func serveSync() {
	text, ok := os.LookupEnv(syncMember)
	if !ok {
		return
	}
	var m syncOf
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	if err := m.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// open connects to both stores.
func (m syncOf) open(ctx context.Context) (*olap.Store, *oltp.Store, error) {
	olapCfg, oltpCfg := olap.DefaultConfig(), oltp.DefaultConfig()
	olapCfg.Address, olapCfg.Database, oltpCfg.Address = m.ClickHouse, m.Database, m.Postgres
	events, err := olap.Open(ctx, olapCfg)
	if err != nil {
		return nil, nil, err
	}
	users, err := oltp.Open(ctx, oltpCfg)
	return events, users, err
}

// run copies until ctx ends, in many small statements: many places to die in. A
// pass takes longer than what the next one reads again, so that the overlap, which
// is for rows that become visible late, does not heal a cursor that is too far.
func (m syncOf) run(ctx context.Context) error {
	events, users, err := m.open(ctx)
	if err != nil {
		return err
	}
	cfg := oltp.DefaultSyncerConfig()
	cfg.Interval, cfg.BatchUsers = 10*time.Millisecond, 5
	cfg.Overlap, cfg.SweepEvery, cfg.SweepOverlap = 2*time.Second, time.Second, 2*time.Second
	slowly := func(ctx context.Context, from, to time.Time) iter.Seq2[oltp.UserStats, error] {
		return func(yield func(oltp.UserStats, error) bool) {
			for stats, err := range events.UserStats(ctx, from, to) {
				<-time.After(8 * time.Millisecond)
				if !yield(oltp.UserStats(stats), err) {
					return
				}
			}
		}
	}
	syncer, err := oltp.NewSyncer(cfg, oltp.SyncDeps{
		Store: users, Source: slowly, Registry: prometheus.NewRegistry(), Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	return syncer.Run(ctx)
}

// TestSyncKilledAtRandom kills the sync of user statistics with SIGKILL again and
// again, mostly within a pass, while events are stored, and compares each user's
// row with what ClickHouse says in the end.
func TestSyncKilledAtRandom(t *testing.T) {
	blocks, kills := 100, 5
	if testing.Short() {
		blocks, kills = 40, 2
	}
	var m syncOf
	_, m.ClickHouse, m.Database = enginetest.ClickHouse(t)
	m.Postgres = enginetest.Postgres(t)
	events, users, err := m.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	defer users.Close()
	if err := migrate(t.Context(), &app{stdout: t.Output(), stderr: t.Output(), log: slog.New(slog.DiscardHandler)}, events, users); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var storing sync.WaitGroup
	storing.Go(func() { storePurchases(t, events, rand.New(rand.NewPCG(seed, 1)), blocks) })
	rng := rand.New(rand.NewPCG(seed, 2))
	within := 0
	victim := m.start(t)
	for range kills {
		<-time.After(time.Duration(rng.Int64N(int64(3 * time.Second))))
		eventually(t, "the sync works", func() bool { return m.passes(t) })
		if m.passes(t) {
			within++
		}
		if err := victim.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = victim.Wait()
		victim = m.start(t)
	}
	storing.Wait()
	end := time.Now()
	eventually(t, "the last events are copied", func() bool {
		_, storedBefore, err := users.ChurnPass(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return storedBefore.After(end)
	})
	compared := 0
	for want, err := range events.UserStats(t.Context(), time.Unix(0, 0), end.Add(time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		got, err := users.UserStats(t.Context(), want.UserID)
		if err != nil {
			t.Fatalf("user %s: %v", want.UserID, err)
		}
		if diff := cmp.Diff(oltp.UserStats(want), got); diff != "" {
			t.Errorf("user %s (-ClickHouse +Postgres):\n%s", want.UserID, diff)
		}
		compared++
	}
	if compared < 50 || within == 0 {
		t.Errorf("%d users compared, %d of %d kills within a pass", compared, within, kills)
	}
	t.Logf("%d users compared; killed %d times, %d of them within a pass", compared, kills, within)
}

// storePurchases stores blocks of events, most of users who never come again: what
// is missed of them once stays missed.
func storePurchases(t *testing.T, events *olap.Store, rng *rand.Rand, blocks int) {
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	kinds := []string{"view", "purchase", "refund", "login"}
	for n := range blocks {
		batch := new(event.Batch)
		for i := range 30 {
			user := fmt.Sprintf("u%d-%d", n, i%8)
			if rng.IntN(6) == 0 {
				user = fmt.Sprintf("u%d-%d", rng.IntN(n+1), rng.IntN(8))
			}
			ev := &event.Event{
				ID: fmt.Sprintf("%d-%d", n, i), Type: kinds[rng.IntN(len(kinds))], UserID: user,
				Timestamp:  time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rng.Int64N(int64(240 * time.Hour)))).Truncate(time.Millisecond),
				Properties: fmt.Appendf(nil, `{"amount":"%d.%02d","currency":"INR"}`, rng.IntN(900), rng.IntN(100)),
			}
			if reject := batch.AppendEvent(ev, event.Position{Topic: "events", Offset: int64(30*n + i), ReceivedAt: ev.Timestamp.UnixMilli()}); reject != nil {
				t.Error(reject)
				return
			}
		}
		if err := events.Writer().Write(t.Context(), batch, fmt.Sprintf("block %d", n)); err != nil {
			t.Error(err)
			return
		}
		<-tick.C
	}
}

// passes reports whether a pass of the sync is under way.
func (m syncOf) passes(t *testing.T) bool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), m.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var open bool
	const locked = `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE a.datname = current_database() AND l.relation = 'sync_state'::regclass AND l.mode = 'RowShareLock' AND l.granted)`
	if err := conn.QueryRow(t.Context(), locked).Scan(&open); err != nil {
		t.Fatal(err)
	}
	return open
}

// start runs a sync as a process of its own.
func (m syncOf) start(t *testing.T) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return startAs(t, syncMember, string(text))
}

package bench

import (
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/embedded"
	"millrace/olap"
	"millrace/oltp"
)

var syncUsers = flag.Int("sync-users", 0, "copy the statistics of this many users, with ten events each, in TestUserSync")

// The goal: a million users within a minute.
const (
	syncGoal          = time.Minute
	syncGoalUsers     = 1_000_000
	eventsPerSyncUser = 10
)

// TestUserSync copies everyone's statistics from ClickHouse into an empty
// Postgres, in one pass of the sync that `millrace up` runs, and then once more
// when nothing has changed. It reports processor time too, which says more than
// the clock on a busy machine.
func TestUserSync(t *testing.T) {
	if *syncUsers == 0 {
		t.Skip("takes minutes: run it with -sync-users 1000000, or as `make bench-sync`")
	}
	s := openSyncArena(t, *syncUsers)
	for _, name := range []string{"first pass", "everyone again, unchanged"} {
		took := s.pass(t, name)
		if goal := syncGoal * time.Duration(*syncUsers) / syncGoalUsers; took > goal {
			t.Errorf("%s took %v; the goal for %d users is %v", name, took, *syncUsers, goal)
		}
	}
	var stats int
	if err := s.postgres.QueryRow(t.Context(), "SELECT count(*) FROM user_stats").Scan(&stats); err != nil {
		t.Fatal(err)
	}
	if stats != *syncUsers {
		t.Errorf("user_stats has %d users, want %d", stats, *syncUsers)
	}
	t.Log(machine())
}

// syncArena is both stores, the events, and the processes to watch.
type syncArena struct {
	stack    *embedded.Stack
	events   *olap.Store
	users    *oltp.Store
	postgres *pgx.Conn
}

func openSyncArena(t *testing.T, users int) *syncArena {
	t.Helper()
	cfg := embedded.DefaultConfig()
	cfg.DataDir, cfg.Ports = t.TempDir(), embedded.AutoPorts()
	cfg.Engines = []embedded.Engine{embedded.ClickHouse, embedded.Postgres}
	cfg.Logger = slog.New(slog.DiscardHandler)
	stack, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = stack.Stop(context.WithoutCancel(t.Context())) })
	s := &syncArena{stack: stack}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	olapCfg, oltpCfg := olap.DefaultConfig(), oltp.DefaultConfig()
	olapCfg.Address, oltpCfg.Address = stack.Addresses().ClickHouseNative, stack.Addresses().Postgres
	s.events, err = olap.Open(t.Context(), olapCfg)
	must(err)
	_, err = s.events.Migrate(t.Context())
	must(err)
	s.users, err = oltp.Open(t.Context(), oltpCfg)
	must(err)
	_, err = s.users.Migrate(t.Context())
	must(err)
	s.postgres, err = pgx.Connect(t.Context(), stack.Addresses().Postgres)
	must(err)
	t.Cleanup(func() {
		_ = s.postgres.Close(context.WithoutCancel(t.Context()))
		_ = s.users.Close()
		_ = s.events.Close()
	})
	fillForSync(t, store{url: stack.Addresses().ClickHouseHTTP, database: "default"}, users)
	return s
}

// fillForSync makes events inside the store, in blocks of a hundred thousand users.
func fillForSync(t *testing.T, s store, users int) {
	t.Helper()
	const chunk = 100_000
	for from := 0; from < users; from += chunk {
		s.must(t, fmt.Sprintf(`
INSERT INTO events (event_id, type, user_id, session_id, timestamp, received_at, amount, currency, category, country, device, platform, page, properties, kafka_offset)
SELECT toString(generateUUIDv7()),
    arrayElement(['page_view','page_view','page_view','view','view','view','click','add_to_cart','login','purchase'], 1 + rand(3) %% 10) AS type,
    concat('user_', leftPad(toString(%[1]d + intDiv(number, %[3]d)), 9, '0')) AS user_id,
    concat('s', toString(intDiv(number, 4)), user_id), toDateTime64('2026-01-01', 3, 'UTC') + toIntervalMillisecond(rand64(2) %% (90 * 86400000)) AS t, t,
    if(type = 'purchase', toDecimal64((rand(5) %% 50000) / 100, 6), NULL), if(type = 'purchase', 'USD', ''),
    if(type IN ('view', 'add_to_cart', 'purchase'), arrayElement(['books','toys','garden','music','sport'], 1 + rand(6) %% 5), ''),
    arrayElement(['IN','US','DE','BR','GB','FR','JP','NG'], 1 + rand(4) %% 8), arrayElement(['phone','tablet','desktop'], 1 + rand(7) %% 3),
    arrayElement(['web','ios','android'], 1 + rand(8) %% 3), '/p', '{}', number
FROM numbers(%[2]d)`, from, eventsPerSyncUser*min(chunk, users-from), eventsPerSyncUser))
	}
}

// pass copies all users with a sync that has never run before, and reports.
func (s *syncArena) pass(t *testing.T, name string) time.Duration {
	t.Helper()
	if _, err := s.postgres.Exec(t.Context(), "UPDATE sync_state SET stored_before = 'epoch' WHERE name = 'user_stats'"); err != nil {
		t.Fatal(err)
	}
	syncer, err := oltp.NewSyncer(oltp.DefaultSyncerConfig(), oltp.SyncDeps{
		Store: s.users, Source: s.source, Registry: prometheus.NewRegistry(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	clickhouse, postgres, self := s.used(t)
	began := time.Now()
	if err := syncer.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	clickhouseEnd, postgresEnd, selfEnd := s.used(t)
	peak, err := peakMemory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d users in %.1f s; processor seconds: ClickHouse %.1f, Postgres %.1f, Millrace %.1f; Millrace's peak memory %d MiB",
		name, *syncUsers, took.Seconds(), (clickhouseEnd - clickhouse).Seconds(), (postgresEnd - postgres).Seconds(), (selfEnd - self).Seconds(), peak>>20)
	return took
}

// source is what cmd/millrace gives the sync.
func (s *syncArena) source(ctx context.Context, from, to time.Time) iter.Seq2[oltp.UserStats, error] {
	return func(yield func(oltp.UserStats, error) bool) {
		for stats, err := range s.events.UserStats(ctx, from, to) {
			if !yield(oltp.UserStats(stats), err) {
				return
			}
		}
	}
}

// used is the processor time of both engines and of this process so far.
func (s *syncArena) used(t *testing.T) (clickhouse, postgres, self time.Duration) {
	t.Helper()
	of := func(pid int) time.Duration {
		used, err := processorTime(pid)
		if err != nil {
			t.Fatal(err)
		}
		return used
	}
	postmaster := s.stack.PID(embedded.Postgres)
	postgres = of(postmaster)
	for _, pid := range children(t, postmaster) {
		used, err := processorTime(pid)
		if err == nil { // else it has ended meanwhile
			postgres += used
		}
	}
	return of(s.stack.PID(embedded.ClickHouse)), postgres, of(os.Getpid())
}

// children are the processes whose parent is pid.
func children(t *testing.T, pid int) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		_, rest, found := strings.Cut(string(text), ") ")
		if err != nil || !found {
			continue
		}
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			all = append(all, child)
		}
	}
	return all
}

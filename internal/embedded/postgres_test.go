package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func query[T any](t *testing.T, conn *pgx.Conn, statement string) (value T) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), statement).Scan(&value); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return value
}

func execute(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// TestPostgresKeepsItsDataOverRestarts uses both kinds of directory that a test run as root meets: one that
// everybody may enter, and one (t.TempDir, mktemp -d, /root) that Postgres's user may not.
func TestPostgresKeepsItsDataOverRestarts(t *testing.T) {
	open, err := os.MkdirTemp("", "millrace-open-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(open) })
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"directory open to all": open, "directory closed to others": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			first := startStack(t, dir, Postgres)
			execute(t, connect(t, first.Addresses().Postgres), "CREATE TABLE t AS SELECT 42 AS x")
			stopStack(t, first)

			conn := connect(t, startStack(t, dir, Postgres).Addresses().Postgres)
			if got := query[int](t, conn, "SELECT x FROM t"); got != 42 {
				t.Errorf("got %d, want 42", got)
			}
		})
	}
}

func TestPostgresIsSetUpForUs(t *testing.T) {
	s := startStack(t, t.TempDir(), Postgres)
	conn := connect(t, s.Addresses().Postgres)
	for statement, want := range map[string]string{
		"SHOW server_encoding":      "UTF8",
		"SHOW timezone":             "UTC",
		"SHOW fsync":                "on",
		"SHOW shared_buffers":       "128MB",
		"SHOW listen_addresses":     "127.0.0.1",
		"SELECT current_user":       "millrace",
		"SELECT current_database()": "millrace",
		"SELECT upper('grüße é')":   "GRÜßE É",
		"SELECT rolsuper::text FROM pg_roles WHERE rolname='millrace'": "false",
	} {
		if got := query[string](t, conn, statement); got != want {
			t.Errorf("%s: got %q, want %q", statement, got, want)
		}
	}
	admin := fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.cfg.Ports.Postgres)
	if _, err := pgx.Connect(t.Context(), admin); err == nil {
		t.Error("the superuser can connect over the network")
	}
}

func TestPostgresDoesNotRunAsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root has to take care")
	}
	s := startStack(t, t.TempDir(), Postgres)
	info, err := os.Stat(fmt.Sprintf("/proc/%d", s.PID(Postgres)))
	if err != nil {
		t.Skip(err) // no /proc on this system
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid == 0 {
		t.Error("Postgres runs as root")
	}
}

// TestPostgresKillLosesNoCommittedRow kills the server while rows are committed one by one.
func TestPostgresKillLosesNoCommittedRow(t *testing.T) {
	s := startStack(t, t.TempDir(), Postgres)
	dsn := s.Addresses().Postgres
	conn := connect(t, dsn)
	execute(t, conn, "CREATE TABLE t (x int PRIMARY KEY)")
	pid, committed := s.PID(Postgres), 0
	for ; committed < 100_000; committed++ {
		if committed == 200 {
			kill(t, pid)
		}
		if _, err := conn.Exec(t.Context(), "INSERT INTO t VALUES ($1)", committed); err != nil {
			break
		}
	}
	awaitNewPID(t, s, Postgres, pid)
	again := reconnect(t, dsn)
	// The row whose answer was lost may be there too.
	if got := query[int](t, again, "SELECT count(*) FROM t"); got < committed || got > committed+1 {
		t.Errorf("got %d rows, want %d or one more", got, committed)
	}
}

// reconnect connects to a server that is just coming back.
func reconnect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	deadline := time.After(20 * time.Second)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err == nil {
			t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
			return conn
		}
		select {
		case <-look.C:
		case <-deadline:
			t.Fatal(err)
		}
	}
}

func TestPostgresForgetsAnUnfinishedFirstStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "postgres.new", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, startStack(t, dir, Postgres).Addresses().Postgres)
	if got := query[int](t, conn, "SELECT 1"); got != 1 {
		t.Errorf("got %d", got)
	}
}

func TestPostgresDataOfAnotherVersionIsRefused(t *testing.T) {
	requireEngines(t, Postgres)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "postgres", "PG_VERSION"), "17\n")
	_, err := Start(t.Context(), testConfig(t, dir, Postgres))
	wantError(t, err, "start Postgres: ", "was written by Postgres 17", "this Millrace brings Postgres 18.4", "pg_dump", "--data")
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestPostgresWithEnginesOutOfReachSaysSo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs Postgres as another user")
	}
	name, err := packageOf(Postgres, thisPlatform())
	if err != nil {
		t.Skip(err)
	}
	hidden := filepath.Join(t.TempDir(), "hidden")
	writeFile(t, filepath.Join(hidden, "node_modules", name, "native", "bin", "postgres"), "")
	cfg := testConfig(t, t.TempDir(), Postgres)
	cfg.EnginesDir = hidden
	_, err = Start(t.Context(), cfg)
	wantError(t, err, "user nobody, who cannot enter ", "chmod o+x ", "MILLRACE_ENGINES")
}

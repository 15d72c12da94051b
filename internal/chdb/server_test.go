package chdb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

func TestAuthentication(t *testing.T) {
	s := startServer(t, func(c *childConfig) { c.User, c.Password = "millrace", "se'cret %&" })
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		if err := open(t, o).Ping(t.Context()); err != nil {
			t.Errorf("right password: %v", err)
		}
		for _, auth := range []clickhouse.Auth{{Username: "millrace"}, {Username: "millrace", Password: "wrong"}, {Username: "default"}, {Username: "other", Password: s.cfg.Password}} {
			o.Auth = auth
			if err := open(t, o).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "Authentication failed") {
				t.Errorf("%q with %q: %v", auth.Username, auth.Password, err)
			}
		}
	})
	for name, tc := range map[string]struct {
		args   url.Values
		head   http.Header
		status int
	}{
		"nothing":       {nil, nil, 403},
		"headers":       {nil, http.Header{"X-Clickhouse-User": {"millrace"}, "X-Clickhouse-Key": {s.cfg.Password}}, 200},
		"wrong headers": {nil, http.Header{"X-Clickhouse-User": {"millrace"}, "X-Clickhouse-Key": {"x"}}, 403},
		"arguments":     {url.Values{"user": {"millrace"}, "password": {s.cfg.Password}}, nil, 200},
	} {
		status, head, body := s.request(t, "POST", tc.args, "SELECT 1", tc.head)
		if status != tc.status || status == 403 && head.Get("X-ClickHouse-Exception-Code") != "516" {
			t.Errorf("%s: %d %q, want %d", name, status, body, tc.status)
		}
	}
	if status, _, _ := s.request(t, "GET", nil, "", nil); status != 200 {
		t.Errorf("the page for health checks asks for a password: %d", status)
	}
}

func TestConfigFaults(t *testing.T) {
	good := DefaultConfig()
	good.Library, good.DataDir = "lib.so", "dir"
	for name, tc := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"library":      {func(c *Config) { c.Library = "" }, "library is empty"},
		"data dir":     {func(c *Config) { c.DataDir = "" }, "data dir is empty"},
		"user":         {func(c *Config) { c.User = "" }, "user is empty"},
		"address":      {func(c *Config) { c.HTTPAddr = "8123" }, `http address "8123"`},
		"queries":      {func(c *Config) { c.MaxQueries = 0 }, "max queries is 0"},
		"memory":       {func(c *Config) { c.MaxMemory = -1 }, "max memory is -1"},
		"all":          {func(c *Config) { c.HTTPAddr = ":8123" }, "no password is set"},
		"all IPv6":     {func(c *Config) { c.NativeAddr = "[::]:9000" }, "no password is set"},
		"another host": {func(c *Config) { c.NativeAddr = "192.0.2.1:9000" }, "no password is set"},
	} {
		c := good
		tc.change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	for _, c := range []Config{good, {Library: "l", DataDir: "d", User: "u", Password: "p", MaxQueries: 1, HTTPAddr: ":1", NativeAddr: "0.0.0.0:2"}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestMissingLibrary(t *testing.T) {
	libraryPath(t)
	s := &testServer{t: t, cfg: childConfig{Library: filepath.Join(t.TempDir(), "libchdb.so"), DataDir: t.TempDir(), HTTPAddr: "127.0.0.1:0", NativeAddr: "127.0.0.1:0", User: "default"}}
	if err := s.start(); err == nil {
		t.Fatal("a server without an engine has started")
	}
	if got := s.stderr.String(); !strings.Contains(got, "millrace engines install") {
		t.Errorf("message %q names no remedy", got)
	}
}

func TestBusyPort(t *testing.T) {
	s := startServer(t)
	second := &testServer{t: t, cfg: s.cfg}
	second.cfg.DataDir = t.TempDir()
	second.cfg.HTTPAddr = s.http
	if err := second.start(); err == nil {
		t.Fatal("two servers on one port")
	}
	if got := second.stderr.String(); !strings.Contains(got, s.http) || !strings.Contains(got, "in use") {
		t.Errorf("message %q does not name the busy address", got)
	}
}

func TestSecondServerOnTheSameDirectory(t *testing.T) {
	s := startServer(t)
	second := &testServer{t: t, cfg: s.cfg}
	if err := second.start(); err == nil {
		t.Fatal("two servers on one directory")
	}
	got := second.stderr.String()
	if want := fmt.Sprintf("is held by process %d", s.cmd.Process.Pid); !strings.Contains(got, want) || !strings.Contains(got, "in use") {
		t.Errorf("message %q, want %q", got, want)
	}
	if got := s.sql(t, "SELECT 1"); got != "1" {
		t.Errorf("the first server answers %q", got)
	}
}

func TestDirectoryOfAnotherVersion(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE kept (x UInt8) ENGINE = MergeTree ORDER BY x")
	s.sql(t, "INSERT INTO kept VALUES (7)")
	s.stop()
	path := filepath.Join(s.cfg.DataDir, versionFile)
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"99.1.0\n": "was written by chDB 99.1.0", "nonsense": `says "nonsense"`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		again := &testServer{t: t, cfg: s.cfg}
		if err := again.start(); err == nil {
			t.Fatalf("a directory of version %q is opened", text)
		}
		if got := again.stderr.String(); !strings.Contains(got, want) {
			t.Errorf("version %q: message %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"26.5.3\n", string(written)} { // an older one is taken over
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		again := &testServer{t: t, cfg: s.cfg}
		if err := again.start(); err != nil {
			t.Fatalf("version %q: %v\n%s", text, err, again.stderr)
		}
		if got := again.sql(t, "SELECT x FROM kept"); got != "7" {
			t.Errorf("after a restart: %q, want 7", got)
		}
		again.stop()
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	again := &testServer{t: t, cfg: s.cfg}
	if err := again.start(); err == nil || !strings.Contains(again.stderr.String(), "choose an empty directory") {
		t.Errorf("a directory without a version: %v %s", err, again.stderr)
	}
}

// Acknowledged rows survive the death of the process at any time.
func TestKillLosesNoAcknowledgedRow(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE events (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
	s.sql(t, "CREATE TABLE sums (k UInt8, total UInt64) ENGINE = SummingMergeTree ORDER BY k")
	s.sql(t, "CREATE MATERIALIZED VIEW sums_mv TO sums AS SELECT 0 AS k, count() AS total FROM events")
	const batch = 1000
	acknowledged := 0
	for round := range 4 {
		c, err := clickhouse.Open(s.options([]clickhouse.Protocol{clickhouse.Native, clickhouse.HTTP}[round%2]))
		if err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(300+100*round)*time.Millisecond, func() { _ = s.cmd.Process.Kill() })
		for {
			if err := sendBatch(t.Context(), c, acknowledged, batch); err != nil {
				break
			}
			acknowledged += batch
		}
		kill.Stop()
		<-s.waited
		c.Close()
		if err := s.start(); err != nil {
			t.Fatalf("restart: %v\n%s", err, s.stderr)
		}
		var stored int
		if _, err := fmt.Sscan(s.sql(t, "SELECT count() FROM events"), &stored); err != nil {
			t.Fatal(err)
		}
		if stored != acknowledged && stored != acknowledged+batch {
			t.Fatalf("round %d: %d rows stored, %d acknowledged", round, stored, acknowledged)
		}
		if lost := s.sql(t, fmt.Sprintf("SELECT count() FROM numbers(%d) WHERE number NOT IN (SELECT n FROM events)", acknowledged)); lost != "0" {
			t.Fatalf("round %d: %s acknowledged rows are lost", round, lost)
		}
		t.Logf("round %d: %d acknowledged, %d stored", round, acknowledged, stored)
		acknowledged = stored
	}
	if acknowledged == 0 {
		t.Error("no batch was acknowledged")
	}
}

func sendBatch(ctx context.Context, c driver.Conn, from, n int) error {
	b, err := c.PrepareBatch(ctx, "INSERT INTO events")
	if err != nil {
		return err
	}
	for i := range n {
		if err := b.Append(uint64(from+i), "some text"); err != nil {
			return err
		}
	}
	return b.Send()
}

// A stop waits for what runs, up to its limit, and is quick when nothing does.
func TestStop(t *testing.T) {
	for name, query := range map[string]string{
		"idle":          "",
		"short query":   "SELECT sleep(0.5)",
		"endless query": "SELECT count() FROM system.numbers WHERE sipHash64(number) = 1",
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			c := open(t, s.options(clickhouse.Native))
			if err := c.Ping(t.Context()); err != nil { // an idle client does not hold the stop up
				t.Fatal(err)
			}
			done := make(chan error, 1)
			if query != "" {
				go func() { done <- c.Exec(t.Context(), query) }()
				eventually(t, "the query runs", func() bool {
					return s.sql(t, "SELECT count() FROM system.processes WHERE query LIKE "+quoteString(query[:12]+"%")+" AND query NOT LIKE '%processes%'") == "1"
				})
			}
			start := time.Now()
			if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := <-s.waited; err != nil {
				t.Errorf("server ended with %v\n%s", err, s.stderr)
			}
			if took := time.Since(start); took > 6*time.Second {
				t.Errorf("stop took %v", took)
			} else {
				t.Logf("stop took %v", took)
			}
			s.cmd = nil
			if query != "" {
				if err := <-done; (err == nil) != (name == "short query") {
					t.Errorf("the query ended with %v", err)
				}
			}
		})
	}
}

// What statements can reach ends at the data directory.
func TestStatementsStayInside(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("outside\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"SELECT * FROM file('%s', 'LineAsString')", "SELECT * FROM `%s`", "SELECT * FROM default.`%s`",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", "SELECT * FROM url('file://%s', 'LineAsString')", "SELECT * FROM s3('http://127.0.0.1:1/bucket/x', 'TSV')",
		"SELECT * FROM remote('127.0.0.1:1', system.one)", "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')", "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
		"SELECT * FROM sqlite('%s', 't')", "SELECT * FROM executable('cat', 'TSV', 'x String')", "SELECT * FROM icebergLocal('%s')",
		"CREATE TABLE x (a String) ENGINE = File(TSV, '%s')", "CREATE TABLE x (a String) ENGINE = URL('http://127.0.0.1:1/', TSV)", "CREATE TABLE x (a String) ENGINE = Kafka('127.0.0.1:1', 't', 'g', 'CSV')",
		"CREATE DATABASE x ENGINE = Filesystem('/')", "CREATE DATABASE x ENGINE = SQLite('%s')",
		"CREATE DICTIONARY x (a UInt64, b String) PRIMARY KEY a SOURCE(EXECUTABLE(command 'cat %s' format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
		"CREATE DICTIONARY x (a UInt64, b String) PRIMARY KEY a SOURCE(FILE(path '%s' format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
		"SELECT 1 INTO OUTFILE '%s.new'", "select 1 into /* */ outfile '%s.new'", "SELECT 1\nINTO -- x\nOUTFILE '%s.new' FORMAT CSV", "EXPLAIN SELECT 1 INTO OUTFILE '%s.new'", "SHOW TABLES INTO OUTFILE '%s.new'",
		"SELECT 1 AS a$b$ INTO OUTFILE '%s.new' FORMAT TSV --$b$", "SELECT ‘'’ INTO OUTFILE '%s.new' -- '", "SELECT “'” INTO OUTFILE '%s.new' -- '",
		"INSERT INTO t FROM INFILE '%s' FORMAT LineAsString", "INSERT INTO t (n) FROM/* */INFILE '%s' FORMAT TSV", "INSERT INTO FUNCTION file('%s.new', 'CSV', 'a UInt8') VALUES (1)",
		"BACKUP TABLE t TO File('%s.new')", "CREATE USER x", "SYSTEM SHUTDOWN", "DROP DATABASE default",
	} {
		query = strings.ReplaceAll(query, "%s", outside)
		status, _, body := s.post(t, nil, query)
		if status == 200 {
			t.Errorf("%s: is allowed: %q", query, body)
		}
	}
	if _, err := os.Stat(outside + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was written outside: %v", err)
	}
	if got := s.sql(t, "SELECT count() FROM t"); got != "0" {
		t.Errorf("afterwards: %q", got)
	}
}

// The kernel's wall stands where the engine asks for no grant.
func TestConfinement(t *testing.T) {
	s := startServer(t)
	if strings.Contains(s.stderr.String(), "no Landlock") {
		t.Skip("this kernel offers no Landlock")
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("outside\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"SELECT file('%s')", "SELECT * FROM format(JSONEachRow, 'a UInt8, x String DEFAULT fi' || 'le(''%s'')', '{\"a\":1}')",
		"SELECT file('/proc/self/environ')", "SELECT file('/etc/passwd')",
		"SELECT 1 FORMAT Template SETTINGS format_template_row = '%s'",
		"CREATE TABLE x (a String) ENGINE = EmbeddedRocksDB(0, '%s.db') PRIMARY KEY a",
		"CREATE TABLE x (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = object_storage, object_storage_type = local_blob_storage, path = '%s.disk/')",
	} {
		query = strings.ReplaceAll(query, "%s", outside)
		if status, _, body := s.post(t, nil, query); status == 200 || strings.Contains(body, "outside<") {
			t.Errorf("%s: is allowed: %q", query, body)
		}
	}
	free := startServer(t, func(c *childConfig) { c.AllowFiles = true })
	if got := free.sql(t, "SELECT * FROM file('"+outside+"', 'LineAsString')"); got != "outside" {
		t.Errorf("with AllowFiles: %q", got)
	}
}

func TestMemoryLimit(t *testing.T) {
	s := startServer(t, func(c *childConfig) { c.MaxMemory = 300 << 20 })
	status, head, body := s.post(t, nil, "SELECT uniqExact(number) FROM numbers(100000000)")
	if status != 500 || head.Get("X-ClickHouse-Exception-Code") != "241" {
		t.Errorf("beyond the limit: %d %.200s, want code 241", status, body)
	}
	if got := s.sql(t, "SELECT 1"); got != "1" {
		t.Errorf("afterwards: %q", got)
	}
}

// A first start that is killed at any moment leaves a directory that the next one opens.
func TestKillDuringTheFirstStart(t *testing.T) {
	for after := 5 * time.Millisecond; after < 250*time.Millisecond; after += 15 * time.Millisecond {
		s := &testServer{t: t, cfg: childConfig{Library: libraryPath(t), DataDir: filepath.Join(t.TempDir(), "clickhouse"),
			HTTPAddr: "127.0.0.1:0", NativeAddr: "127.0.0.1:0", User: "default"}}
		s.onStart = func() { time.AfterFunc(after, func() { _ = s.cmd.Process.Kill() }) }
		if err := s.start(); err == nil {
			<-s.waited // killed after it was ready
		}
		s.onStart = nil
		if err := s.start(); err != nil {
			t.Fatalf("start after a kill at %v: %v\n%s", after, err, s.stderr)
		}
		s.stop()
	}
}

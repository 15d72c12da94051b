//go:build linux

package chdb

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mustEnd waits until the server has ended by itself, for distrust of its engine.
func (s *testServer) mustEnd(t testing.TB) {
	t.Helper()
	select {
	case <-s.waited:
	case <-time.After(20 * time.Second):
		t.Fatalf("the server goes on\n%s", s.stderr)
	}
	if !strings.Contains(s.stderr.String(), ErrDistrust.Error()) {
		t.Fatalf("the server has ended without naming the reason\n%s", s.stderr)
	}
}

// mustNotAcknowledge sends a statement that ends the server, whose answer may be cut off by that.
func (s *testServer) mustNotAcknowledge(t testing.TB, args url.Values, statement string) {
	t.Helper()
	res, err := http.Post("http://"+s.http+"/?"+args.Encode(), "", strings.NewReader(statement))
	if err != nil {
		return
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		t.Errorf("%s is acknowledged", statement)
	}
}

// restartTwice starts it again, if need be twice: the first start may set broken parts aside, whose tokens the
// second one takes back.
func (s *testServer) restartTwice(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		s.restart(t)
	}
}

// The engine ignores writes that fail. An insert that met one must not be acknowledged, and after the next
// start its retry stores each row once. Writes fail here as on a full disk, beyond a size of files.
func TestFailedWriteIsNotAcknowledged(t *testing.T) {
	s := startServer(t)
	s.makeMonths(t)
	s.months(t, "before")
	limit := &unix.Rlimit{Cur: 64 << 10, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, limit, nil); err != nil {
		t.Fatal(err)
	}
	const insert = "INSERT INTO raw SELECT toDateTime('2026-01-10 00:00:00', 'UTC'), sipHash64(number) FROM numbers(100000)"
	args := url.Values{"insert_deduplication_token": {"large"}, "deduplicate_blocks_in_dependent_materialized_views": {"1"}}
	s.mustNotAcknowledge(t, args, insert)
	s.mustEnd(t)
	s.restartTwice(t)
	for range 2 {
		if status, _, body := s.post(t, args, insert); status != 200 {
			t.Fatalf("the retry: %s", body)
		}
	}
	s.months(t, "before")
	if got := s.sql(t, countMonths); got != "100003\t100003" {
		t.Errorf("rows, rows in the view %q; want 100003 both", got)
	}
}

// A merge that met a failed write is undone by the next start: its sources are still there.
func TestFailedMergeIsUndone(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE merged (n UInt64) ENGINE = MergeTree ORDER BY n")
	s.sql(t, "SYSTEM STOP MERGES merged")
	for i := range 4 {
		s.sql(t, fmt.Sprintf("INSERT INTO merged SELECT sipHash64(number, %d) FROM numbers(5000)", i))
	}
	limit := &unix.Rlimit{Cur: 64 << 10, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, limit, nil); err != nil {
		t.Fatal(err)
	}
	s.sql(t, "SYSTEM START MERGES merged")
	s.mustNotAcknowledge(t, nil, "OPTIMIZE TABLE merged FINAL")
	s.mustEnd(t)
	s.restartTwice(t)
	if got := s.sql(t, "SELECT uniqExact(n) FROM merged"); got != "20000" {
		t.Errorf("%s rows, want 20000", got)
	}
}

// An insert whose rename fails leaves a token without a part; what that is like is written into the log here.
// The insert after it that fails finds it, whatever it failed for.
func TestTokenWithoutPartEndsTheServer(t *testing.T) {
	s := startServer(t)
	s.makeMonths(t)
	s.months(t, "first")
	log := filepath.Join(s.tablePath(t, "raw"), "deduplication_logs", "deduplication_log_1.txt")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := s.post(t, nil, "INSERT INTO raw FORMAT TSV\nno time\t1\n"); status == 200 {
		t.Fatal("an insert of no time was taken")
	}
	if got := s.sql(t, "SELECT 1"); got != "1" { // a failed insert alone is no reason
		t.Fatal(got)
	}
	text = append(text, "1\t202601_999_999_0\t202601_1_1\n"...)
	if err := os.WriteFile(log, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.mustNotAcknowledge(t, nil, "INSERT INTO raw FORMAT TSV\nno time\t1\n")
	s.mustEnd(t)
	s.restart(t)
	if !strings.Contains(s.stderr.String(), "undid inserts") {
		t.Errorf("the token was not taken back\n%s", s.stderr)
	}
}

// Below the floor inserts are refused, with the code that means space; above it they are taken.
func TestKeepFree(t *testing.T) {
	s := startServer(t, func(c *childConfig) { c.KeepFree = 1 << 60 })
	s.sql(t, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
	if status, head, body := s.post(t, nil, "INSERT INTO t VALUES (1)"); status == 200 || head.Get("X-ClickHouse-Exception-Code") != "243" {
		t.Errorf("without space: status %d, %s", status, body)
	}
	s.kill(t)
	s.cfg.KeepFree = 0
	s.restart(t)
	s.sql(t, "INSERT INTO t VALUES (1)")
	if got := s.sql(t, "SELECT count() FROM t"); got != "1" {
		t.Errorf("%s rows, want 1", got)
	}
}

// Where the line of a token is what could not be written, its part is set aside: the retry stores it.
func TestDoubtfulPartsAreSetAside(t *testing.T) {
	s := startServer(t)
	s.makeMonths(t)
	s.months(t, "first")
	sound := time.Now().Add(time.Second)
	s.sql(t, "INSERT INTO raw SELECT now(), 1 FROM numbers(1) SETTINGS insert_deduplicate = 0") // has no line, and is not in doubt
	path := s.tablePath(t, "raw")
	<-time.After(time.Until(sound))
	s.months(t, "second")
	s.kill(t)
	log := filepath.Join(path, "deduplication_logs", "deduplication_log_1.txt")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	torn := strings.Join(lines[:len(lines)-3], "") + lines[len(lines)-3][:20] + lines[len(lines)-2] // the first torn, the second glued to it, the third gone
	if err := os.WriteFile(log, []byte(torn), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := noteSound(s.cfg.DataDir, sound); err != nil {
		t.Fatal(err)
	}
	s.restart(t)
	for range 2 {
		s.months(t, "second")
		s.months(t, "first")
	}
	if got := s.sql(t, countMonths); got != "7\t7" {
		t.Errorf("rows, rows in the view %q; want 7, 7", got)
	}
	s.kill(t)
	s.restart(t)
	if strings.Contains(s.stderr.String(), "undid") {
		t.Errorf("the doubt is still there\n%s", s.stderr)
	}
}

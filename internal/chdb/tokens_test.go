package chdb

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// months inserts a block that makes a part in each of three months, with a token.
func (s *testServer) months(t testing.TB, token string) {
	t.Helper()
	args := url.Values{"insert_deduplication_token": {token}, "deduplicate_blocks_in_dependent_materialized_views": {"1"}}
	status, _, body := s.post(t, args, "INSERT INTO raw SELECT toDateTime('2026-01-10 00:00:00', 'UTC') + number * 86400 * 30, number FROM numbers(3)")
	if status != 200 {
		t.Fatalf("insert %s: %s", token, body)
	}
}

// makeMonths makes a table and a view of it, both with a window.
func (s *testServer) makeMonths(t testing.TB) {
	t.Helper()
	s.sql(t, "CREATE TABLE raw (at DateTime('UTC'), n UInt64) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY n SETTINGS non_replicated_deduplication_window = 1000")
	s.sql(t, "CREATE TABLE days (day Date, rows SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree PARTITION BY toYYYYMM(day) ORDER BY day SETTINGS non_replicated_deduplication_window = 1000")
	s.sql(t, "CREATE MATERIALIZED VIEW days_view TO days AS SELECT toDate(at) AS day, count() AS rows FROM raw GROUP BY day")
}

const countMonths = "SELECT (SELECT count() FROM raw), (SELECT sum(rows) FROM days) FORMAT TSV"

// tablePath is the directory of a table.
func (s *testServer) tablePath(t testing.TB, table string) string {
	t.Helper()
	return strings.TrimSuffix(s.sql(t, "SELECT data_paths[1] FROM system.tables WHERE database = 'default' AND name = '"+table+"'"), "/")
}

// kill ends the server without a word.
func (s *testServer) kill(t testing.TB) {
	t.Helper()
	_ = s.cmd.Process.Kill()
	<-s.waited
}

// restart starts it again on its directory.
func (s *testServer) restart(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("restart: %v\n%s", err, s.stderr)
	}
}

// The engine writes an insert's token one system call before it renames the part into place. What a
// kill between the two leaves is made here by hand; the retry has to store what is missing, and only that.
func TestKillBetweenTokenAndPart(t *testing.T) {
	for _, table := range []string{"raw", "days"} {
		t.Run(table, func(t *testing.T) {
			s := startServer(t)
			s.makeMonths(t)
			s.months(t, "first")
			s.months(t, "second")
			path := s.tablePath(t, table)
			s.kill(t)
			cutOff := newest(t, path, "202602_")
			if err := os.Rename(cutOff, filepath.Join(path, "tmp_insert_"+filepath.Base(cutOff))); err != nil {
				t.Fatal(err)
			}
			s.restart(t)
			s.months(t, "second")
			s.months(t, "first")
			if got := s.sql(t, countMonths); got != "6\t6" {
				t.Errorf("after the retry: rows, rows in the view %q; want 6, 6", got)
			}
			s.kill(t)
			s.restart(t)
			s.months(t, "second")
			if got := s.sql(t, countMonths); got != "6\t6" {
				t.Errorf("after another kill and retry: %q; want 6, 6", got)
			}
		})
	}
}

// newest is the part of a partition with the highest block.
func newest(t testing.TB, table, partition string) (path string) {
	t.Helper()
	entries, err := os.ReadDir(table)
	if err != nil {
		t.Fatal(err)
	}
	highest := int64(-1)
	for _, e := range entries {
		if p, ok := parsePart(e.Name()); ok && strings.HasPrefix(e.Name(), partition) && p.max > highest {
			highest, path = p.max, filepath.Join(table, e.Name())
		}
	}
	if path == "" {
		t.Fatalf("no part of %s in %s", partition, table)
	}
	return path
}

// Tokens live as long as their parts: what was merged keeps its own, what was dropped has none.
func TestTokensOverMergesAndDrops(t *testing.T) {
	s := startServer(t)
	s.makeMonths(t)
	for i := range 4 {
		s.months(t, fmt.Sprint("token-", i))
	}
	s.sql(t, "OPTIMIZE TABLE raw FINAL")
	s.sql(t, "OPTIMIZE TABLE days FINAL")
	s.sql(t, "ALTER TABLE raw DELETE WHERE n = 99 SETTINGS mutations_sync = 2")
	s.sql(t, "ALTER TABLE raw DROP PARTITION 202601")
	s.kill(t)
	s.restart(t)
	if strings.Contains(s.stderr.String(), "undid inserts") {
		t.Errorf("tokens were taken back although nothing was cut off:\n%s", s.stderr)
	}
	s.months(t, "token-1")
	if got := s.sql(t, countMonths); got != "9\t12" { // two months of four inserts, and January of the last
		t.Errorf("rows, rows in the view %q; want 9, 12", got)
	}
}

func TestMendTokens(t *testing.T) {
	dir := t.TempDir()
	table := filepath.Join(dir, "store", "abc", "abc-def")
	logs := filepath.Join(table, "deduplication_logs")
	for _, name := range []string{"all_1_3_1", "all_7_7_0_9", "tmp_insert_all_4_4_0", "detached", "deduplication_logs"} {
		if err := os.MkdirAll(filepath.Join(table, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(logs, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("deduplication_log_9.txt", "1\tall_2_2_0\tmerged\n1\tall_4_4_0\tcut off\n1\tall_5_5_0\tdropped\n1\tall_6_61\tall_7_7_0\tmutated\n1\t20260101_20260131_1_1_0\tof an old engine\n")
	write("deduplication_log_10.txt", "2\tall_5_5_0\tdropped\n1\tall_7_7_0\tmutated\n1\tother_7_7_0\tof another partition\n1\tall_8_8_0\ttorn")
	if n, err := mendTokens(dir); err != nil || n != 2 {
		t.Errorf("took %d tokens back, %v; want 2", n, err)
	}
	for name, want := range map[string]string{
		"deduplication_log_9.txt":  "1\tall_2_2_0\tmerged\n2\tall_4_4_0\tcut off\n1\tall_5_5_0\tdropped\n2\txxxxxxxxxxxxxxxxxxxxxxxxx\t\n1\t20260101_20260131_1_1_0\tof an old engine\n",
		"deduplication_log_10.txt": "2\tall_5_5_0\tdropped\n1\tall_7_7_0\tmutated\n2\tother_7_7_0\tof another partition\n",
	} {
		if got, err := os.ReadFile(filepath.Join(logs, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v; want %q", name, got, err, want)
		}
	}
	if n, err := mendTokens(dir); err != nil || n != 0 {
		t.Errorf("the second time %d tokens, %v; want none", n, err)
	}
}

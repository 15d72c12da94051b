package olap

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// testNeed is what `millrace up` needs with its defaults.
func testNeed() DedupNeed {
	return DedupNeed{Partitions: 4, MaxAge: time.Second, MaxRows: 200_000, Deadline: time.Minute}
}

func TestDeduplicationWindowsSuffice(t *testing.T) {
	s := newStore(t)
	if err := s.CheckDeduplication(t.Context(), testNeed()); err != nil {
		t.Error(err)
	}
	if got := testNeed().Blocks(); got != 3600 {
		t.Errorf("4 partitions and 2 full blocks a second over ten minutes: %d blocks, want 3600", got)
	}
}

// TestDeduplicationWindowsAreChecked lists what an operator can do to lose the
// promise. Each is named, and what the message says heals it.
func TestDeduplicationWindowsAreChecked(t *testing.T) {
	for _, tt := range []struct{ name, make, table string }{
		{"raw table", "ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 100", "events"},
		{"dead letters", "ALTER TABLE dead_letters RESET SETTING non_replicated_deduplication_window", "dead_letters"},
		{"repeats", "ALTER TABLE duplicates MODIFY SETTING non_replicated_deduplication_window = 0", "duplicates"},
		{"target of our view", "ALTER TABLE windows_by_type MODIFY SETTING non_replicated_deduplication_window = 3599", "windows_by_type"},
		{"target of the operator's view", `CREATE TABLE mine (day Date, n UInt64) ENGINE = SummingMergeTree ORDER BY day;
			CREATE MATERIALIZED VIEW mine_view TO mine AS SELECT toDate(timestamp) AS day, count() AS n FROM events GROUP BY day`, "mine"},
		{"inner table of the operator's view", `CREATE MATERIALIZED VIEW inner_view ENGINE = SummingMergeTree ORDER BY day AS SELECT toDate(timestamp) AS day, count() AS n FROM events GROUP BY day`, ".inner_id."},
		{"view of a view", `CREATE TABLE month (month Date, n UInt64) ENGINE = SummingMergeTree ORDER BY month;
			CREATE MATERIALIZED VIEW month_view TO month AS SELECT toDate(window_start) AS month, sum(events) AS n FROM windows_by_type GROUP BY month`, "month"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			execAll(t, s, tt.make)
			err := s.CheckDeduplication(t.Context(), testNeed())
			if err == nil || strings.Count(err.Error(), "\n") != 0 {
				t.Fatalf("want one fault, got %v", err)
			}
			for _, want := range []string{tt.table, "non_replicated_deduplication_window", "3600"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not name %s", err, want)
				}
			}
			_, cure, _ := strings.Cut(err.Error(), "run: ")
			execAll(t, s, cure)
			if err := s.CheckDeduplication(t.Context(), testNeed()); err != nil {
				t.Errorf("after %s: %v", cure, err)
			}
		})
	}
}

func TestDeduplicationNeedsATableThatCanDropBlocks(t *testing.T) {
	s := newStore(t)
	execAll(t, s, `CREATE TABLE fan (type String) ENGINE = Null; CREATE MATERIALIZED VIEW fan_view TO fan AS SELECT type FROM events;
		CREATE TABLE memory (type String) ENGINE = Memory; CREATE MATERIALIZED VIEW memory_view TO memory AS SELECT type FROM fan`)
	err := s.CheckDeduplication(t.Context(), testNeed())
	if err == nil || !strings.Contains(err.Error(), "memory has the engine Memory") && !strings.Contains(err.Error(), "memory, which a view fills") {
		t.Errorf("got %v", err)
	}
}

func TestDeduplicationOfReplicatedTables(t *testing.T) {
	defaults := map[string]string{"replicated_deduplication_window": "10000", "replicated_deduplication_window_seconds": "3600"}
	table := schemaTable{name: "d.events", engine: "ReplicatedMergeTree", full: "ReplicatedMergeTree('/x', 'y') ORDER BY a SETTINGS replicated_deduplication_window_seconds = 60, index_granularity = 8192"}
	err := table.check(testNeed(), defaults)
	want := "table d.events remembers too few blocks to be sure that none is stored twice: replicated_deduplication_window_seconds is 60, 600 are needed; run: ALTER TABLE d.events MODIFY SETTING replicated_deduplication_window_seconds = 600"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	defaults["replicated_deduplication_window"] = "100"
	if err := table.check(testNeed(), defaults); err == nil || !strings.Contains(err.Error(), "replicated_deduplication_window is 100, 3600 are needed") {
		t.Errorf("got %v", err)
	}
}

func execAll(t *testing.T, s *Store, statements string) {
	t.Helper()
	for statement := range strings.SplitSeq(statements, ";") {
		if err := s.conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", statement, err))
		}
	}
}

// TestDeduplicationWindowsGrow is what a topic with many partitions needs: the
// tables that we made grow, and the operator's are his.
func TestDeduplicationWindowsGrow(t *testing.T) {
	s := newStore(t)
	need := testNeed()
	need.Partitions = 64
	if err := s.CheckDeduplication(t.Context(), need); err == nil {
		t.Fatal("10,000 blocks are not enough for 64 partitions")
	}
	if err := s.EnsureDeduplication(t.Context(), need); err != nil {
		t.Error(err)
	}
	if err := s.EnsureDeduplication(t.Context(), testNeed()); err != nil { // never shrinks
		t.Error(err)
	}
	if err := s.CheckDeduplication(t.Context(), need); err != nil {
		t.Error(err)
	}
	execAll(t, s, "ALTER TABLE windows_by_type MODIFY SETTING non_replicated_deduplication_window = 500")
	if err := s.EnsureDeduplication(t.Context(), need); err == nil || !strings.Contains(err.Error(), "windows_by_type") {
		t.Errorf("a table that was made smaller by hand: %v", err)
	}
}

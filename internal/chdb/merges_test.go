package chdb

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// Merges have half of the processors, give way where the system lets them, and still merge whole tables and mutate them.
func TestMergesLeaveRoom(t *testing.T) {
	s := startServer(t)
	want := strconv.Itoa(max(runtime.NumCPU()/2, 1))
	if got := s.sql(t, "SELECT value FROM system.server_settings WHERE name = 'background_pool_size'"); strings.TrimSpace(got) != want {
		t.Errorf("background_pool_size is %s, want %s", got, want)
	}
	if got := s.sql(t, "SELECT value FROM system.server_settings WHERE name = 'os_threads_nice_value_merge_mutate'"); strings.TrimSpace(got) != "10" {
		t.Errorf("the nice value of merges is %s, want 10", got)
	}
	s.sql(t, "CREATE TABLE parts (n UInt64) ENGINE = MergeTree ORDER BY n")
	for range 5 {
		s.sql(t, "INSERT INTO parts SELECT number FROM numbers(1000)")
	}
	s.sql(t, "OPTIMIZE TABLE parts FINAL")
	s.sql(t, "ALTER TABLE parts DELETE WHERE n % 2 = 0 SETTINGS mutations_sync = 1")
	got := s.sql(t, "SELECT count(), (SELECT count() FROM system.parts WHERE active AND table = 'parts') FROM parts FORMAT TSV")
	if strings.TrimSpace(got) != "2500\t1" {
		t.Errorf("rows and parts are %q, want 2500 and 1", got)
	}
}

// The engine refuses to start where more places have to be free than there are.
func TestMergesFitEveryMachine(t *testing.T) {
	for _, processors := range []int{1, 2, 3, 4, 8, 15, 64, 256} {
		text := mergeConfig(processors)
		of := func(setting string) int {
			_, rest, _ := strings.Cut(text, "<"+setting+">")
			number, _, _ := strings.Cut(rest, "<")
			n, err := strconv.Atoi(number)
			if err != nil {
				t.Fatalf("%s in %s: %v", setting, text, err)
			}
			return n
		}
		merges := of("background_pool_size")
		for _, setting := range []string{"number_of_free_entries_in_pool_to_lower_max_size_of_merge",
			"number_of_free_entries_in_pool_to_execute_mutation", "number_of_free_entries_in_pool_to_execute_optimize_entire_partition"} {
			if free := of(setting); merges < 1 || free < 1 || free > merges {
				t.Errorf("%d processors: %s is %d of %d", processors, setting, free, merges)
			}
		}
	}
}

package oltp

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/fstest"
)

func TestMigrateAppliesOnce(t *testing.T) {
	s := openStore(t)
	first, err := s.Migrate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != len(known) || first[0].Name != "user_stats" {
		t.Errorf("first run applied %v, want all %d", first, len(known))
	}
	again, err := s.Migrate(t.Context())
	if err != nil || len(again) != 0 {
		t.Errorf("second run: got %v, %v, want nothing", again, err)
	}
}

func TestMigrateTakesTurns(t *testing.T) {
	s := openStore(t)
	var all sync.WaitGroup
	applied := make([][]Migration, 4)
	for i := range applied {
		all.Go(func() {
			var err error
			if applied[i], err = s.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	total := 0
	for _, a := range applied {
		total += len(a)
	}
	known, _ := readMigrations(migrationFiles)
	if total != len(known) {
		t.Errorf("four processes applied %d steps together, want %d", total, len(known))
	}
}

func TestMigrateRefusesANewerDatabase(t *testing.T) {
	s := migratedStore(t)
	exec(t, s, "INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'from_the_future', 'x')")
	_, err := s.Migrate(t.Context())
	if !errors.Is(err, ErrNewerSchema) {
		t.Fatalf("got %v, want ErrNewerSchema", err)
	}
	known, _ := readMigrations(migrationFiles)
	want := fmt.Sprintf("postgres schema 99, this millrace knows %d: the database has a newer schema than this millrace knows; start the newer millrace, or use another database", len(known))
	if err.Error() != want {
		t.Errorf("message:\n got %s\nwant %s", err, want)
	}
}

func TestMigrateRefusesAChangedStep(t *testing.T) {
	s := migratedStore(t)
	exec(t, s, "UPDATE schema_migrations SET checksum = 'other' WHERE version = 1")
	if _, err := s.Migrate(t.Context()); !errors.Is(err, ErrMigrationChanged) {
		t.Errorf("got %v, want ErrMigrationChanged", err)
	}
}

func TestMigrateStopsAtAFailedStepAndGoesOnLater(t *testing.T) {
	s := openStore(t)
	known, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	broken := append([]Migration(nil), known...)
	broken[1].sql = "CREATE TABLE half (x int); SELECT 1/0"
	applied, err := s.migrate(t.Context(), broken)
	if err == nil || len(applied) != 1 {
		t.Fatalf("broken step: got %v, %v, want the first step and an error", applied, err)
	}
	exec(t, s, "CREATE TABLE half (x int)") // the failed step left nothing behind
	applied, err = s.Migrate(t.Context())
	if err != nil || len(applied) != len(known)-1 {
		t.Errorf("after the repair: got %v, %v, want the second step and those after it", applied, err)
	}
}

func TestMigrationFilesAreNumbered(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"gap":     {"migrations/0001_a.sql": {}, "migrations/0003_c.sql": {}},
		"no name": {"migrations/0001.sql": {}},
		"letters": {"migrations/one_a.sql": {}},
	} {
		if _, err := readMigrations(files); err == nil {
			t.Errorf("%s: got nil, want an error", name)
		}
	}
}

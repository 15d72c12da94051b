package olap

import (
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

func TestMigrateIsIdempotent(t *testing.T) {
	s := openStore(t)
	all, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	for run, want := range []int{len(all), 0} {
		done, err := s.Migrate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(done) != want {
			t.Errorf("run %d applied %v, want %d steps", run, done, want)
		}
	}
}

func TestMigrateTwiceAtOnce(t *testing.T) {
	s := openStore(t)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.Migrate(t.Context()) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := s.CountStored(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMigrateRefusesADatabaseOfAnotherProgram(t *testing.T) {
	s := newStore(t)
	known, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.migrate(t.Context(), known[:1])
	if err == nil || !strings.Contains(err.Error(), "older than the database") {
		t.Errorf("newer step in the database: %v", err)
	}
	known[0].Checksum = "changed"
	_, err = s.migrate(t.Context(), known)
	if err == nil || !strings.Contains(err.Error(), "changed after it was applied") {
		t.Errorf("changed step: %v", err)
	}
}

func TestReadMigrationsWantsNumbersWithoutGaps(t *testing.T) {
	for name, files := range map[string][]string{
		"is missing": {"0001_a.sql", "0003_b.sql"},
		"twice":      {"0001_a.sql", "0001_b.sql"},
		"name it":    {"1_a.sql"},
	} {
		dir := fstest.MapFS{}
		for _, f := range files {
			dir["migrations/"+f] = &fstest.MapFile{Data: []byte("SELECT 1")}
		}
		if _, err := readMigrations(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v, want %q", files, err, name)
		}
	}
}

// TestMigrationsAsText shows what one node runs.
func TestMigrationsAsText(t *testing.T) {
	all, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, m := range all {
		text, err := renderMigration(m.sql, singleNode())
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range splitStatements(text) {
			b.WriteString("-- " + m.String() + "\n" + statement + ";\n\n")
		}
	}
	golden(t, "migrations.sql", b.String())
}

// ClickHouse 26.7 forgets a view's tokens at MODIFY QUERY, and again at its next
// start: a block that is in doubt then is counted twice. CREATE OR REPLACE keeps them.
func TestNoMigrationModifiesAView(t *testing.T) {
	known, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range known {
		for _, statement := range splitStatements(m.sql) {
			if strings.Contains(strings.ToUpper(statement), "MODIFY QUERY") {
				t.Errorf("migration %s modifies a view; replace it instead: %s", m, statement)
			}
		}
	}
}

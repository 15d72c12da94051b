package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestOrphanedPostgresIsStopped(t *testing.T) {
	dir := t.TempDir()
	s := startStack(t, dir, Postgres)
	pid := s.PID(Postgres)
	if err := endOrphan(t.Context(), filepath.Join(dir, "postgres")); err != nil {
		t.Fatal(err)
	}
	awaitNewPID(t, s, Postgres, pid) // its keeper is alive, unlike an orphan's
}

// TestOrphanIsNotConfusedWithAStranger: the number in an old file may be anybody's, here our own.
func TestOrphanIsNotConfusedWithAStranger(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{fmt.Sprintf("%d\n", os.Getpid()), "1\n", "no number", ""} {
		writeFile(t, filepath.Join(dir, "postmaster.pid"), text)
		if err := endOrphan(t.Context(), dir); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

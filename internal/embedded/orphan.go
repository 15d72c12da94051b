package embedded

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endOrphan stops a Postgres that outlived the Millrace that started it. We hold the data directory's lock,
// so no living Millrace owns it; left alone it would keep the files and the port.
func endOrphan(ctx context.Context, dataDir string) error {
	text, err := os.ReadFile(filepath.Join(dataDir, "postmaster.pid"))
	if err != nil {
		return nil // the usual case: it was shut down
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	pid, err := strconv.Atoi(string(bytes.TrimSpace(first)))
	if err != nil || !servesFrom(ctx, pid, dataDir) {
		return nil // Postgres itself clears away what a killed one left
	}
	orphan, err := os.FindProcess(pid)
	if err != nil {
		return nil
	}
	_ = orphan.Signal(syscall.SIGINT) // an error means that it is gone, which the loop sees
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	for {
		select {
		case <-look.C:
			if !servesFrom(ctx, pid, dataDir) {
				return nil
			}
		case <-late.C:
			return fmt.Errorf("a Postgres of an earlier run (process %d) does not stop; end it with `kill -QUIT %d` and start again", pid, pid)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// servesFrom reports whether the process is a Postgres that works in dataDir. A number from an old file may
// belong to any process by now, so it is not enough that one exists.
func servesFrom(ctx context.Context, pid int, dataDir string) bool {
	if runtime.GOOS == "linux" {
		// A Postgres server's working directory is its data directory.
		works, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		real, errReal := filepath.EvalSymlinks(dataDir)
		return err == nil && errReal == nil && works == real
	}
	line, err := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(line), "-D "+dataDir+" ")
}

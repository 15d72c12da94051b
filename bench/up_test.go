package bench

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// millraceUp is a running `millrace up`.
type millraceUp struct {
	API            string `json:"api"`
	ClickHouseHTTP string `json:"clickhouse_http"`
	Kafka          string `json:"kafka"`
	Postgres       string `json:"postgres"`

	pid  int
	stop func() // ends it cleanly; the test's end does so too
}

func (m *millraceUp) store() store { return store{url: m.ClickHouseHTTP, database: "default"} }

// startMillrace starts the program on free ports, with its data in dir.
func startMillrace(t *testing.T, dir string, args ...string) *millraceUp {
	t.Helper()
	cmd := exec.Command(*steadyBinary, append([]string{"up", "--data", dir, "--ports", "auto", "--listen", "127.0.0.1:0"}, args...)...)
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = cmd.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v; build it with `make build`", *steadyBinary, err)
	}
	var draining sync.WaitGroup
	draining.Go(func() { logWarnings(t, errs) })
	m := &millraceUp{pid: cmd.Process.Pid}
	m.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		draining.Wait()
		_ = cmd.Wait()
	})
	t.Cleanup(m.stop)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 1200 {
		<-tick.C
		text, err := os.ReadFile(filepath.Join(dir, "addresses.json"))
		if err == nil && json.Unmarshal(text, m) == nil {
			return m
		}
	}
	t.Fatal("millrace up is not ready after two minutes")
	return nil
}

// logWarnings reads what the program says and keeps what is not plain news.
func logWarnings(t *testing.T, r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if text := lines.Text(); strings.Contains(text, "level=WARN") || strings.Contains(text, "level=ERROR") {
			t.Log(text)
		}
	}
}

package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// childEnv marks a process as the child that serves one engine, and carries its configuration as JSON. It
// is an environment variable, not a flag, so that any binary can be its own child, a test binary too.
const childEnv = "MILLRACE_ENGINE"

// childReady is the line on standard error by which a child says that it serves.
const childReady = "millrace engine ready"

// child is the configuration of a child process; one field is set.
type child struct {
	ClickHouse *clickhouseChild `json:"clickhouse,omitempty"`
	Kafka      *kafkaChild      `json:"kafka,omitempty"`
}

// Main has to be called first in main and in each TestMain whose process starts engines. In an ordinary
// process it returns at once. In a process that was started to serve an engine it serves until it is told
// to stop, and exits.
func Main() {
	text, ok := os.LookupEnv(childEnv)
	if !ok {
		return
	}
	os.Unsetenv(childEnv) // whatever the engine starts is not an engine
	os.Exit(serveChild(text))
}

func serveChild(text string) int {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		fmt.Fprintln(os.Stderr, "read the engine's configuration:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go endWithParent(os.Stdin, cancel)
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if err := c.serve(ctx, log, func() { fmt.Fprintf(os.Stderr, "\n%s\n", childReady) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (c child) serve(ctx context.Context, log *slog.Logger, ready func()) error {
	switch {
	case c.ClickHouse != nil:
		return c.ClickHouse.serve(ctx, log, ready)
	case c.Kafka != nil:
		return c.Kafka.serve(ctx, log, ready)
	}
	return errors.New("the engine's configuration names no engine")
}

// endWithParent stops the child when its parent is gone: the parent holds the other end of standard input
// and never writes. On Linux the death signal is faster; this works everywhere.
func endWithParent(stdin io.Reader, stop context.CancelFunc) {
	_, _ = io.Copy(io.Discard, stdin)
	stop()
}

// selfProcess describes a child that is this very binary and keeps its data in dataDir.
func selfProcess(e Engine, c child, dataDir string) process {
	return process{
		engine:      e,
		prepare:     func(context.Context) error { return os.MkdirAll(dataDir, 0o700) },
		command:     func() (*exec.Cmd, error) { return selfCommand(c) },
		isReady:     func(line string) bool { return strings.HasSuffix(line, childReady) },
		forward:     forwardChild,
		startWithin: time.Minute,
		stopSignal:  syscall.SIGTERM,
		stopWithin:  6 * time.Second,
	}
}

func selfCommand(c child) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.SysProcAttr = processAttr(syscall.SIGKILL, nil)
	if _, err := cmd.StdinPipe(); err != nil { // closed by Wait, or by our own end
		return nil, err
	}
	return cmd, nil
}

// forwardChild logs a line of a child at the level at which the child logged it. What is not a log record
// comes from below (a C++ library, a panic) and is detail; the last such lines are also in the error when
// the engine is lost.
func forwardChild(log *slog.Logger, line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	var record map[string]any
	if json.Unmarshal([]byte(line), &record) != nil {
		log.Debug("engine output", "line", line)
		return
	}
	var level slog.Level
	text, _ := record["level"].(string)
	_ = level.UnmarshalText([]byte(text)) // an unknown level counts as Info
	message, _ := record["msg"].(string)
	var attrs []any
	for _, key := range slices.Sorted(maps.Keys(record)) {
		if key != "level" && key != "msg" && key != "time" {
			attrs = append(attrs, slog.Any(key, record[key]))
		}
	}
	log.Log(context.Background(), level, message, attrs...)
}

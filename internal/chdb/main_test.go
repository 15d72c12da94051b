package chdb

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"millrace/deploy/embedded"
)

// childEnv makes the test binary a server: its value is a Config in JSON. The server is a process
// of its own because chDB opens one data path per process, and because tests kill it.
const childEnv = "MILLRACE_CHDB_TEST_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		os.Exit(child(text))
	}
	os.Exit(m.Run())
}

type childConfig struct {
	Library, DataDir, HTTPAddr, NativeAddr, User, Password string
	AllowFiles                                             bool
	MaxMemory, KeepFree                                    int64
	MaxQueries                                             int
}

func child(text string) int {
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	signal.Ignore(syscall.SIGXFSZ) // tests that let writes fail want the error
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	go func() { // the parent is gone when its end of the pipe is
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	cfg := DefaultConfig()
	cfg.Library, cfg.DataDir, cfg.HTTPAddr, cfg.NativeAddr = c.Library, c.DataDir, c.HTTPAddr, c.NativeAddr
	cfg.User, cfg.Password, cfg.AllowFiles, cfg.MaxMemory, cfg.KeepFree = c.User, c.Password, c.AllowFiles, c.MaxMemory, c.KeepFree
	if c.MaxQueries > 0 {
		cfg.MaxQueries = c.MaxQueries
	}
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.OnReady = func(h, n string) { fmt.Printf("ready %s %s\n", h, n) }
	if err := Serve(ctx, cfg); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		return 1
	}
	return 0
}

// libraryPath finds the engine: the environment first, then where `millrace engines install` puts it.
func libraryPath(t testing.TB) string {
	t.Helper()
	if p := os.Getenv("MILLRACE_CHDB_LIBRARY"); p != "" {
		return p
	}
	dir, err := embedded.Dir()
	if err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "node_modules", "@chdb", "lib-*", "libchdb.*")); len(found) > 0 {
		return found[0]
	}
	const text = "libchdb.so is not installed: run `millrace engines install`, or set MILLRACE_CHDB_LIBRARY"
	if os.Getenv("CI") != "" {
		t.Fatal(text)
	}
	t.Skip(text)
	return ""
}

// testServer is a server in a child process.
type testServer struct {
	t            testing.TB
	cfg          childConfig
	cmd          *exec.Cmd
	stdin        io.WriteCloser
	http, native string
	stderr       *syncBuffer
	waited       chan error // the end of the process; capacity 1
	onStart      func()     // called when the process exists
}

// startServer starts a server on a directory of its own; change edits its configuration.
func startServer(t testing.TB, change ...func(*childConfig)) *testServer {
	t.Helper()
	cfg := childConfig{Library: libraryPath(t), DataDir: filepath.Join(t.TempDir(), "clickhouse"),
		HTTPAddr: "127.0.0.1:0", NativeAddr: "127.0.0.1:0", User: "default"}
	for _, f := range change {
		f(&cfg)
	}
	s := &testServer{t: t, cfg: cfg}
	if err := s.start(); err != nil {
		t.Fatalf("start server: %v\n%s", err, s.stderr)
	}
	t.Cleanup(s.stop)
	return s
}

func (s *testServer) start() error {
	text, err := json.Marshal(s.cfg)
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	s.cmd = exec.Command(exe)
	s.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	s.stderr = &syncBuffer{}
	s.cmd.Stderr = s.stderr
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	if s.onStart != nil {
		s.onStart()
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	s.waited = make(chan error, 1)
	go func() {
		_, _ = io.Copy(io.Discard, out)
		s.waited <- s.cmd.Wait()
	}()
	if _, err := fmt.Sscanf(line, "ready %s %s", &s.http, &s.native); err != nil {
		_ = s.cmd.Process.Kill()
		<-s.waited
		return fmt.Errorf("no addresses in %q: %w", line, readErr)
	}
	return nil
}

// stop ends the server as its parent's end would, and demands that it is quick and clean.
func (s *testServer) stop() {
	if s.cmd == nil {
		return
	}
	s.stdin.Close()
	select {
	case err := <-s.waited:
		if err != nil {
			s.t.Errorf("server ended with %v\n%s", err, s.stderr)
		}
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		<-s.waited
		s.t.Errorf("server did not stop within 20 s\n%s", s.stderr)
	}
	s.cmd = nil
	if s.t.Failed() {
		s.t.Logf("server's log:\n%s", s.stderr)
	}
}

// rss is the server's resident memory in bytes.
func (s *testServer) rss() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	var kb int64
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "VmRSS:") {
			_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &kb)
		}
	}
	return kb << 10
}

// cpu is the processor time that the server has used, in steps of 10 ms.
func (s *testServer) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var user, system int64
	_, _ = fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
	return time.Duration(user+system) * 10 * time.Millisecond
}

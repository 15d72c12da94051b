package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"testing"

	"millrace/internal/chdb"
)

// A member is a process that takes part in a measurement: this test binary
// again, with an environment variable that says what it is. It prints a line
// when it is ready, begins when it is told so, ends when its standard input
// does, and prints what it has used.
const memberEnv = "MILLRACE_BENCH_MEMBER"

// memberConfig says what a member is and does.
type memberConfig struct {
	Role        string // clickhouse, millrace or loop
	Library     string // of clickhouse
	DataDir     string // of clickhouse
	Broker      string
	Store       string // native address
	Database    string
	Topic       string
	Group       string
	BlockRows   int // 0: what the ingest does by itself
	BlockBytes  int
	Compression string
	Profile     string // where to write a profile of the processor's time; empty for none
}

// memberUsage is what a member says at its end.
type memberUsage struct {
	Mallocs    uint64 // since it began
	Allocated  uint64 // bytes since it began
	Collection uint32 // runs of the garbage collector since it began
}

// serveMember serves and exits where this process is a member.
func serveMember() {
	text, ok := os.LookupEnv(memberEnv)
	if !ok {
		return
	}
	os.Unsetenv(memberEnv)
	var cfg memberConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		fmt.Fprintln(os.Stderr, "read the member's configuration:", err)
		os.Exit(2)
	}
	if err := cfg.serve(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", cfg.Role, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (c memberConfig) serve() error {
	if c.Role == "clickhouse" {
		return c.serveClickHouse()
	}
	fmt.Println("ready")
	stdin := bufio.NewReader(os.Stdin)
	if _, err := stdin.ReadString('\n'); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		stop()
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	end, err := c.profile()
	if err != nil {
		return err
	}
	if c.Role == "millrace" {
		err = c.ingest(ctx)
	} else {
		err = c.loop(ctx)
	}
	end()
	if err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	return json.NewEncoder(os.Stdout).Encode(memberUsage{
		Mallocs: after.Mallocs - before.Mallocs, Allocated: after.TotalAlloc - before.TotalAlloc, Collection: after.NumGC - before.NumGC,
	})
}

// profile records where the processor's time goes, up to the call of end.
func (c memberConfig) profile() (end func(), err error) {
	if c.Profile == "" {
		return func() {}, nil
	}
	file, err := os.Create(c.Profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		file.Close()
	}, nil
}

// serveClickHouse is the embedded ClickHouse, allowed to open connections: its
// Kafka engine needs one.
func (c memberConfig) serveClickHouse() error {
	cfg := chdb.DefaultConfig()
	cfg.Library, cfg.DataDir = c.Library, c.DataDir
	cfg.HTTPAddr, cfg.NativeAddr = "127.0.0.1:0", "127.0.0.1:0"
	cfg.AllowFiles = true
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg.OnReady = func(http, native string) { fmt.Println(http, native) }
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	return chdb.Serve(ctx, cfg)
}

// member is a running one.
type member struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
	line  string // what it said when it was ready
}

// start starts a member and waits until it is ready.
func start(t *testing.T, cfg memberConfig) *member {
	t.Helper()
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m := &member{cmd: exec.Command(os.Args[0])}
	m.cmd.Env = append(os.Environ(), memberEnv+"="+string(text))
	m.cmd.Stderr = os.Stderr
	stdin, err := m.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := m.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.stdin, m.out = stdin, bufio.NewReader(stdout)
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = m.cmd.Wait() // a second time is an error that says nothing
	})
	if m.line, err = m.out.ReadString('\n'); err != nil {
		t.Fatalf("%s did not start: %v", cfg.Role, err)
	}
	return m
}

// begin tells the member to begin.
func (m *member) begin(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(m.stdin, "go\n"); err != nil {
		t.Fatal(err)
	}
}

// stop ends the member and returns what it has used.
func (m *member) stop(t *testing.T) memberUsage {
	t.Helper()
	m.stdin.Close()
	var usage memberUsage
	if err := json.NewDecoder(m.out).Decode(&usage); err != nil {
		t.Fatalf("a member ended without its figures: %v", err)
	}
	if err := m.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return usage
}

package enginetest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/internal/embedded"
)

// engines are those that the tests of one binary share. It is the one variable of the package: tests have
// no other place to meet, and a Postgres per test would cost most of a second each.
var engines = &sharedEngines{stacks: map[embedded.Engine]*embedded.Stack{}}

type sharedEngines struct {
	mu     sync.Mutex
	ready  bool   // Run was called
	dir    string // holds the data; made on first use
	stacks map[embedded.Engine]*embedded.Stack
}

// Run is what TestMain does: serve, if this process was started as an engine; else run the tests and stop
// the engines that they used. The result is for os.Exit.
func Run(m *testing.M) int {
	embedded.Main()
	engines.allow()
	code := m.Run()
	if err := engines.stop(); err != nil {
		slog.Error("stop the test engines", "error", err)
		code = max(code, 1)
	}
	return code
}

func (s *sharedEngines) allow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = true
}

func (s *sharedEngines) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var faults []error
	for _, stack := range s.stacks {
		faults = append(faults, stack.Stop(ctx))
	}
	if s.dir != "" {
		faults = append(faults, os.RemoveAll(s.dir))
	}
	return errors.Join(faults...)
}

// of returns the engine that all tests share, started if need be.
func (s *sharedEngines) of(t testing.TB, e embedded.Engine) embedded.Addresses {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if stack := s.stacks[e]; stack != nil {
		return stack.Addresses()
	}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "millrace-test-")
		if err != nil {
			t.Fatal(err)
		}
		s.dir = dir
	}
	cfg := config(s.dir+"/"+strings.ToLower(string(e)), e)
	s.stacks[e] = start(t, s.ready, cfg)
	return s.stacks[e].Addresses()
}

func config(dir string, wanted ...embedded.Engine) embedded.Config {
	cfg := embedded.DefaultConfig()
	cfg.DataDir = dir
	cfg.Engines = wanted
	cfg.Ports = embedded.AutoPorts()
	cfg.Logger = slog.New(slog.DiscardHandler)
	return cfg
}

// start starts a stack, or ends the test.
func start(t testing.TB, ready bool, cfg embedded.Config) *embedded.Stack {
	t.Helper()
	if !ready {
		t.Fatal("engines need `func TestMain(m *testing.M) { os.Exit(enginetest.Run(m)) }` in this package's tests")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	stack, err := embedded.Start(ctx, cfg)
	absent := errors.Is(err, embedded.ErrMissing) || errors.Is(err, embedded.ErrUnsupported)
	if absent && os.Getenv("CI") == "" && os.Getenv("MILLRACE_TEST_ENGINES") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

// Start starts engines for this test alone, with data in the test's own directory, and stops them when the
// test ends. change, if given, adjusts the configuration, for example to start again on data that are there.
// What the engines report is shown with the test's output.
func Start(t testing.TB, change func(*embedded.Config), wanted ...embedded.Engine) *embedded.Stack {
	t.Helper()
	cfg := config(t.TempDir(), wanted...)
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	if change != nil {
		change(&cfg)
	}
	engines.mu.Lock()
	ready := engines.ready
	engines.mu.Unlock()
	stack := start(t, ready, cfg)
	t.Cleanup(func() {
		// The test's own context has ended by now.
		if err := stack.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return stack
}

// Kafka gives the test a broker of its own, empty, and returns its address, such as 127.0.0.1:9092.
func Kafka(t testing.TB) string {
	t.Helper()
	if addr := os.Getenv("MILLRACE_TEST_KAFKA"); addr != "" {
		return addr
	}
	inProcess := func(cfg *embedded.Config) { cfg.KafkaInProcess = true }
	return Start(t, inProcess, embedded.Kafka).Addresses().Kafka
}

// ClickHouse returns the addresses of a ClickHouse (such as http://127.0.0.1:8123 and 127.0.0.1:9000) and
// the name of an empty database, which is dropped when the test ends.
func ClickHouse(t testing.TB) (httpURL, nativeAddr, database string) {
	t.Helper()
	httpURL, nativeAddr = os.Getenv("MILLRACE_TEST_CLICKHOUSE_HTTP"), os.Getenv("MILLRACE_TEST_CLICKHOUSE_NATIVE")
	if httpURL == "" || nativeAddr == "" {
		addresses := engines.of(t, embedded.ClickHouse)
		httpURL, nativeAddr = addresses.ClickHouseHTTP, addresses.ClickHouseNative
	}
	database = Name(t)
	askClickHouse(t, httpURL, "CREATE DATABASE "+database)
	t.Cleanup(func() { askClickHouse(t, httpURL, "DROP DATABASE IF EXISTS "+database) })
	return httpURL, nativeAddr, database
}

func askClickHouse(t testing.TB, httpURL, statement string) {
	t.Helper()
	answer, err := http.Post(httpURL, "text/plain", strings.NewReader(statement))
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s %v", statement, answer.Status, text, err)
	}
}

// Postgres returns the address of an empty database, such as
// postgres://millrace@127.0.0.1:5432/name?sslmode=disable. It is dropped when the test ends.
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	server := os.Getenv("MILLRACE_TEST_POSTGRES")
	if server == "" {
		server = engines.of(t, embedded.Postgres).Postgres
	}
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	database := Name(t)
	askPostgres(t, server, "CREATE DATABASE "+database)
	t.Cleanup(func() { askPostgres(t, server, "DROP DATABASE IF EXISTS "+database+" WITH (FORCE)") })
	address.Path = "/" + database
	return address.String()
}

func askPostgres(t testing.TB, server, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

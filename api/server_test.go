package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// runOn starts a server on ln and returns what Run returned at once, or nil.
func runOn(t *testing.T, s *Server, address string) error {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return s.Run(ctx, ln)
}

func TestServerWithoutKeysStaysOnThisMachine(t *testing.T) {
	s := start(t, nil)
	err := runOn(t, s.Server, "0.0.0.0:0")
	if !errors.Is(err, ErrInsecureListen) {
		t.Fatalf("got %v, want ErrInsecureListen", err)
	}
	for _, want := range []string{"127.0.0.1", "--insecure-listen"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the message lacks %s: %s", want, err)
		}
	}
}

func TestInsecureListenIsAChoice(t *testing.T) {
	cfg, deps := DefaultConfig(), start(t, nil).deps
	cfg.AllowInsecure, deps.Registry = true, prometheus.NewRegistry()
	s, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := runOn(t, s, "0.0.0.0:0"); err != nil {
		t.Errorf("got %v", err)
	}
}

// A page that points its own name at 127.0.0.1 must not read anything.
func TestForeignHostsAreRefusedOnLoopback(t *testing.T) {
	s := start(t, func(c *Config, _ *Deps) { c.AllowedHosts = []string{"millrace.example"} })
	for host, allowed := range map[string]bool{
		"localhost": true, "localhost:8080": true, "app.localhost": true, "127.0.0.1:1": true, "[::1]:8080": true,
		"millrace.example": true, "millrace.example:443": true,
		"evil.example": false, "127.0.0.1.evil.example": false, "10.0.0.1": false,
	} {
		answer := s.do(http.MethodGet, "/healthz", nil, "Host", host)
		if (answer.status == http.StatusOK) != allowed {
			t.Errorf("host %s: got %d %s", host, answer.status, answer.body)
		}
	}
	wantProblem(t, s.do(http.MethodGet, "/", nil, "Host", "evil.example"), http.StatusForbidden, codeHostNotAllowed)
}

func TestStopWaitsForRequestsUnderWay(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := start(t, func(_ *Config, d *Deps) {
		d.Publisher = publishFunc(func(context.Context, []Record) error {
			close(entered)
			<-release
			return nil
		})
	})
	first := make(chan reply, 1)
	go func() { first <- s.send(`{"type":"view","user_id":"u1"}`) }()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	for !s.stopping.Load() {
		runtime.Gosched()
	}
	close(release)
	if got := <-first; got.status != http.StatusAccepted {
		t.Errorf("the request under way: got %d %s", got.status, got.body)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestStopEndsRequestsThatDoNotEnd(t *testing.T) {
	entered := make(chan struct{})
	s := start(t, func(c *Config, d *Deps) {
		c.ShutdownTimeout = 2 * time.Second
		d.Publisher = publishFunc(func(ctx context.Context, _ []Record) error {
			close(entered)
			<-ctx.Done()
			return ctx.Err()
		})
	})
	first := make(chan reply, 1)
	go func() { first <- s.send(`{"type":"view","user_id":"u1"}`) }()
	<-entered
	if err := s.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	wantProblem(t, <-first, http.StatusServiceUnavailable, codeStopping)
}

func TestStopDoesNotWaitForIdleConnections(t *testing.T) {
	s := start(t, nil)
	idle, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	s.get("/healthz") // keeps its connection
	began := time.Now()
	if err := s.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the stop took %s", took)
	}
}

func TestConfigAndDepsNameEveryFault(t *testing.T) {
	_, err := New(Config{}, Deps{})
	for _, want := range []string{"max body bytes", "query timeout", "Publisher", "Logger"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
}

func TestDashboard(t *testing.T) {
	s := start(t, nil)
	page := s.get("/")
	if page.status != http.StatusOK || !strings.Contains(string(page.body), "<title>Millrace</title>") {
		t.Errorf("/: got %d %s", page.status, page.body)
	}
	for name, want := range map[string]string{
		"Content-Type":            "text/html; charset=utf-8",
		"Cache-Control":           "no-cache",
		"Content-Security-Policy": policyPage,
		"X-Content-Type-Options":  "nosniff",
		"X-Frame-Options":         "DENY",
		"Referrer-Policy":         "no-referrer",
	} {
		if got := page.header.Get(name); got != want {
			t.Errorf("%s of /: got %q, want %q", name, got, want)
		}
	}
	again := s.do(http.MethodGet, "/", nil, "If-None-Match", page.header.Get("ETag"))
	if again.status != http.StatusNotModified || len(again.body) != 0 {
		t.Errorf("/ again: got %d %s", again.status, again.body)
	}
	script := s.get("/assets/app-1a.js")
	if got := script.header.Get("Cache-Control"); script.status != http.StatusOK || !strings.Contains(got, "immutable") {
		t.Errorf("asset: got %d, Cache-Control %s", script.status, got)
	}
	wantProblem(t, s.get("/.gitkeep"), http.StatusNotFound, codeNoSuchRoute)
	wantProblem(t, s.get("/assets/other.js"), http.StatusNotFound, codeNoSuchRoute)
	head := s.do(http.MethodHead, "/", nil)
	if head.status != http.StatusOK || len(head.body) != 0 || head.header.Get("ETag") == "" {
		t.Errorf("HEAD /: got %d with %d bytes", head.status, len(head.body))
	}
}

func TestDashboardThatWasNotBuilt(t *testing.T) {
	s := start(t, func(_ *Config, d *Deps) { d.Dashboard = fstest.MapFS{".gitkeep": {}} })
	if page := s.get("/"); page.status != http.StatusOK || !strings.Contains(string(page.body), "make ui") {
		t.Errorf("got %d %s", page.status, page.body)
	}
}

package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/olap"
)

// stream is an open live stream.
type stream struct {
	t      testing.TB
	lines  *bufio.Scanner
	answer *http.Response
	cancel context.CancelFunc
}

func (r *running) follow() *stream {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/v1/live", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	s := &stream{r.t, bufio.NewScanner(answer.Body), answer, cancel}
	r.t.Cleanup(s.close)
	return s
}

func (s *stream) close() {
	s.cancel()
	_ = s.answer.Body.Close()
}

// next is the next event: its name and data; name is "" for a comment, and ok
// false at the end of the stream.
func (s *stream) next() (name, data string, ok bool) {
	for s.lines.Scan() {
		switch line := s.lines.Text(); {
		case strings.HasPrefix(line, ": "):
			return "", line[2:], true
		case strings.HasPrefix(line, "event: "):
			name = line[7:]
		case strings.HasPrefix(line, "data: "):
			data = line[6:]
		case line == "" && name != "":
			return name, data, true
		}
	}
	return "", "", false
}

func TestLiveDelivers(t *testing.T) {
	var asked atomic.Int64
	until := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := start(t, func(c *Config, d *Deps) {
		c.LiveInterval = 5 * time.Millisecond
		d.Progress = fakeProgress{until: until}
		d.Figures = figuresFunc(func(context.Context) (olap.Live, error) {
			return olap.Live{EventsTotal: uint64(asked.Add(1))}, nil
		})
	})
	live := s.follow()
	if got := live.answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type: got %s", got)
	}
	last := uint64(0)
	for range 5 {
		name, data, ok := live.next()
		var figures LiveFigures
		if err := json.Unmarshal([]byte(data), &figures); !ok || name != "figures" || err != nil {
			t.Fatalf("got %s %s %v %v", name, data, ok, err)
		}
		if figures.EventsTotal <= last {
			t.Errorf("events_total: got %d after %d", figures.EventsTotal, last)
		}
		last = figures.EventsTotal
		if figures.LagRecords != 3 || figures.StoredUntil == nil || !figures.StoredUntil.Equal(until) {
			t.Errorf("progress: got %d %v", figures.LagRecords, figures.StoredUntil)
		}
		for _, list := range []string{`"series":[`, `"funnel":[`, `"top_events":[`, `"revenue":[`} {
			if !strings.Contains(data, list) {
				t.Errorf("%s is missing in %s", list, data)
			}
		}
	}
}

func TestLiveClientsShareOneComputation(t *testing.T) {
	var asked atomic.Int64
	s := start(t, func(c *Config, d *Deps) {
		c.LiveInterval = time.Hour // every frame after the first is one too many
		d.Figures = figuresFunc(func(context.Context) (olap.Live, error) {
			asked.Add(1)
			return olap.Live{}, nil
		})
	})
	var clients sync.WaitGroup
	for range 50 {
		live := s.follow()
		clients.Go(func() {
			if name, _, ok := live.next(); !ok || name != "figures" {
				t.Errorf("got %q %v", name, ok)
			}
		})
	}
	clients.Wait()
	if got := asked.Load(); got != 1 {
		t.Errorf("computed %d times for 50 clients, want once", got)
	}
}

func TestHubComputesOnlyWhileSomebodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := newMetrics(prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		var computed atomic.Int64
		hub := newLiveHub(DefaultConfig(), m, func(context.Context) []byte {
			computed.Add(1)
			return nil
		})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { hub.run(ctx) })
		defer func() {
			stop()
			running.Wait()
		}()
		during := func(d time.Duration) int64 {
			before := computed.Load()
			time.Sleep(d)
			synctest.Wait()
			return computed.Load() - before
		}
		if got := during(time.Minute); got != 0 {
			t.Errorf("before the first client: computed %d times", got)
		}
		client, _, _ := hub.subscribe()
		if got := during(time.Minute); got < 60 || got > 61 {
			t.Errorf("for a client that takes nothing: computed %d times in a minute", got)
		}
		hub.leave(client)
		if got := during(time.Minute); got != 0 {
			t.Errorf("after it left: computed %d times", got)
		}
	})
}

// waitForLiveClients returns when the hub has n clients. fasthttp notices a client
// that left when it writes, so frames have to flow.
func (r *running) waitForLiveClients(n int) {
	r.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		r.live.mu.Lock()
		got := len(r.live.clients)
		r.live.mu.Unlock()
		if got == n {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("live clients: got %d, want %d", got, n)
		}
		runtime.Gosched()
	}
}

func TestLiveTellsOfTroubleAndRecovers(t *testing.T) {
	var asked atomic.Int64
	s := start(t, func(c *Config, d *Deps) {
		c.LiveInterval = time.Millisecond
		d.Figures = figuresFunc(func(context.Context) (olap.Live, error) {
			if asked.Add(1) <= 2 {
				return olap.Live{}, errors.New("clickhouse is away")
			}
			return olap.Live{}, nil
		})
	})
	live := s.follow()
	name, data, _ := live.next()
	if name != "problem" || !strings.Contains(data, `"code":"internal_error"`) || strings.Contains(data, "clickhouse") {
		t.Errorf("got %s %s", name, data)
	}
	for name == "problem" {
		name, _, _ = live.next()
	}
	if name != "figures" {
		t.Errorf("got %s, want figures", name)
	}
}

func TestLiveHeartbeat(t *testing.T) {
	s := start(t, func(c *Config, _ *Deps) {
		c.LiveInterval, c.LiveHeartbeat = time.Hour, 50*time.Millisecond
		c.ReadTimeout, c.IdleTimeout = 300*time.Millisecond, 300*time.Millisecond // must not end a stream
	})
	live := s.follow()
	live.next() // the first figures
	for range 10 {
		if name, data, ok := live.next(); !ok || name != "" || data != "still here" {
			t.Fatalf("got %s %s %v", name, data, ok)
		}
	}
}

func TestLiveIsFullAtItsLimit(t *testing.T) {
	s := start(t, func(c *Config, _ *Deps) { c.MaxLiveClients, c.LiveInterval = 1, time.Millisecond })
	live := s.follow()
	live.next()
	answer := s.get("/v1/live")
	wantProblem(t, answer, http.StatusServiceUnavailable, codeOverloaded)
	live.close()
	s.waitForLiveClients(0)
	if name, _, ok := s.follow().next(); !ok || name != "figures" {
		t.Errorf("after one left: got %s %v", name, ok)
	}
}

func TestLiveEndsWhenTheServerStops(t *testing.T) {
	s := start(t, func(c *Config, _ *Deps) { c.LiveInterval = time.Millisecond })
	live := s.follow()
	live.next()
	began := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	for ok := true; ok; {
		_, _, ok = live.next()
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the stop took %s", took)
	}
}

// A client that connects and never reads is dropped by the write deadline.
func TestLiveDropsAClientThatDoesNotRead(t *testing.T) {
	s := start(t, func(c *Config, d *Deps) {
		c.LiveInterval, c.LiveWriteTimeout = time.Millisecond, 50*time.Millisecond
		large := strings.Repeat("x", 200<<10)
		d.Figures = figuresFunc(func(context.Context) (olap.Live, error) {
			return olap.Live{TopEvents: []olap.LiveType{{Type: large}}}, nil
		})
	})
	s.follow() // and never read
	s.waitForLiveClients(1)
	s.waitForLiveClients(0)
}

func BenchmarkLiveBroadcast(b *testing.B) {
	s := start(b, nil)
	for range 1000 {
		if _, _, ok := s.live.subscribe(); !ok {
			b.Fatal("full")
		}
	}
	frame := fmt.Appendf(nil, "event: figures\n")
	for b.Loop() {
		s.live.broadcast(frame)
	}
}

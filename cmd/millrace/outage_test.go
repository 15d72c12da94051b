package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"millrace/internal/embedded"
)

// outageEvents is the environment variable that says how many events come in
// while the store is away: a day of 12 a second is a million.
const outageEvents = "MILLRACE_OUTAGE_EVENTS"

// TestStoreAwayForADay lets an ingester of its own process run while its
// ClickHouse is away, and a day's events come in. When the store is back, all
// of them are stored once, nobody restarts anything, and the ingester's memory
// stays within its budget the whole time.
func TestStoreAwayForADay(t *testing.T) {
	events := 100_000
	if text := os.Getenv(outageEvents); text != "" {
		var err error
		if events, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", outageEvents, err)
		}
	} else if testing.Short() {
		events = 20_000
	}
	storeDir := t.TempDir()
	others := startStack(t, embedded.Config{DataDir: t.TempDir(), Engines: []embedded.Engine{embedded.Kafka, embedded.Postgres}})
	store := startStack(t, embedded.Config{DataDir: storeDir, Engines: []embedded.Engine{embedded.ClickHouse}})
	r := &running{addresses: addresses{ClickHouseHTTP: store.Addresses().ClickHouseHTTP, Kafka: others.Addresses().Kafka}}
	ports := portsOf(t, store.Addresses())
	member := startIngester(t, others.Addresses(), store.Addresses())

	send(t, r, 1000, "-48h", "-24h")
	eventually(t, "the first events are stored", func() bool { return accounted(r) == 1000 })
	watch := watchMemory(t, member.Process.Pid)

	if err := syscall.Kill(store.PID(embedded.ClickHouse), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	stopStack(t, store)
	send(t, r, events, "-24h", "now")
	lag := awaitLag(t, member, events)
	before := watch.peak()

	startStack(t, embedded.Config{DataDir: storeDir, Engines: []embedded.Engine{embedded.ClickHouse}, Ports: ports})
	back := time.Now()
	eventually(t, "the store answers", func() bool { return accounted(r) >= 0 })
	answers := time.Since(back)
	patiently(t, 10*time.Minute, "everything is stored", func() bool { return accounted(r) >= events+1000 })
	took := time.Since(back)

	equal(t, "records accounted for, different offsets", clickhouse(t, r, `
		SELECT count(), uniqExact(kafka_partition, kafka_offset) FROM (
			SELECT kafka_partition, kafka_offset FROM events UNION ALL SELECT kafka_partition, kafka_offset FROM duplicates)
		FORMAT TSV`), fmt.Sprintf("%d\t%d", events+1000, events+1000))
	equal(t, "events stored twice", clickhouse(t, r, "SELECT count() - uniqExact(event_id) FROM events"), 0)
	equal(t, "dead letters", clickhouse(t, r, "SELECT count() FROM dead_letters"), 0)
	checkWindows(t, r)
	peak := watch.peak()
	if peak > 512<<20 {
		t.Errorf("the ingester had %d MiB resident, want at most 512", peak>>20)
	}
	if err := member.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the ingester has ended: %v", err)
	}
	t.Logf("%d events waited, lag %d; store answers after %v; caught up %v after its start, %.0f events/s; ingester's memory: %d MiB at most during the outage, %d MiB overall, %d samples",
		events, lag, answers.Round(time.Millisecond), took.Round(time.Millisecond), float64(events)/took.Seconds(), before>>20, peak>>20, watch.count())
}

// startStack starts engines that are not restarted by `millrace up`.
func startStack(t *testing.T, cfg embedded.Config) *embedded.Stack {
	t.Helper()
	requireEngines(t)
	defaults := embedded.DefaultConfig()
	defaults.DataDir, defaults.Engines, defaults.Ports = cfg.DataDir, cfg.Engines, cfg.Ports
	stack, err := embedded.Start(t.Context(), defaults)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopStack(t, stack) })
	return stack
}

func stopStack(t *testing.T, stack *embedded.Stack) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	defer cancel()
	if err := stack.Stop(ctx); err != nil {
		t.Errorf("stop the engines: %v", err)
	}
}

// portsOf are the ports that ClickHouse listens on.
func portsOf(t *testing.T, at embedded.Addresses) embedded.Ports {
	t.Helper()
	return embedded.Ports{ClickHouseHTTP: portOf(t, at.ClickHouseHTTP), ClickHouseNative: portOf(t, at.ClickHouseNative)}
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	port, err := strconv.Atoi(address[strings.LastIndexByte(address, ':')+1:])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// ingester is a process that does nothing but ingest.
type ingester struct {
	*exec.Cmd
	addresses
}

// startIngester runs `millrace up --stages ingest` in a process of its own.
func startIngester(t *testing.T, others, store embedded.Addresses) *ingester {
	t.Helper()
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	member := &ingester{Cmd: exec.Command(os.Args[0], "up", "--stages", "ingest", "--data", dir, "--metrics-listen", "127.0.0.1:0",
		"--kafka", others.Kafka, "--postgres", others.Postgres, "--clickhouse", store.ClickHouseNative)}
	member.Env = append(os.Environ(), asCommand+"=1")
	member.Stdout, member.Stderr = log, log
	if err := member.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		member.Process.Signal(os.Interrupt)
		member.Wait()
		log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("the ingester said:\n%.20000s", text)
		}
	})
	eventually(t, "the ingester is ready", func() bool {
		text, err := os.ReadFile(addressesFile(dir))
		return err == nil && json.Unmarshal(text, &member.addresses) == nil
	})
	return member
}

// send makes a history of events and waits until Kafka has them.
func send(t *testing.T, r *running, events int, start, until string) {
	t.Helper()
	command(t, exitOK, "produce", "--kafka", r.Kafka, "--events", strconv.Itoa(events), "--rate", "0", "--users", "20000",
		"--start", start, "--until", until)
}

// accounted is how many records the store has, as rows or repeats; -1 while it
// does not answer.
func accounted(r *running) int {
	text, err := ask(r, "SELECT (SELECT count() FROM events) + (SELECT count() FROM duplicates)")
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// awaitLag waits until the ingester's own metrics show the backlog, and, of a
// million events, which its queues cannot hold, that it has stopped fetching.
func awaitLag(t *testing.T, member *ingester, want int) (lag int) {
	t.Helper()
	eventually(t, "the ingester reports the backlog", func() bool {
		series := scrape(t, member.Metrics)
		lag = int(series.sum("millrace_ingest_lag_records"))
		return lag >= want && (want < 1_000_000 || series.sum("millrace_ingest_paused_partitions") > 0)
	})
	return lag
}

// patiently is eventually for what takes longer.
func patiently(t *testing.T, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(limit)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited too long until %s", what)
		}
	}
}

// memoryWatch samples a process's resident memory.
type memoryWatch struct {
	mu      sync.Mutex
	samples []int
}

// watchMemory samples every 200 ms until the test ends.
func watchMemory(t *testing.T, pid int) *memoryWatch {
	w := &memoryWatch{}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var sampling sync.WaitGroup
	sampling.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			w.sample(pid)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	t.Cleanup(func() {
		stop()
		sampling.Wait()
	})
	return w
}

func (w *memoryWatch) sample(pid int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples = append(w.samples, resident*os.Getpagesize())
}

func (w *memoryWatch) peak() (peak int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.samples {
		peak = max(peak, s)
	}
	return peak
}

func (w *memoryWatch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.samples)
}

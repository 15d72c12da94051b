package bench

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/ingest"
	"millrace/internal/embedded"
	"millrace/internal/traffic"
	"millrace/olap"
)

var (
	throughputEvents = flag.Int("throughput", 0, "run TestThroughput with so many events, such as 2000000")
	throughputRounds = flag.Int("rounds", 3, "how often TestThroughput runs each lane")
	throughputLanes  = flag.String("lanes", "native,millrace,engine,loop", "the lanes of TestThroughput; millrace:none,lz4,lz4-text,zstd adds lanes by compression")
	blockRows        = flag.Int("block-rows", 0, "events per block; 0 is what the ingest does by itself, and 100000 in the other lanes")
	blockBytes       = flag.Int("block-bytes", 0, "bytes of text per block; 0 is what the ingest does by itself")
	partitionCount   = flag.Int("partitions", 4, "partitions of the topic")
	profileFile      = flag.String("profile", "", "write a profile of the processor's time in the millrace lane to this file, for `make pgo`")
)

// otherRows is the size of a block in the lanes that are not Millrace's.
const otherRows = 100_000

// TestThroughput fills a topic and then measures how fast each lane brings it
// into the same tables with the same views: from a full log until everything
// is stored and every view is up to date. Broker, store and lane have a process
// each, on whatever processors the machine has.
func TestThroughput(t *testing.T) {
	if *throughputEvents == 0 {
		t.Skip("takes minutes: run it with -throughput 2000000, or as `make bench-ingest`")
	}
	a := openArena(t, *throughputEvents)
	lanes := a.lanes(t)
	results := make([][]result, len(lanes))
	for round := range *throughputRounds {
		for i, l := range lanes { // one after the other, so that the machine's moods meet all of them
			r := a.run(t, l)
			t.Logf("round %d, %s: %.0f events/s, lane %.2f µs, store %.2f µs (%.2f with merges), broker %.2f µs, peak %d MB, %.2f mallocs, %d blocks, %.2f merge passes (%.2f in the end)",
				round+1, l.name, r.rate(), r.perEvent(r.lane), r.perEvent(r.store), r.perEvent(r.merged), r.perEvent(r.broker), r.peak>>20, float64(r.usage.Mallocs)/float64(r.events), r.blocks, r.passes, r.allPasses)
			results[i] = append(results[i], r)
		}
	}
	wire := make([]float64, len(lanes))
	for i, l := range lanes {
		wire[i] = a.wireBytes(t, l)
	}
	t.Log("\n" + table(lanes, results, wire, a))
}

// lane is one way from the broker, or from memory, into the store.
type lane struct {
	name string
	// open prepares a run; nothing of it counts. What it returns begins the run,
	// and end ends it.
	open func(t *testing.T, r trial) running
}

// trial is one run of a lane: what the lane is given.
type trial struct {
	store
	native string // the store's other address
	topic  string
	group  string
	events int
}

// running is a lane that is ready.
type running struct {
	begin func(t *testing.T)
	end   func(t *testing.T) memberUsage
	pid   int // of the process whose time is the lane's; 0 for none
}

// result is what a run has shown.
type result struct {
	events  int
	elapsed time.Duration
	lane    time.Duration // of the processors
	store   time.Duration
	merged  time.Duration // store, up to the end of the merges that the run has left
	broker  time.Duration
	peak    int64
	usage   memberUsage
	blocks  int // that were stored
	// passes is how often merges have written a row again, during the run and
	// up to the end of the merges that it has left.
	passes, allPasses float64
}

func (r result) rate() float64 { return float64(r.events) / r.elapsed.Seconds() }

// sustained is how many events a second the machine can take for hours: where
// each costs all the processor time that it does cost, with its merges. The rate
// is higher, of a lane that leaves its merges for later.
func (r result) sustained() float64 {
	return float64(r.events) * float64(runtime.NumCPU()) / (r.lane + r.merged + r.broker).Seconds()
}

// perEvent is processor time in microseconds.
func (r result) perEvent(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1000 / float64(r.events)
}

// arena is a broker with full topics, and a store.
type arena struct {
	broker    string
	brokerPID int
	http      string
	native    string
	storePID  int
	events    int
	bytes     int // of the events' JSON
	runs      int
	blocks    []nativeBlock // made by the first run of a lane that wants them
}

// The topics: all events, and as many as it takes to see how large they are on
// the wire.
const (
	fullTopic  = "events"
	smallTopic = "events-small"
	smallShare = 20
)

func openArena(t *testing.T, events int) *arena {
	t.Helper()
	packages, err := embedded.Locate("", embedded.ClickHouse)
	if err != nil {
		t.Skip(err)
	}
	cfg := embedded.DefaultConfig()
	cfg.DataDir, cfg.Engines, cfg.Ports = t.TempDir(), []embedded.Engine{embedded.Kafka}, embedded.AutoPorts()
	cfg.Logger = slog.New(slog.DiscardHandler)
	stack, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Stop(context.WithoutCancel(t.Context())) })
	server := start(t, memberConfig{Role: "clickhouse", Library: packages.ClickHouseLibrary, DataDir: filepath.Join(t.TempDir(), "clickhouse")})
	a := &arena{broker: stack.Addresses().Kafka, brokerPID: stack.PID(embedded.Kafka), storePID: server.cmd.Process.Pid, events: events}
	http, native, _ := strings.Cut(strings.TrimSpace(server.line), " ")
	a.http, a.native = "http://"+http, native
	a.fill(t, fullTopic, events)
	a.fill(t, smallTopic, events/smallShare)
	return a
}

// fill produces different events like those of a shop with two million a day.
func (a *arena) fill(t *testing.T, topic string, events int) {
	t.Helper()
	if err := ingest.EnsureTopic(t.Context(), []string{a.broker}, topic, int32(*partitionCount)); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(a.broker), kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(50*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.MaxBufferedRecords(200_000))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	cfg := traffic.DefaultConfig()
	cfg.Users, cfg.Rate, cfg.DuplicateShare = 100_000, 23, 0 // each record becomes a row
	generator, err := traffic.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	pace := traffic.Pace{Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Rate: cfg.Rate}
	var failed atomic.Int64
	size := 0
	for n := range events {
		ev, _ := generator.Next(pace.At(int64(n)))
		value := ev.AppendJSON(nil)
		size += len(value)
		client.Produce(t.Context(), &kgo.Record{Key: []byte(ev.UserID), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Add(1)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil || failed.Load() > 0 {
		t.Fatalf("fill %s: %v, %d failed", topic, err, failed.Load())
	}
	if topic == fullTopic {
		a.bytes = size
	}
}

// lanes are those that the flag names.
func (a *arena) lanes(t *testing.T) []lane {
	t.Helper()
	var lanes []lane
	for _, name := range strings.Split(*throughputLanes, ",") {
		switch kind, variant, _ := strings.Cut(name, ":"); kind {
		case "native":
			lanes = append(lanes, a.bestNative(t))
		case "millrace":
			lanes = append(lanes, a.millrace(name, variant))
		case "engine":
			lanes = append(lanes, a.engine())
		case "loop":
			lanes = append(lanes, a.plainLoop())
		default:
			t.Fatalf("-lanes: %q is none of native, millrace, millrace:<compression>, engine and loop", name)
		}
	}
	return lanes
}

// millrace is what all of this is about.
func (a *arena) millrace(name, compression string) lane {
	return lane{name: name, open: func(t *testing.T, r trial) running {
		profile := *profileFile
		if r.topic != fullTopic {
			profile = "" // it is too short to say anything
		}
		return memberRunning(start(t, memberConfig{Role: "millrace", Broker: a.broker, Store: r.native, Database: r.database, Topic: r.topic, Group: r.group,
			BlockRows: *blockRows, BlockBytes: *blockBytes, Compression: compression, Profile: profile}))
	}}
}

// plainLoop is franz-go, encoding/json and clickhouse-go, row by row.
func (a *arena) plainLoop() lane {
	return lane{name: "loop", open: func(t *testing.T, r trial) running {
		return memberRunning(start(t, memberConfig{Role: "loop", Broker: a.broker, Store: r.native, Database: r.database, Topic: r.topic, Group: r.group, BlockRows: a.otherRows()}))
	}}
}

func memberRunning(m *member) running {
	return running{begin: m.begin, end: m.stop, pid: m.cmd.Process.Pid}
}

func (a *arena) otherRows() int {
	if *blockRows > 0 {
		return *blockRows
	}
	return otherRows
}

// run runs a lane on all events.
func (a *arena) run(t *testing.T, l lane) result {
	t.Helper()
	r := a.newTrial(t, fullTopic, a.events)
	defer r.drop(t)
	live := l.open(t, r)
	used := func() (lane, store, broker time.Duration) {
		return a.used(t, live.pid), a.used(t, a.storePID), a.used(t, a.brokerPID)
	}
	lane, store, broker := used()
	mergedRows := r.mergedRows(t)
	begin := time.Now()
	live.begin(t)
	r.await(t)
	res := result{events: r.events, elapsed: time.Since(begin)}
	res.lane, res.store, res.broker = used()
	res.passes = (r.mergedRows(t) - mergedRows) / float64(r.events)
	if live.pid != 0 {
		res.peak, _ = peakMemory(live.pid) // 0 where the machine does not tell
	}
	res.usage = live.end(t)
	res.blocks, _ = strconv.Atoi(r.must(t, "SELECT uniqExact(kafka_partition, sealed_at) FROM events"))
	r.settle(t)
	res.allPasses = (r.mergedRows(t) - mergedRows) / float64(r.events)
	res.lane, res.store, res.broker, res.merged = res.lane-lane, res.store-store, res.broker-broker, a.used(t, a.storePID)-store
	return res
}

func (a *arena) used(t *testing.T, pid int) time.Duration {
	t.Helper()
	if pid == 0 {
		return 0
	}
	d, err := processorTime(pid)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newTrial makes a database with Millrace's tables, and a group that nobody has
// used.
func (a *arena) newTrial(t *testing.T, topic string, events int) trial {
	t.Helper()
	a.runs++
	name := "run_" + strconv.Itoa(a.runs)
	cfg := olap.DefaultConfig()
	cfg.Address, cfg.Database = a.native, name
	tables, err := olap.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	if _, err := tables.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return trial{store: store{url: a.http, database: name}, native: a.native, topic: topic, group: name, events: events}
}

// await waits until every row is stored, and every view has counted it.
func (r trial) await(t *testing.T) {
	t.Helper()
	deadline := time.After(10 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after ten minutes %s of %d rows are stored", r.must(t, "SELECT count() FROM events"), r.events)
		}
		if r.must(t, "SELECT count() FROM events") == strconv.Itoa(r.events) && r.viewsAreComplete(t) {
			return
		}
	}
}

// mergedRows is how many rows merges have written since the store was started.
func (r trial) mergedRows(t *testing.T) float64 {
	t.Helper()
	rows, err := strconv.ParseFloat(r.must(t, "SELECT sum(value) FROM system.events WHERE event = 'MergedRows'"), 64)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// viewsAreComplete reports whether the views have counted every row.
func (r trial) viewsAreComplete(t *testing.T) bool {
	t.Helper()
	for _, view := range []string{"windows_by_type WHERE by_country = 1", "stored_seconds", "offset_blocks"} {
		if r.must(t, "SELECT sum(events) FROM "+view) != strconv.Itoa(r.events) {
			return false
		}
	}
	return true
}

// settle waits until the store has done its merges.
func (r trial) settle(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for quiet := 0; quiet < 5; {
		<-tick.C
		if r.must(t, "SELECT count() FROM system.merges WHERE database = currentDatabase()") == "0" {
			quiet++
		} else {
			quiet = 0
		}
	}
}

func (r trial) drop(t *testing.T) {
	t.Helper()
	r.must(t, "DROP DATABASE "+r.database+" SYNC")
}

// wireBytes is how many bytes a lane sends to the store for an event. It is
// measured with fewer events, through a relay that would slow a full run down.
func (a *arena) wireBytes(t *testing.T, l lane) float64 {
	t.Helper()
	if l.name == "engine" {
		return 0 // it is inside of the store
	}
	r := a.newTrial(t, smallTopic, a.events/smallShare)
	defer r.drop(t)
	relay := newRelay(t, a.native)
	r.native = relay.address
	live := l.open(t, r)
	live.begin(t)
	if l.name == "native" {
		live.end(t)
		return relayedNative(a.blocks)
	}
	r.await(t)
	live.end(t)
	return float64(relay.bytes.Load()) / float64(r.events)
}

// relay passes connections on and counts the bytes that clients send.
type relay struct {
	address string
	bytes   atomic.Int64
}

func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: listener.Addr().String()}
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			passing.Go(func() { r.pass(client, target) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		passing.Wait()
	})
	return r
}

func (r *relay) pass(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		client.Close()
	})
	n, _ := io.Copy(server, client)
	r.bytes.Add(n)
	server.Close()
	back.Wait()
}

// median is the middle one of the values.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// table is the outcome as Markdown.
func table(lanes []lane, results [][]result, wire []float64, a *arena) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d different events of %d bytes, %d partitions, lz4; %s; medians of %d runs.\n\n", a.events, a.bytes/a.events, *partitionCount, machine(), len(results[0]))
	b.WriteString("| lane | events/s | of native | sustained | of native | lane µs | store µs | with merges | merge passes | broker µs | B to the store | lane MB | mallocs |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	of := func(i int, value func(result) float64) float64 {
		values := make([]float64, len(results[i]))
		for j, r := range results[i] {
			values[j] = value(r)
		}
		return median(values)
	}
	for i, l := range lanes {
		rate, sustained := of(i, result.rate), of(i, result.sustained)
		fmt.Fprintf(&b, "| %s | %.0f | %.2f | %.0f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f | %.0f | %.2f |\n", l.name, rate, rate/of(0, result.rate), sustained, sustained/of(0, result.sustained),
			of(i, func(r result) float64 { return r.perEvent(r.lane) }), of(i, func(r result) float64 { return r.perEvent(r.store) }),
			of(i, func(r result) float64 { return r.perEvent(r.merged) }), of(i, func(r result) float64 { return r.allPasses }), of(i, func(r result) float64 { return r.perEvent(r.broker) }),
			wire[i], of(i, func(r result) float64 { return float64(r.peak >> 20) }), of(i, func(r result) float64 { return float64(r.usage.Mallocs) / float64(r.events) }))
	}
	return b.String()
}

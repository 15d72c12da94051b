package bench

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/internal/embedded"
	"millrace/olap"
)

var (
	olapSizes    = flag.String("olap", "", "run TestOlap over so many events, such as 10M,30M,100M")
	olapPatience = flag.Duration("olap-patience", 10*time.Second, "how long TestOlap repeats one question")
	olapPeers    = flag.String("olap-peers", "duckdb,postgres", "the peers of TestOlap beside ClickHouse")
	olapPostgres = flag.String("olap-postgres-most", "10M", "the most events that Postgres is given")
	olapPython   = flag.String("olap-python", "", "a Python with the package duckdb; without one DuckDB is left out")
	olapOnly     = flag.String("olap-only", "", "ask only the questions whose names this regular expression fits")
	olapAt       = flag.String("olap-at", "", "use a ClickHouse that an earlier run has filled: its HTTP address, its native address and its process, with commas")
	olapJSON     = flag.String("olap-json", "", "also write the figures to this file")
)

// TestOlap fills a store with the events of ninety days and measures what each
// kind of question costs: through olap.Store, with no answer from a cache, first
// as the months lie there when they end, then settled; beside plain SQL over a
// table in the order of events, and beside other engines on the same rows. Where
// an engine answers the same question, its answer has to be the same.
func TestOlap(t *testing.T) {
	if *olapSizes == "" {
		t.Skip("takes minutes and gigabytes: run it with -olap 10M, or as `make bench-olap`")
	}
	var runs []olapRun
	for _, size := range strings.Split(*olapSizes, ",") {
		events := parseSize(t, size)
		t.Run(size, func(t *testing.T) { runs = append(runs, measureOlap(t, events)) })
	}
	t.Log("\n" + olapTables(runs))
	if *olapJSON == "" {
		return
	}
	text, err := json.MarshalIndent(runs, "", "  ")
	if err == nil {
		err = os.WriteFile(*olapJSON, append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// parseSize reads a number such as 10M.
func parseSize(t *testing.T, text string) int {
	t.Helper()
	digits, millions := strings.CutSuffix(text, "M")
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatalf("%q is not a number of events; write 30M or 30000000", text)
	}
	if millions {
		n *= 1_000_000
	}
	return n
}

// olapRun is what was measured over so many events.
type olapRun struct {
	Events  int                    `json:"events"`
	Machine string                 `json:"machine"`
	Disk    map[string]float64     `json:"disk_mb"` // by table, and the second order of the raw events
	Fill    float64                `json:"fill_processor_us_per_event"`
	Lanes   []string               `json:"lanes"`
	Figures map[string]olapFigures `json:"figures"` // by "lane question"
}

// olapFigures are the costs of one question. Times are in milliseconds.
type olapFigures struct {
	Rounds    int     `json:"rounds"`
	Median    float64 `json:"median_ms"`
	P95       float64 `json:"p95_ms"`
	P99       float64 `json:"p99_ms"`
	Processor float64 `json:"processor_ms"` // of the engine's process, mean
	RowsRead  uint64  `json:"rows_read,omitempty"`
	BytesRead uint64  `json:"bytes_read,omitempty"`
	Peak      int64   `json:"peak_bytes,omitempty"` // of memory, as the server counts it
	Note      string  `json:"note,omitempty"`       // why there is no figure
}

// The lanes that are always there.
const (
	laneFresh   = "as stored"
	laneSettled = "settled"
	laneNaive   = "plain SQL"
)

// olapArena is a filled store.
type olapArena struct {
	store
	pid     int
	events  int
	asking  *olap.Store
	answers map[string]string // of Millrace, by question, for those that peers answer too
	run     *olapRun
}

func measureOlap(t *testing.T, events int) olapRun {
	a := openOlapArena(t, events)
	defer a.asking.Close()
	a.fill(t)
	a.lane(t, laneFresh, a.askFresh)
	a.settle(t)
	a.lane(t, laneSettled, a.ask)
	a.naiveTable(t)
	a.lane(t, laneNaive, a.naive)
	for _, peer := range strings.Split(*olapPeers, ",") {
		switch peer {
		case "duckdb":
			a.duckdb(t)
		case "postgres":
			a.postgres(t)
		}
	}
	a.run.Machine = machine()
	return *a.run
}

// openOlapArena starts a ClickHouse, a process of its own, with Millrace's
// tables. The clock stands two days after the last event, so that every month is
// over.
func openOlapArena(t *testing.T, events int) *olapArena {
	t.Helper()
	http, native, pid := olapServer(t)
	cfg := olap.DefaultConfig()
	cfg.Address, cfg.QueryTimeout = native, 5*time.Minute
	cfg.Now = func() time.Time { return time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC) }
	asking, err := olap.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := asking.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &olapArena{
		store: store{url: "http://" + http, database: "default"}, pid: pid, events: events, asking: asking,
		answers: map[string]string{}, run: &olapRun{Events: events, Disk: map[string]float64{}, Figures: map[string]olapFigures{}},
	}
}

// olapServer starts a ClickHouse, or names the one that is to be used.
func olapServer(t *testing.T) (http, native string, pid int) {
	t.Helper()
	if at := strings.Split(*olapAt, ","); len(at) == 3 {
		pid, err := strconv.Atoi(at[2])
		if err != nil {
			t.Fatalf("-olap-at %s: %v", *olapAt, err)
		}
		return at[0], at[1], pid
	}
	packages, err := embedded.Locate("", embedded.ClickHouse)
	if err != nil {
		t.Skip(err)
	}
	server := start(t, memberConfig{Role: "clickhouse", Library: packages.ClickHouseLibrary, DataDir: filepath.Join(t.TempDir(), "clickhouse")})
	http, native, _ = strings.Cut(strings.TrimSpace(server.line), " ")
	return http, native, server.cmd.Process.Pid
}

// lane measures every question in one way. What that way has no answer for, it
// says so by an empty one.
func (a *olapArena) lane(t *testing.T, name string, answer func(context.Context, olapQuestion) (olapAnswer, error)) {
	a.run.Lanes = append(a.run.Lanes, name)
	only := regexp.MustCompile(*olapOnly)
	for _, q := range olapQuestions() {
		if !only.MatchString(q.name) {
			continue
		}
		figures, ok := a.measure(t, q, answer)
		if !ok {
			continue
		}
		a.run.Figures[name+" "+q.name] = figures
		t.Logf("%d events, %s, %s: %.0f ms median, %.0f ms p95, %.0f ms p99 of %d, processor %.0f ms, %d rows, %.1f MB, peak %d MB %s", a.events, name, q.name,
			figures.Median, figures.P95, figures.P99, figures.Rounds, figures.Processor, figures.RowsRead, float64(figures.BytesRead)/1e6, figures.Peak>>20, figures.Note)
	}
}

// olapAnswer is one answer, and what it took as far as the engine says so.
type olapAnswer struct {
	given     bool
	took      time.Duration // 0: what the clock says
	text      string        // to compare; empty for none
	rows      uint64
	bytes     uint64
	processor time.Duration
	elsewhere bool // another process than the store did the work
}

// The most and the least that a question is repeated.
const (
	mostRounds  = 200
	leastRounds = 3
)

// measure asks one question again and again. The first time, which warms what
// there is to warm, does not count; the memory of the second is watched.
func (a *olapArena) measure(t *testing.T, q olapQuestion, answer func(context.Context, olapQuestion) (olapAnswer, error)) (olapFigures, bool) {
	t.Helper()
	first, err := answer(t.Context(), q)
	if err != nil {
		return olapFigures{Note: err.Error()}, true
	}
	if !first.given {
		return olapFigures{}, false
	}
	a.compare(t, q, first.text)
	figures := olapFigures{RowsRead: first.rows, BytesRead: first.bytes, Peak: a.peak(t, func() { _, err = answer(t.Context(), q) })}
	var took []time.Duration
	processor := time.Duration(0)
	for began := time.Now(); err == nil && len(took) < mostRounds && (len(took) < leastRounds || time.Since(began) < *olapPatience); {
		var got olapAnswer
		before, _ := processorTime(a.pid)
		at := time.Now()
		got, err = answer(t.Context(), q)
		if got.took == 0 {
			got.took = time.Since(at)
		}
		after, _ := processorTime(a.pid)
		took = append(took, got.took)
		if !got.elsewhere {
			got.processor = after - before
		}
		processor += got.processor
	}
	if err != nil {
		return olapFigures{Note: err.Error()}, true
	}
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(share*float64(len(took)-1)+0.5)].Microseconds()) / 1000
	}
	figures.Rounds, figures.Median, figures.P95, figures.P99 = len(took), at(0.5), at(0.95), at(0.99)
	figures.Processor = float64(processor.Microseconds()) / 1000 / float64(len(took))
	return figures, true
}

// compare holds the first answer to a question against those of other lanes.
func (a *olapArena) compare(t *testing.T, q olapQuestion, text string) {
	t.Helper()
	if text == "" {
		return
	}
	if known, ok := a.answers[q.name]; ok && known != text {
		t.Errorf("%s: answers differ\none     %.300s\nanother %.300s", q.name, known, text)
	}
	a.answers[q.name] = text
}

// peak is the most memory that the server counts for a query while work is under
// way; 0 where that is over too soon to be seen.
func (a *olapArena) peak(t *testing.T, work func()) int64 {
	t.Helper()
	done := make(chan int64)
	stop := make(chan struct{})
	go func() {
		most := int64(0)
		for {
			select {
			case <-stop:
				done <- most
				return
			default:
			}
			text, err := a.store.ask("SELECT toInt64(max(peak_memory_usage)) FROM system.processes WHERE query NOT LIKE '%system.processes%'")
			if n, bad := strconv.ParseInt(text, 10, 64); err == nil && bad == nil {
				most = max(most, n)
			}
		}
	}()
	work()
	close(stop)
	return <-done
}

// askFresh is ask, for questions that settling could make faster.
func (a *olapArena) askFresh(ctx context.Context, q olapQuestion) (olapAnswer, error) {
	if q.raw {
		return olapAnswer{}, nil
	}
	return a.ask(ctx, q)
}

// ask is the way through Millrace.
func (a *olapArena) ask(ctx context.Context, q olapQuestion) (olapAnswer, error) {
	question, err := olap.ParseQuery([]byte(q.question))
	if err != nil {
		return olapAnswer{}, fmt.Errorf("%s: %w", q.name, err)
	}
	answer, err := a.asking.Ask(ctx, question)
	if err != nil {
		return olapAnswer{}, err
	}
	got := olapAnswer{given: true, rows: answer.Meta.RowsRead, bytes: answer.Meta.BytesRead}
	if q.figures != nil {
		got.text = fmt.Sprint(q.figures(answer.Result))
	}
	return got, nil
}

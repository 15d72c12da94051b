//go:build linux

package faults

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/internal/embedded"
)

func TestMain(m *testing.M) {
	Main()
	embedded.Main()
	os.Exit(m.Run())
}

// TestMatrix makes FAULT_RUNS random runs: every record is stored once, in the
// raw table or as a dead letter, and every view agrees, whatever was broken.
func TestMatrix(t *testing.T) {
	runs := 2
	if testing.Short() {
		runs = 1
	}
	m := newMatrix(t, setting(t, "FAULT_RUNS", runs), Intact)
	m.run(t)
	if failed := len(m.report.Results) - m.report.Survived(); failed > 0 {
		t.Errorf("%d of %d runs failed", failed, len(m.report.Results))
	}
}

// TestBrokenProtocolIsSeen takes a part of the protocol away: the same matrix
// has to fail, or it proves nothing.
func TestBrokenProtocolIsSeen(t *testing.T) {
	runs := setting(t, "FAULT_BROKEN_RUNS", 0)
	if runs == 0 {
		t.Skip("needs FAULT_BROKEN_RUNS, which make test-faults sets")
	}
	for _, b := range []Breakage{NoSeal, NoViewDedup} {
		t.Run(strings.ReplaceAll(string(b), " ", "_"), func(t *testing.T) {
			m := newMatrix(t, runs, b)
			m.stopAtFailure = os.Getenv("FAULT_BROKEN_ALL") == ""
			m.run(t)
			if failed := len(m.report.Results) - m.report.Survived(); failed == 0 {
				t.Errorf("%d runs of a broken protocol (%s), and none failed", len(m.report.Results), b)
			}
		})
	}
}

// matrix is many runs, on lanes side by side.
type matrix struct {
	runs, lanes   int
	firstSeed     uint64
	script        string // of Apache Kafka, "" for the embedded broker
	dir           string
	breakage      Breakage
	stopAtFailure bool

	mu     sync.Mutex
	next   int
	report Report
}

func newMatrix(t *testing.T, runs int, b Breakage) *matrix {
	t.Helper()
	if _, err := embedded.Locate("", embedded.ClickHouse); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	m := &matrix{runs: runs, lanes: setting(t, "FAULT_LANES", 2), breakage: b, script: os.Getenv("FAULT_KAFKA"), firstSeed: rand.Uint64() >> 1}
	if text := os.Getenv("FAULT_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		m.firstSeed = seed
	}
	m.report = Report{Broker: "kfake, the embedded broker", Breakage: b}
	if m.script != "" {
		m.report.Broker = "Apache Kafka"
	}
	var err error
	if m.dir, err = os.MkdirTemp(os.Getenv("FAULT_LOGS"), "millrace-faults-"); err != nil {
		t.Fatal(err)
	}
	return m
}

// setting is a number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %q is not a number", name, text)
	}
	return n
}

func (m *matrix) run(t *testing.T) {
	t.Helper()
	t.Logf("first seed %d, %d runs on %s; logs in %s", m.firstSeed, m.runs, m.report.Broker, m.dir)
	start := time.Now()
	var lanes sync.WaitGroup
	for n := range min(m.lanes, m.runs) {
		lanes.Go(func() { m.lane(t, filepath.Join(m.dir, "lane-"+strconv.Itoa(n+1))) })
	}
	lanes.Wait()
	m.report.Wall = time.Since(start)
	m.write(t)
	if !t.Failed() {
		os.RemoveAll(m.dir)
	}
}

// lane makes runs until there are none left.
func (m *matrix) lane(t *testing.T, dir string) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Error(err)
		return
	}
	lane, err := NewLane(t.Context(), LaneConfig{Dir: dir, KafkaScript: m.script})
	if err != nil {
		t.Error(err)
		return
	}
	defer func() {
		if err := lane.Close(); err != nil {
			t.Error(err)
		}
	}()
	if !slices.Contains(lane.Kinds(), DiskFull) {
		t.Log("the store's disk is not filled: that needs root, mkfs.ext4 and a loop device")
	}
	for {
		seed, more := m.take()
		if !more || t.Context().Err() != nil {
			return
		}
		result, err := lane.Run(t.Context(), NewPlan(seed, only(lane.Kinds())), m.breakage)
		m.put(t, result, err)
		if err != nil {
			t.Errorf("lane ends: %v", err)
			return
		}
	}
}

// only keeps the kinds that FAULT_ONLY names: words, divided by commas, each a
// part of a kind's name.
func only(kinds []Kind) []Kind {
	words := os.Getenv("FAULT_ONLY")
	if words == "" {
		return kinds
	}
	return slices.DeleteFunc(kinds, func(k Kind) bool {
		return !slices.ContainsFunc(strings.Split(words, ","), func(w string) bool { return strings.Contains(string(k), w) })
	})
}

// take gives out the next seed.
func (m *matrix) take() (seed uint64, more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.next >= m.runs || m.stopAtFailure && m.report.Survived() < len(m.report.Results) {
		return 0, false
	}
	m.next++
	return m.firstSeed + uint64(m.next-1), true
}

// put keeps a result.
func (m *matrix) put(t *testing.T, result Result, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		return
	}
	m.report.Results = append(m.report.Results, result)
	outcome := "survived"
	if len(result.Violations) > 0 {
		outcome = "FAILED " + strings.Join(result.Violations, "; ") + "; logs in " + result.Logs
		if m.breakage == Intact {
			t.Errorf("seed %d: %s", result.Plan.Seed, outcome)
		}
	}
	t.Logf("%d/%d seed %d: %d faults, %d records, %.1f s: %s", len(m.report.Results), m.runs, result.Plan.Seed,
		len(result.Plan.Faults), result.Records, result.Elapsed.Seconds(), outcome)
	if len(result.Violations) == 0 || m.breakage != Intact {
		os.RemoveAll(result.Logs)
	}
}

// write appends the table to the file FAULT_REPORT, or shows it.
func (m *matrix) write(t *testing.T) {
	t.Helper()
	var text strings.Builder
	err := m.report.WriteMarkdown(&text)
	if path := os.Getenv("FAULT_REPORT"); path != "" {
		file, openErr := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if openErr != nil {
			t.Error(openErr)
			return
		}
		_, writeErr := file.WriteString(text.String())
		err = errors.Join(err, writeErr, file.Close())
	}
	if err != nil {
		t.Error(err)
	}
	t.Logf("\n%s", &text)
}

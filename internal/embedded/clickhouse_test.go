package embedded

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ask runs a statement over HTTP and returns the answer without its last newline.
func ask(s *Stack, statement string) (string, error) {
	answer, err := http.Post(s.Addresses().ClickHouseHTTP, "text/plain", strings.NewReader(statement))
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", statement, answer.Status, text)
	}
	return strings.TrimSuffix(string(text), "\n"), err
}

func mustAsk(t *testing.T, s *Stack, statement string) string {
	t.Helper()
	answer, err := ask(s, statement)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

const makeTable = "CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x"

func TestClickHouseKeepsItsDataOverRestarts(t *testing.T) {
	dir := t.TempDir()
	first := startStack(t, dir, ClickHouse)
	mustAsk(t, first, makeTable)
	mustAsk(t, first, "INSERT INTO t SELECT number FROM numbers(1000)")
	stopStack(t, first)

	if got := mustAsk(t, startStack(t, dir, ClickHouse), "SELECT count(), sum(x) FROM t"); got != "1000\t499500" {
		t.Errorf("got %q, want 1000 rows of the sum 499500", got)
	}
}

// TestClickHouseKillLosesNoAcknowledgedBlock kills the server twice while blocks are inserted one after the
// other. A block whose answer was lost is sent again with its token.
func TestClickHouseKillLosesNoAcknowledgedBlock(t *testing.T) {
	s := startStack(t, t.TempDir(), ClickHouse)
	mustAsk(t, s, makeTable+" SETTINGS non_replicated_deduplication_window = 1000")
	const blocks, rows = 60, 1000
	for block := range blocks {
		pid := s.PID(ClickHouse)
		killed := make(chan struct{})
		if block == 10 || block == 30 {
			go func() {
				defer close(killed)
				kill(t, pid)
			}()
		} else {
			close(killed)
		}
		insertUntilAcknowledged(t, s, fmt.Sprintf("INSERT INTO t SETTINGS insert_deduplication_token = 'block-%d' SELECT %d + number FROM numbers(%d)",
			block, block*rows, rows))
		<-killed
	}
	want := strconv.Itoa(blocks*rows) + "\t" + strconv.Itoa(blocks*rows)
	if got := mustAsk(t, s, "SELECT count(), uniqExact(x) FROM t"); got != want {
		t.Errorf("rows and different rows: got %q, want %q", got, want)
	}
}

func insertUntilAcknowledged(t *testing.T, s *Stack, statement string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		_, err := ask(s, statement)
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatal(err)
		}
	}
}

func TestClickHouseAsksForThePassword(t *testing.T) {
	requireEngines(t, ClickHouse)
	cfg := testConfig(t, t.TempDir(), ClickHouse)
	cfg.User, cfg.Password = "keeper", "secret"
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopStack(t, s) })
	if _, err := ask(s, "SELECT 1"); err == nil {
		t.Error("a client without password was served")
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Addresses().ClickHouseHTTP, strings.NewReader("SELECT 1"))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("keeper", "secret")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("with password: got %s", answer.Status)
	}
}

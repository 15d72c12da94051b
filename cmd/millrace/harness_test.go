package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/internal/embedded"
	"millrace/internal/enginetest"
)

// asCommand is the environment variable that makes the test binary the command.
const asCommand = "MILLRACE_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	embedded.Main() // the test binary is also the child that runs an engine
	serveScorer()   // or a scorer that is there to be killed
	serveSync()     // or a sync
	serveAlerts()   // or an alert stage, likewise
	if os.Getenv(asCommand) != "" {
		main() // and the command, in a process of its own
	}
	os.Exit(enginetest.Run(m)) // with the engines that tests share
}

// lockedBuffer is an io.Writer that several goroutines share.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is a `millrace up` inside the test.
type running struct {
	addresses
	dir    string
	stdout *lockedBuffer
	stderr *lockedBuffer
	stop   func() int // ends it as SIGINT does, and returns the exit code
}

// up starts `millrace up` on free ports and waits until all is ready.
func up(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	requireEngines(t)
	r := &running{dir: dir, stdout: &lockedBuffer{}, stderr: &lockedBuffer{}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, append([]string{"up", "--data", dir, "--listen", "127.0.0.1:0", "--ports", "auto"}, args...), r.stdout, r.stderr)
	}()
	r.stop = sync.OnceValue(func() int {
		cancel()
		return <-exit
	})
	t.Cleanup(func() {
		r.stop()
		if t.Failed() {
			t.Logf("millrace up said:\n%s%s", r.stdout, r.stderr)
		}
	})
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case code := <-exit:
			exit <- code
			t.Fatalf("millrace up ended with code %d:\n%s%s", code, r.stdout, r.stderr)
		case <-deadline:
			t.Fatalf("millrace up is not ready:\n%s%s", r.stdout, r.stderr)
		case <-tick.C:
		}
		text, err := os.ReadFile(addressesFile(dir))
		if err != nil {
			continue
		}
		if err := json.Unmarshal(text, &r.addresses); err != nil {
			t.Fatalf("addresses.json: %v\n%s", err, text)
		}
		return r
	}
}

// requireEngines skips where the engine packages are missing; on CI they must
// be there.
func requireEngines(t *testing.T) {
	t.Helper()
	if _, err := embedded.Locate("", embedded.Engines()...); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// command runs a subcommand to its end and returns what it printed.
func command(t *testing.T, wantCode int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs lockedBuffer
	if code := run(t.Context(), args, &out, &errs); code != wantCode {
		t.Fatalf("millrace %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, wantCode, &out, &errs)
	}
	return out.String(), errs.String()
}

// dataFile is a file of real input, written by others.
func dataFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("real input is missing: %v", err)
		}
		t.Skipf("real input is missing: %v", err)
	}
	return path
}

// post sends a JSON body and decodes the JSON answer.
func post(t *testing.T, url, body string, wantStatus int) map[string]any {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, response, wantStatus, body)
}

// get decodes a JSON answer.
func get(t *testing.T, url string, wantStatus int) map[string]any {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, response, wantStatus, url)
}

func decode(t *testing.T, response *http.Response, wantStatus int, request string) map[string]any {
	t.Helper()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != wantStatus {
		t.Fatalf("%s: status %d, want %d: %s", request, response.StatusCode, wantStatus, text)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s: not JSON: %v: %s", request, err, text)
	}
	return answer
}

// eventually asks again until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited too long until %s", what)
		}
	}
}

// at walks a decoded JSON value: names go into objects, numbers into arrays.
func at(t *testing.T, value any, path ...any) any {
	t.Helper()
	for i, step := range path {
		switch step := step.(type) {
		case string:
			object, ok := value.(map[string]any)
			if !ok {
				t.Fatalf("%v: no object at step %d: %v", path, i, value)
			}
			value = object[step]
		case int:
			array, ok := value.([]any)
			if !ok || step >= len(array) {
				t.Fatalf("%v: no element at step %d: %v", path, i, value)
			}
			value = array[step]
		}
	}
	return value
}

// numbers turns a JSON array into numbers; null becomes NaN-free 0 only where
// the test says so, so here it fails.
func numbers(t *testing.T, value any) []float64 {
	t.Helper()
	array, ok := value.([]any)
	if !ok {
		t.Fatalf("not an array: %v", value)
	}
	out := make([]float64, len(array))
	for i, v := range array {
		n, ok := v.(float64)
		if !ok {
			t.Fatalf("element %d is not a number: %v", i, v)
		}
		out[i] = n
	}
	return out
}

// clickhouse runs one statement over plain HTTP, as any program would.
func clickhouse(t *testing.T, r *running, sql string) string {
	t.Helper()
	text, err := ask(r, sql)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// ask is clickhouse for a store that may be away.
func ask(r *running, sql string) (string, error) {
	response, err := http.Post(r.ClickHouseHTTP, "text/plain", strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: status %d: %s", sql, response.StatusCode, text)
	}
	return strings.TrimSpace(string(text)), nil
}

// equal compares with a readable message.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/internal/event"
	"millrace/internal/replay"
)

// replayFile writes a file for a replay.
func replayFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReplayToKafka(t *testing.T) {
	broker := testBroker(t)
	path := replayFile(t, "orders.csv", "customer,time,dollars,colour\n00042,2024-05-06 07:08:09,11.770,red\n")
	stdout, _ := command(t, exitOK, "replay", path, "--kafka", broker,
		"--map", "user_id=customer,timestamp=time,properties.amount=dollars,properties.*=*", "--const", "type=purchase", "--timezone", "Asia/Kolkata")
	for _, want := range []string{"1 rows of 1 files: 1 events", "1 accepted", "from 2024-05-06T01:38:09Z"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("got %q, want %q", stdout, want)
		}
	}
	record := onTopic(t, broker, 1)[0]
	_, rest, _ := strings.Cut(string(record.Value), ",")
	want := `"type":"purchase","user_id":"00042","timestamp":"2024-05-06T01:38:09.000Z","properties":{"amount":11.770,"colour":"red"}}`
	if rest != want || string(record.Key) != "00042" {
		t.Errorf("got %s: %s, want %s", record.Key, rest, want)
	}
}

func TestReplayWaitsForTheGroup(t *testing.T) {
	broker := testBroker(t)
	path := replayFile(t, "a.csv", "user,event,time\nu1,view,2024-01-01\nu2,view,2024-01-01\n")
	_, stderr := command(t, exitFailed, "replay", path, "--kafka", broker, "--wait", "--wait-timeout", "300ms")
	for _, want := range []string{"has not stored anything yet", "millrace up", "--wait-timeout 300ms"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("got %q, want %q", stderr, want)
		}
	}
	commitAll(t, broker, "millrace-ingest")
	done := make(chan string, 1)
	go func() {
		var out, errs lockedBuffer
		code := run(t.Context(), []string{"replay", path, "--kafka", broker, "--wait"}, &out, &errs)
		done <- fmt.Sprint(code, " ", out.String(), errs.String())
	}()
	eventually(t, "the second replay is on the topic", func() bool { return len(onTopic(t, broker, 4)) == 4 })
	select {
	case said := <-done:
		t.Fatalf("did not wait: %s", said)
	default:
	}
	commitAll(t, broker, "millrace-ingest")
	if said := <-done; !strings.HasPrefix(said, "0 ") || !strings.Contains(said, "all stored") {
		t.Errorf("got %s", said)
	}
}

func TestReplayToAPIWaitsForStoredUntil(t *testing.T) {
	api := newCollector(t)
	path := replayFile(t, "a.csv", "user,event,time\nu1,view,2024-01-01\n")
	asked := 0
	api.until = func() time.Time {
		if asked++; asked < 3 {
			return time.Now().Add(-time.Hour)
		}
		return time.Now().Add(time.Second)
	}
	stdout, _ := command(t, exitOK, "replay", path, "--api", api.URL, "--wait", "--json")
	var summary replaySummary
	if err := json.Unmarshal([]byte(stdout), &summary); err != nil {
		t.Fatal(err)
	}
	if !summary.Stored || summary.Accepted != 1 || asked != 3 {
		t.Errorf("got %s after %d questions", stdout, asked)
	}
	api.until = func() time.Time { return time.Now().Add(-time.Hour) }
	_, stderr := command(t, exitFailed, "replay", path, "--api", api.URL, "--wait", "--wait-timeout", "1s")
	if !strings.Contains(stderr, "has stored what arrived until") {
		t.Errorf("got %q", stderr)
	}
}

func TestReplayShowsBadRows(t *testing.T) {
	api := newCollector(t)
	var content strings.Builder
	content.WriteString("user,event,time\nu1,view,2024-01-01\n,view,2024-01-01\nu1,forbidden,2024-01-01\n")
	for range 30 {
		content.WriteString("u1,view,tomorrow\n")
	}
	path, rejects := replayFile(t, "a.csv", content.String()), filepath.Join(t.TempDir(), "rejects.ndjson")
	stdout, stderr := command(t, exitRejected, "replay", path, "--api", api.URL, "--rejects", rejects)
	for _, want := range []string{"a.csv: line 3: ", `a.csv: line 5: "tomorrow" is not a time`, "further bad rows are counted"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("got %q, want %q", stderr, want)
		}
	}
	if n := strings.Count(stderr, "a.csv: line"); n != badRowsShown {
		t.Errorf("%d bad rows are shown, want %d", n, badRowsShown)
	}
	for _, want := range []string{"1 accepted, 1 refused, 0 failed", "32 bad rows: 30 invalid_timestamp, 1 missing_user and 1 refused by the API"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("got %q, want %q", stdout, want)
		}
	}
	checkRejects(t, rejects)
	if _, stderr := command(t, exitOK, "replay", path, "--api", api.URL, "--allow-bad-rows"); !strings.Contains(stderr, "line 3") {
		t.Errorf("got %q", stderr)
	}
}

func checkRejects(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]int{}
	for line := range bytes.Lines(text) {
		var row struct {
			File, Reason, Detail, Row string
			Line                      int64
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		if row.File == "" || row.Line < 3 || row.Row == "" {
			t.Errorf("got %s", line)
		}
		reasons[row.Reason]++
	}
	if reasons["invalid_timestamp"] != 30 || reasons["missing_user"] != 1 || reasons["forbidden_type"] != 1 {
		t.Errorf("got %v", reasons)
	}
}

func TestReplayDryRun(t *testing.T) {
	path := replayFile(t, "a.csv", "customer,time,dollars,colour\n7,2024-05-06,1.5,red\n,2024-05-06,1.5,red\n")
	stdout, _ := command(t, exitOK, "replay", path, "--dry-run", "--map", "properties.amount=dollars", "--const", "type=purchase")
	for _, want := range []string{"(csv)", "← column customer", "← always purchase", "left out: colour", `"properties":{"amount":1.5}`, "line 3: "} {
		if !strings.Contains(stdout, want) {
			t.Errorf("got %s, want %q", stdout, want)
		}
	}
	stdout, _ = command(t, exitOK, "replay", path, "--dry-run", "--json", "--const", "type=purchase")
	var previews []map[string]any
	if err := json.Unmarshal([]byte(stdout), &previews); err != nil || len(previews) != 1 {
		t.Errorf("got %s, %v", stdout, err)
	}
}

func TestReplayFaults(t *testing.T) {
	path := replayFile(t, "a.csv", "customer,time,dollars\n7,2024-05-06,1.5\n")
	broker := testBroker(t)
	for _, c := range []struct {
		code int
		args []string
		want string
	}{
		{exitUsage, nil, "name at least one file"},
		{exitFailed, []string{"nowhere.csv"}, "open nowhere.csv: no such file"},
		{exitFailed, []string{path, "--map", "user_id=custmer", "--const", "type=v"}, `did you mean "customer"?`},
		{exitFailed, []string{path, "--dry-run"}, "no column gives the type of the event"},
		{exitUsage, []string{path, "--map", "usr=customer"}, "properties.usr"},
		{exitUsage, []string{path, "--map", "customer"}, "write target=value"},
		{exitUsage, []string{path, "--format", "cvs"}, `did you mean "csv"?`},
		{exitUsage, []string{path, "--delimiter", "ab"}, "--delimiter"},
		{exitUsage, []string{path, "--timezone", "Indien"}, "Asia/Kolkata"},
		{exitUsage, []string{path, "--time-format", "YYYY"}, "%d/%m/%Y"},
		{exitUsage, []string{path, "--speed", "fast"}, "write it as 60x"},
		{exitUsage, []string{path, "--shift-to", "later"}, "--shift-to"},
		{exitUsage, []string{path, "--header", "--no-header"}, "exclude each other"},
		{exitFailed, []string{"-", "--shift-to", "now"}, "save it to a file first"},
	} {
		_, stderr := command(t, c.code, append([]string{"replay", "--kafka", broker}, c.args...)...)
		if !strings.Contains(stderr, c.want) {
			t.Errorf("%v: got %q, want %q", c.args, stderr, c.want)
		}
	}
}

func TestReplayEndsWhereEventsFail(t *testing.T) {
	r := &replaying{options: &replayOptions{}, out: &fakeOutlet{}, tally: &tally{}}
	r.tally.fail(1, errors.New("connection refused"))
	if err := r.send(t.Context(), replay.Record{}); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
	var out lockedBuffer
	r.summary.Failed = 1
	err := r.verdict(&app{stdout: &out}, r.tally.err())
	if err == nil || !strings.Contains(err.Error(), "1 events were not acknowledged; replaying again repeats the same events") {
		t.Errorf("got %v", err)
	}
}

func TestReplayRealInput(t *testing.T) {
	broker := testBroker(t)
	command(t, exitOK, "replay", dataFile(t, "ecom.csv.gz"), "--kafka", broker)
	users := map[string]bool{}
	decoder := event.NewDecoder(event.DefaultLimits())
	records := onTopic(t, broker, 31_106)
	for _, record := range records {
		var ev event.Event
		if reject := decoder.Decode(&ev, record.Value); reject != nil {
			t.Fatal(reject)
		}
		users[ev.UserID] = true
	}
	if len(records) != 31_106 || len(users) != 600 {
		t.Errorf("got %d events of %d users", len(records), len(users))
	}
}

var _ outlet = (*fakeOutlet)(nil)

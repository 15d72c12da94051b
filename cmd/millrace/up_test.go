package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestUpSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := taken.Addr().String()
	_, port, _ := net.SplitHostPort(busy)
	for _, tc := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"busy API port", []string{"--listen", busy}, exitFailed, []string{"port " + port + " is in use", "--ports auto"}},
		{"open address", []string{"--listen", "0.0.0.0:8080"}, exitUsage, []string{"no API keys", "--insecure-listen"}},
		{"bad listen", []string{"--listen", "8080"}, exitUsage, []string{"--listen", "host:port"}},
		{"bad ports", []string{"--ports", "any"}, exitUsage, []string{"--ports", "auto"}},
		{"too short", []string{"--keep", "30d"}, exitUsage, []string{"--keep", "at least 62", "395d"}},
		{"bad stage", []string{"--stages", "ingset"}, exitUsage, []string{"--stages", `did you mean "ingest"?`}},
		{"unknown flag", []string{"--lisen", "x"}, exitUsage, []string{"unknown flag: --lisen"}},
		{"several faults", []string{"--ports", "x", "--batch-rows", "-1", "--sample-traffic", "-5"}, exitUsage, []string{"--ports", "rows -1", "--sample-traffic"}},
		{"missing engines", []string{"--engines", filepath.Join(t.TempDir(), "none"), "--ports", "auto", "--listen", "127.0.0.1:0"}, exitFailed,
			[]string{"millrace engines install"}},
		{"bad level", []string{"--log-level", "loud"}, exitUsage, []string{"--log-level", "debug"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, stderr := command(t, tc.code, append([]string{"up", "--data", t.TempDir()}, tc.args...)...)
			for _, want := range tc.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q does not say %q", stderr, want)
				}
			}
		})
	}
}

func TestMigratePrintsTheSchemaOfACluster(t *testing.T) {
	script, _ := command(t, 0, "migrate", "--render-cluster", "main")
	for _, want := range []string{"CREATE TABLE IF NOT EXISTS events ON CLUSTER main", "ReplicatedMergeTree", "millrace_all.events", "Distributed('main'"} {
		if !strings.Contains(script, want) {
			t.Errorf("the script does not have %q", want)
		}
	}
}

// The life of a data directory: a start, events in, a second start refused, a
// clean stop in time, and a restart that still has everything.
func TestUpLife(t *testing.T) {
	dir := t.TempDir()
	r := up(t, dir)
	for _, path := range []string{"/healthz", "/readyz"} {
		get(t, r.API+path, 200)
	}
	for name, address := range map[string]string{"clickhouse_native": r.ClickHouseNative, "kafka": r.Kafka} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		conn.Close()
	}
	if !strings.Contains(r.stdout.String(), r.API) {
		t.Errorf("the table does not show the dashboard:\n%s", r.stdout)
	}

	answer := post(t, r.API+"/v1/events", `[
		{"event_id":"e1","type":"view","user_id":"u1"},
		{"event_id":"e2","type":"purchase","user_id":"u1","properties":{"amount":"19.99","currency":"EUR"}},
		{"event_id":"e3","type":"view"}]`, 202)
	equal(t, "accepted", answer["accepted"], 2)
	equal(t, "rejected code", at(t, answer, "rejected", 0, "code"), "missing_user")
	equal(t, "rejected field", at(t, answer, "rejected", 0, "field"), "/user_id")
	counted := func(r *running) func() bool {
		return func() bool { return clickhouse(t, r, "SELECT count() FROM events") == "2" }
	}
	eventually(t, "both events are stored", counted(r))
	eventually(t, "the user is in Postgres", func() bool {
		response, err := http.Get(r.API + "/v1/users/u1")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		var user map[string]any
		return response.StatusCode == 200 && json.NewDecoder(response.Body).Decode(&user) == nil && user["events"] == 2.0
	})

	_, stderr := command(t, exitFailed, "up", "--data", dir, "--listen", "127.0.0.1:0", "--ports", "auto")
	if !strings.Contains(stderr, "in use") || !strings.Contains(stderr, dir) {
		t.Errorf("a second start says: %s", stderr)
	}
	get(t, r.API+"/readyz", 200) // and has not harmed the first
	if _, err := os.Stat(addressesFile(dir)); err != nil {
		t.Errorf("the second start took the addresses of the first away: %v", err)
	}

	begin := time.Now()
	equal(t, "exit code", r.stop(), exitOK)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if _, err := os.Stat(addressesFile(dir)); err == nil {
		t.Error("addresses.json is still there after the stop")
	}

	again := up(t, dir)
	eventually(t, "a restart has everything", counted(again))
	equal(t, "user after restart", get(t, again.API+"/v1/users/u1", 200)["events"], 2)
	post(t, again.API+"/v1/events", `{"type":"view","user_id":"u2"}`, 202)
	eventually(t, "the restarted path works", func() bool { return clickhouse(t, again, "SELECT count() FROM events") == "3" })
}

// A client that repeats an event, as after a lost answer, is counted once.
func TestARepeatedEventIsStoredOnce(t *testing.T) {
	dir := t.TempDir()
	r := up(t, dir)
	const body = `{"event_id":"e1","type":"purchase","user_id":"u1","properties":{"amount":"5"}}`
	accounted := func(r *running, rows, repeats int) {
		t.Helper()
		eventually(t, "every record is accounted for", func() bool {
			return clickhouse(t, r, "SELECT (SELECT count() FROM events), (SELECT count() FROM duplicates) FORMAT TSV") == fmt.Sprintf("%d\t%d", rows, repeats)
		})
	}
	post(t, r.API+"/v1/events", body, 202)
	post(t, r.API+"/v1/events", body, 202)
	accounted(r, 1, 1)
	r.stop()

	again := up(t, dir) // the next owner reads what is stored
	post(t, again.API+"/v1/events", body, 202)
	post(t, again.API+"/v1/events", `{"event_id":"e2","type":"view","user_id":"u1"}`, 202)
	accounted(again, 2, 2)
	checkWindows(t, again)
}

// Roles: one process runs the engines and the API, another only the ingest.
func TestStagesRunApart(t *testing.T) {
	first := up(t, t.TempDir(), "--stages", "api,sync")
	post(t, first.API+"/v1/events", `{"type":"view","user_id":"u1"}`, 202)
	equal(t, "stored without an ingest", clickhouse(t, first, "SELECT count() FROM events"), 0)

	second := up(t, t.TempDir(), "--stages", "ingest",
		"--clickhouse", first.ClickHouseNative, "--kafka", first.Kafka, "--postgres", first.Postgres)
	if second.API != "" {
		t.Errorf("a process without the stage api has the address %s", second.API)
	}
	eventually(t, "the other process stores the event", func() bool {
		return clickhouse(t, first, "SELECT count() FROM events") == "1"
	})
}

func TestSettingsComeFromFlagEnvironmentAndFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "millrace.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:1111\ntopic: from-file\nkafka: [a:1, b:2]\nrate: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MILLRACE_TOPIC", "from-env")
	t.Setenv("MILLRACE_GROUP", "from-env")
	out, _ := command(t, exitOK, "config", "--config", file, "--group", "from-flag", "--json")
	var settings []setting
	if err := json.Unmarshal([]byte(out), &settings); err != nil {
		t.Fatal(err)
	}
	got := map[string]setting{}
	for _, s := range settings {
		got[s.Name] = s
	}
	for _, want := range []setting{
		{Name: "listen", Value: "127.0.0.1:1111", Source: file},
		{Name: "topic", Value: "from-env", Source: "environment variable MILLRACE_TOPIC"},
		{Name: "group", Value: "from-flag", Source: "flag"},
		{Name: "kafka", Value: "[a:1,b:2]", Source: file},
		{Name: "data", Value: "millrace-data", Source: "default"},
	} {
		s := got[want.Name]
		if s.Value != want.Value || s.Source != want.Source {
			t.Errorf("%s: got %q from %q, want %q from %q", want.Name, s.Value, s.Source, want.Value, want.Source)
		}
	}
}

func TestConfigShowsNoPassword(t *testing.T) {
	for _, args := range [][2]string{
		{"--smtp=smtps://post:hush@ush@mail.example:465", "--smtp-from=millrace@mail.example"},
		{"--clickhouse", "clickhouse://u:hush@ch.example:9000/db"},
		{"--clickhouse", "clickhouse://ch.example:9000/db?username=u&password=hush"},
		{"--postgres", "host=pg.example user=u password='hush hush' dbname=db"},
	} {
		for _, form := range []string{"--json=true", "--json=false"} {
			out, _ := command(t, exitOK, "config", form, args[0], args[1])
			if strings.Contains(out, "hush") || strings.Contains(out, "@ush") || !strings.Contains(out, ".example") {
				t.Errorf("%s %s: %s", args[0], args[1], out)
			}
		}
	}
	for _, plain := range []string{"clickhouse://ch.example:9000/db", "a:1,b:2", "postgres://u@h:5432/db"} {
		if got := withoutPassword(plain); got != plain {
			t.Errorf("got %s, want %s", got, plain)
		}
	}
}

func TestConfigCheckNamesFaults(t *testing.T) {
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "millrace.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"unknown key", "lissten: x\n", []string{`unknown key "lissten"`, `did you mean "listen"?`}},
		{"wrong type", "batch-rows: many\n", []string{"batch-rows", "many"}},
		{"bad value", "ports: some\n", []string{"--ports", "auto"}},
		{"not YAML", "listen: [\n", []string{"millrace.yaml"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, stderr := command(t, exitUsage, "config", "--check", "--config", write(tc.text))
			for _, want := range tc.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q does not say %q", stderr, want)
				}
			}
		})
	}
	_, stderr := command(t, exitUsage, "config", "--check", "--config", filepath.Join(t.TempDir(), "absent.yaml"))
	if !strings.Contains(stderr, "absent.yaml") {
		t.Errorf("a missing file: %s", stderr)
	}
	out, _ := command(t, exitOK, "config", "--check", "--config", write("listen: 127.0.0.1:9\n"))
	if !strings.Contains(out, "valid") {
		t.Errorf("a good file: %s", out)
	}
}

func TestHelpHasExamplesAndCompletion(t *testing.T) {
	for _, sub := range []string{"up", "produce", "replay", "migrate", "config"} {
		out, _ := command(t, exitOK, sub, "--help")
		if !strings.Contains(out, "Examples:") || !strings.Contains(out, "millrace "+sub) {
			t.Errorf("millrace %s --help has no example:\n%s", sub, out)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		out, _ := command(t, exitOK, "completion", shell)
		if !strings.Contains(out, "millrace") {
			t.Errorf("completion for %s is empty", shell)
		}
	}
}

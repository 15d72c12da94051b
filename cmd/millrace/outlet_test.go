package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/ingest"
)

// testBroker is a Kafka without topics.
func testBroker(t *testing.T) string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()[0]
}

// onTopic reads the first n records of the topic events.
func onTopic(t *testing.T, broker string, n int) []*kgo.Record {
	t.Helper()
	connection, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics("events"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var records []*kgo.Record
	for len(records) < n {
		fetches := connection.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("got %d of %d records: %v", len(records), n, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// commitAll moves the group to the end of the topic, as the ingest does.
func commitAll(t *testing.T, broker, group string) {
	t.Helper()
	connection, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	admin := kadm.NewClient(connection)
	ends, err := admin.ListEndOffsets(t.Context(), "events")
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.CommitAllOffsets(t.Context(), group, ends.Offsets()); err != nil {
		t.Fatal(err)
	}
}

// collector is an API that takes events, and refuses those whose type is
// "forbidden".
type collector struct {
	*httptest.Server
	mu     sync.Mutex
	events []map[string]any
	until  func() time.Time // stored_until
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{until: func() time.Time { return time.Now().Add(time.Second) }}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/query" {
			fmt.Fprintf(w, `{"kind":"trends","meta":{"stored_until":%q}}`, c.until().Format(time.RFC3339Nano))
			return
		}
		c.take(t, w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) take(t *testing.T, w http.ResponseWriter, r *http.Request) {
	body, err := zstd.NewReader(r.Body)
	if err != nil {
		t.Error(err)
		return
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Error(err)
		return
	}
	type rejected struct {
		Index int    `json:"index"`
		Code  string `json:"code"`
	}
	answer := struct {
		Accepted int        `json:"accepted"`
		Rejected []rejected `json:"rejected"`
	}{}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, line := range strings.Split(string(text), "\n") {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if event["type"] == "forbidden" {
			answer.Rejected = append(answer.Rejected, rejected{i, "forbidden_type"})
			continue
		}
		answer.Accepted++
		c.events = append(c.events, event)
	}
	w.WriteHeader(http.StatusAccepted)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		t.Error(err)
	}
}

// fakeOutlet takes everything at once.
type fakeOutlet struct {
	sent   []parcel
	err    error
	stored func(context.Context) error
}

func (f *fakeOutlet) Send(_ context.Context, p parcel) error {
	f.sent = append(f.sent, p)
	return f.err
}
func (f *fakeOutlet) Flush(context.Context) error      { return nil }
func (f *fakeOutlet) Stored(ctx context.Context) error { return f.stored(ctx) }
func (f *fakeOutlet) Close()                           {}

func TestOutletOptionsFaults(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--kafka", "localhost"}, `--kafka: "localhost" is not host:port`},
		{[]string{"--topic", ""}, "topic: empty"},
		{[]string{"--api", "localhost:8080"}, "is not a URL"},
		{[]string{"--api", "http://127.0.0.1:1", "--compression", "lz4"}, "use none, gzip or zstd"},
		{[]string{"--api", "http://127.0.0.1:1", "--backfill"}, "--backfill: only Kafka"},
		{[]string{"--api", "http://127.0.0.1:1", "--format", "protobuf"}, "--format: the API takes JSON"},
		{[]string{"--format", "xml"}, `--format: "xml" is neither`},
		{[]string{"--users", "0"}, "users: 0"},
		{[]string{"--rate", "-1"}, "must not be negative"},
		{[]string{"--fraud", "2"}, "fraud share"},
		{[]string{"--start", "soon"}, `--start: "soon" is not a time`},
		{[]string{"--until", "2020-01-01"}, "need --start"},
		{[]string{"--start", "-7d", "--duration", "1m"}, "--start needs --events"},
		{[]string{"--start", "now", "--until", "-1d"}, "is not before"},
		{[]string{"--start", "-1d", "--speed", "0x"}, "write it as 60x"},
		{[]string{"--start", "-1d", "--speed", "60x", "--rate", "0"}, "--speed needs a --rate"},
		{[]string{"extra"}, "unknown command"},
	} {
		_, stderr := command(t, exitUsageOf(c.args), append([]string{"produce"}, c.args...)...)
		if !strings.Contains(stderr, c.want) {
			t.Errorf("%v: got %q, want %q", c.args, stderr, c.want)
		}
	}
}

// exitUsageOf is the exit code of a wrong command line: cobra's own checks of
// arguments end with 1.
func exitUsageOf(args []string) int {
	if args[0] == "extra" {
		return exitFailed
	}
	return exitUsage
}

func TestKafkaThatIsAway(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a connection")
	}
	_, stderr := command(t, exitFailed, "produce", "--kafka", "127.0.0.1:1")
	for _, want := range []string{"no answer from Kafka at 127.0.0.1:1", "millrace up", "--kafka"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("got %q, want %q", stderr, want)
		}
	}
}

// What is under way when somebody stops the command still gets its outcome,
// but not for ever.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, stop := context.WithCancel(t.Context())
		ctx, release := withGrace(parent, 5*time.Second)
		defer release()
		stop()
		start := time.Now()
		<-ctx.Done()
		if got := time.Since(start); got != 5*time.Second {
			t.Errorf("the grace was %v, want 5s", got)
		}
	})
}

// slowPublisher acknowledges nothing until it is told to.
type slowPublisher struct{ waiting []func(error) }

func (s *slowPublisher) PublishAsync(_ context.Context, _ ingest.Record, done func(error)) {
	s.waiting = append(s.waiting, done)
}
func (s *slowPublisher) Flush(context.Context) error {
	for i, done := range s.waiting {
		if i == 0 {
			done(errors.New("record too large"))
		} else {
			done(nil)
		}
	}
	return nil
}
func (s *slowPublisher) Close() {}

func TestTallyCountsAcknowledgements(t *testing.T) {
	counts := &tally{}
	out := startKafkaOutlet(t.Context(), &outletOptions{}, &slowPublisher{}, counts)
	defer out.Close()
	for range 3 {
		if err := out.Send(t.Context(), parcel{key: "u", value: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	if got := counts.accepted.Load(); got != 0 {
		t.Errorf("%d events count as accepted before the broker said so", got)
	}
	if err := out.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := counts.line(), "2 accepted, 1 failed"; got != want || counts.err() == nil {
		t.Errorf("got %s, %v; want %s", got, counts.err(), want)
	}
}

func TestMeterWritesLinesWhereThereIsNoTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		m := &meter{out: &out, name: "produce", read: func() reading { return reading{done: 5, total: 50, text: "5 events · 1.0/s · 0 errors"} }}
		stop := m.start(t.Context())
		<-time.After(11 * time.Second) // of the bubble's clock
		stop()
		if got, want := out.String(), strings.Repeat("produce:  10% · 5 events · 1.0/s · 0 errors\n", 2); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

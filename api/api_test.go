package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/enginetest"
	"millrace/olap"
	"millrace/oltp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { os.Exit(enginetest.Run(m)) }

// The fakes are functions; what a test does not set answers with something plain.
type (
	publishFunc  func(context.Context, []Record) error
	askFunc      func(context.Context, olap.Query) (*olap.Answer, error)
	userFunc     func(context.Context, string) (oltp.UserStats, error)
	timelineFunc func(context.Context, string, olap.Cursor, int) ([]olap.StoredEvent, error)
	figuresFunc  func(context.Context) (olap.Live, error)
)

func (f publishFunc) Publish(ctx context.Context, r []Record) error { return f(ctx, r) }

func (f askFunc) Ask(ctx context.Context, _ olap.Caller, q olap.Query) (*olap.Answer, error) {
	return f(ctx, q)
}

func (f askFunc) Preview(context.Context, olap.Caller, olap.Query) (*olap.Preview, error) {
	return nil, errors.New("nobody should look")
}

func (f askFunc) People(context.Context, olap.Caller, olap.Query, json.RawMessage, string, int) (*olap.People, error) {
	return nil, errors.New("nobody should list")
}

// catalogFunc is a Catalog.
type catalogFunc func(context.Context, olap.CatalogFilter) (*olap.Catalog, error)

func (f catalogFunc) Catalog(ctx context.Context, filter olap.CatalogFilter) (*olap.Catalog, error) {
	return f(ctx, filter)
}

func (f userFunc) UserStats(ctx context.Context, id string) (oltp.UserStats, error) {
	return f(ctx, id)
}

func (f timelineFunc) UserEvents(ctx context.Context, id string, before olap.Cursor, limit int) ([]olap.StoredEvent, error) {
	return f(ctx, id, before, limit)
}

func (f figuresFunc) Live(ctx context.Context) (olap.Live, error) { return f(ctx) }

type fakeProgress struct{ until time.Time }

func (p fakeProgress) StoredUntil() (time.Time, bool) { return p.until, !p.until.IsZero() }

func (p fakeProgress) Lag() int64 { return 3 }

// broker is a Publisher that remembers.
type broker struct {
	mu      sync.Mutex
	records []Record
}

func (b *broker) Publish(_ context.Context, records []Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records = append(b.records, records...)
	return nil
}

// taken are the records published so far.
func (b *broker) taken() []Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Record(nil), b.records...)
}

// running is a server under test.
type running struct {
	*Server
	t      testing.TB
	url    string
	broker *broker
	stop   func() error // stops the server and returns what Run returned
}

// start runs a server on a loopback port until the test ends.
func start(t testing.TB, change func(*Config, *Deps)) *running {
	t.Helper()
	cfg := DefaultConfig()
	b := &broker{}
	deps := Deps{
		Publisher: b,
		Asker: askFunc(func(context.Context, olap.Query) (*olap.Answer, error) {
			return nil, errors.New("nobody should ask")
		}),
		Catalog: catalogFunc(func(context.Context, olap.CatalogFilter) (*olap.Catalog, error) { return &olap.Catalog{}, nil }),
		Users: userFunc(func(context.Context, string) (oltp.UserStats, error) {
			return oltp.UserStats{}, oltp.ErrUnknownUser
		}),
		Anomalies:     anomaliesFunc(func(oltp.AnomalyFilter, oltp.AnomalyCursor, int) ([]oltp.Anomaly, error) { return nil, nil }),
		AnomalyPoints: anomaliesFunc(nil),
		Timeline:      timelineFunc(func(context.Context, string, olap.Cursor, int) ([]olap.StoredEvent, error) { return nil, nil }),
		Figures:       figuresFunc(func(context.Context) (olap.Live, error) { return olap.Live{}, nil }),
		Progress:      fakeProgress{}, DeadLetters: &letterBox{}, Ledger: ledgerFunc(noLedger),
		Fraud: &fakeFraud{}, FraudModel: fraudModel(t),
		Alerts: noAlerts{}, Erasures: noErasures{},
		Models: noModels{}, Scores: noScores{},
		Dashboard: fstest.MapFS{
			"index.html":       {Data: []byte("<!doctype html><title>Millrace</title>" + strings.Repeat("<p>hello</p>", 100))},
			"assets/app-1a.js": {Data: []byte("export {}")},
			".gitkeep":         {},
		},
		Registry: prometheus.NewRegistry(),
		Logger:   slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		Version:  "test",
	}
	if change != nil {
		change(&cfg, &deps)
	}
	s, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, ln) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return &running{Server: s, t: t, url: "http://" + ln.Addr().String(), broker: b, stop: stop}
}

// reply is an HTTP answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// do sends one request; headers come as name, value pairs.
func (r *running) do(method, path string, body []byte, headers ...string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	got := reply{answer.StatusCode, answer.Header, text}
	r.checkDocumented(method, path, got)
	return got
}

func (r *running) get(path string) reply {
	r.t.Helper()
	return r.do(http.MethodGet, path, nil)
}

// send posts events as JSON.
func (r *running) send(body string) reply {
	r.t.Helper()
	return r.do(http.MethodPost, "/v1/events", []byte(body), "Content-Type", "application/json")
}

// decode reads a JSON answer.
func decodeReply[T any](t testing.TB, answer reply) T {
	t.Helper()
	var v T
	d := json.NewDecoder(bytes.NewReader(answer.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, answer.body)
	}
	return v
}

// wantProblem checks status, media type and code, and returns the problem.
func wantProblem(t testing.TB, answer reply, status int, code string) Problem {
	t.Helper()
	if got := answer.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type: got %q", got)
	}
	p := decodeReply[Problem](t, answer)
	if answer.status != status || p.Status != status || p.Code != code {
		t.Errorf("got %d %s (%s), want %d %s", answer.status, p.Code, p.Detail, status, code)
	}
	if p.RequestID == "" || p.RequestID != answer.header.Get("X-Request-Id") {
		t.Errorf("request_id %q is not the header's %q", p.RequestID, answer.header.Get("X-Request-Id"))
	}
	return p
}

// golden compares got with testdata/name, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the test with -update", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run the test with -update if that is meant\n got %s\nwant %s", path, got, want)
	}
}

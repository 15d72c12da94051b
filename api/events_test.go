package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"millrace/internal/event"
)

func TestEventsInEveryForm(t *testing.T) {
	const one = `{"event_id":"e1","type":"view","user_id":"u1","timestamp":"2026-01-02T03:04:05.678Z"}`
	const two = `{"event_id":"e2","type":"view","anonymous_id":"a1","timestamp":"2026-01-02T03:04:05.678Z","properties":{"x":[1,{"y":"}"}]}}`
	for _, c := range []struct {
		name, contentType, body string
		want                    []string
	}{
		{"one", "application/json", one, []string{one}},
		{"one, with spaces", "application/json; charset=utf-8", " \n" + one + "\n", []string{one}},
		{"array", "application/json", "[" + one + ",\n " + two + "]", []string{one, two}},
		{"lines", "application/x-ndjson", one + "\r\n\n" + two + "\n", []string{one, two}},
		{"lines without the last break", "application/x-ndjson", one + "\n" + two, []string{one, two}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, nil)
			answer := s.do(http.MethodPost, "/v1/events", []byte(c.body), "Content-Type", c.contentType)
			if want := fmt.Sprintf(`{"accepted":%d,"rejected":[]}`, len(c.want)); answer.status != http.StatusAccepted || strings.TrimSpace(string(answer.body)) != want {
				t.Fatalf("got %d %s, want 202 %s", answer.status, answer.body, want)
			}
			for i, r := range s.broker.taken() {
				if string(r.Value) != c.want[i] {
					t.Errorf("record %d:\n got %s\nwant %s", i, r.Value, c.want[i])
				}
				if want := []string{"u1", "a1"}[i]; string(r.Key) != want {
					t.Errorf("key %d: got %s, want %s", i, r.Key, want)
				}
				if age := time.Since(r.ReceivedAt); age < 0 || age > time.Minute {
					t.Errorf("received at %s", r.ReceivedAt)
				}
			}
		})
	}
}

func TestMissingIDAndTimeAreGivenAtReceipt(t *testing.T) {
	s := start(t, nil)
	before := time.Now().Truncate(time.Millisecond)
	s.send(`[{"type":"view","user_id":"u1"},{"type":"view","user_id":"u1","event_id":"mine"}]`)
	dec := event.NewDecoder(event.DefaultLimits())
	var ids []string
	for _, r := range s.broker.taken() {
		var ev event.Event
		if reject := dec.Decode(&ev, r.Value); reject != nil {
			t.Fatalf("%v in %s", reject, r.Value)
		}
		if ev.Timestamp.Before(before) || ev.Timestamp.After(time.Now()) {
			t.Errorf("timestamp: got %s", ev.Timestamp)
		}
		ids = append(ids, ev.ID)
	}
	if len(ids) != 2 || len(ids[0]) != 36 || ids[1] != "mine" {
		t.Errorf("ids: got %q", ids)
	}
}

func TestPartialAcceptance(t *testing.T) {
	s := start(t, nil)
	answer := s.send(`[
		{"type":"view","user_id":"u1","event_id":"good"},
		{"type":"view","event_id":"bad1"},
		{"type":"view","user_id":"u1","usr":1,"event_id":"bad2"},
		"text",
		{"type":"view","user_id":"u2"}]`)
	receipt := decodeReply[Receipt](t, answer)
	if answer.status != http.StatusAccepted || receipt.Accepted != 2 || len(s.broker.taken()) != 2 {
		t.Fatalf("got %d %s with %d records", answer.status, answer.body, len(s.broker.taken()))
	}
	var got []string
	for _, r := range receipt.Rejected {
		if r.Detail == "" {
			t.Errorf("event %d has no detail", r.Index)
		}
		got = append(got, fmt.Sprint(r.Index, " ", r.Code, " ", r.Field, " ", r.EventID))
	}
	want := "1 missing_user /user_id bad1|2 unknown_field /usr bad2|3 not_an_object  "
	if strings.Join(got, "|") != want {
		t.Errorf("rejected:\n got %s\nwant %s", strings.Join(got, "|"), want)
	}
}

func TestNothingAcceptable(t *testing.T) {
	s := start(t, nil)
	p := wantProblem(t, s.send(`{"type":"view"}`), http.StatusBadRequest, "missing_user")
	if p.Field != "/user_id" || p.Accepted == nil || *p.Accepted != 0 || len(p.Rejected) != 1 {
		t.Errorf("one event: got %+v", p)
	}
	p = wantProblem(t, s.send(`[{"type":"view"},{}]`), http.StatusBadRequest, codeNothingAccepted)
	if len(p.Rejected) != 2 || p.Rejected[1].Code != "missing_type" {
		t.Errorf("two events: got %+v", p)
	}
	wantProblem(t, s.send(`[]`), http.StatusBadRequest, codeNoEvents)
	wantProblem(t, s.send(``), http.StatusBadRequest, "empty_event")
	if n := len(s.broker.taken()); n != 0 {
		t.Errorf("%d records were published", n)
	}
}

func compressGzip(t testing.TB, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func compressZstd(t testing.TB, body []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(body, nil)
}

func TestCompressedBodies(t *testing.T) {
	const limit = 1 << 20
	s := start(t, func(c *Config, _ *Deps) { c.MaxInflatedBytes = limit })
	line := `{"type":"view","user_id":"u1"}` + "\n"
	small, large := []byte(strings.Repeat(line, 100)), []byte(strings.Repeat(line, 2*limit/len(line)))
	for encoding, compress := range map[string]func(testing.TB, []byte) []byte{"gzip": compressGzip, "zstd": compressZstd} {
		post := func(body []byte) reply {
			return s.do(http.MethodPost, "/v1/events", body, "Content-Type", "application/x-ndjson", "Content-Encoding", encoding)
		}
		answer := post(compress(t, small))
		if receipt := decodeReply[Receipt](t, answer); receipt.Accepted != 100 {
			t.Errorf("%s: got %d %s", encoding, answer.status, answer.body)
		}
		wantProblem(t, post(compress(t, large)), http.StatusRequestEntityTooLarge, codeBodyTooLarge)
		wantProblem(t, post(compress(t, small)[:40]), http.StatusBadRequest, codeDamagedBody)
		wantProblem(t, post([]byte("not compressed")), http.StatusBadRequest, codeDamagedBody)
	}
	wantProblem(t, s.do(http.MethodPost, "/v1/events", small, "Content-Type", "application/x-ndjson", "Content-Encoding", "br"),
		http.StatusUnsupportedMediaType, codeUnsupportedEncoding)
	if !s.inflight.TryAcquire(int64(s.cfg.MaxInflightBytes)) {
		t.Error("a request kept its room")
	}
}

func TestBodyOverTheLimit(t *testing.T) {
	s := start(t, func(c *Config, _ *Deps) { c.MaxBodyBytes = 64 << 10 })
	body := []byte(`{"type":"view","user_id":"u1","properties":{"x":"` + strings.Repeat("x", 1<<20) + `"}}`)
	wantProblem(t, s.do(http.MethodPost, "/v1/events", body, "Content-Type", "application/json"),
		http.StatusRequestEntityTooLarge, codeBodyTooLarge)
}

func TestTooManyEvents(t *testing.T) {
	s := start(t, func(c *Config, _ *Deps) { c.MaxEvents = 3 })
	one := `{"type":"view","user_id":"u1"}`
	if answer := s.send("[" + one + "," + one + ",{}]"); answer.status != http.StatusAccepted {
		t.Errorf("three events: got %d %s", answer.status, answer.body)
	}
	wantProblem(t, s.send("["+one+","+one+",{},"+one+"]"), http.StatusRequestEntityTooLarge, codeTooManyEvents)
	if n := len(s.broker.taken()); n != 2 {
		t.Errorf("records: got %d, want 2", n)
	}
}

func TestBrokerThatDoesNotTakeTheEventsInTime(t *testing.T) {
	for name, publish := range map[string]publishFunc{
		"fails": func(context.Context, []Record) error { return errors.New("dial tcp: connection refused") },
		"hangs": func(ctx context.Context, _ []Record) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(c *Config, d *Deps) { c.PublishTimeout, d.Publisher = 50*time.Millisecond, publish })
			answer := s.send(`{"type":"view","user_id":"u1"}`)
			p := wantProblem(t, answer, http.StatusServiceUnavailable, codeBrokerUnavailable)
			if answer.header.Get("Retry-After") != "2" {
				t.Errorf("Retry-After: got %q", answer.header.Get("Retry-After"))
			}
			if strings.Contains(p.Detail, "refused") {
				t.Errorf("the detail shows internals: %s", p.Detail)
			}
		})
	}
}

func TestBodiesWaitForRoom(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{})
	s := start(t, func(c *Config, d *Deps) {
		c.MaxBodyBytes, c.MaxInflatedBytes, c.MaxInflightBytes = 1<<10, 1<<10, 1<<10
		c.PublishTimeout = 200 * time.Millisecond
		d.Publisher = publishFunc(func(context.Context, []Record) error {
			entered <- struct{}{}
			<-release
			return nil
		})
	})
	body := `{"type":"view","user_id":"u1","properties":{"x":"` + strings.Repeat("x", 600) + `"}}`
	first := make(chan reply)
	go func() { first <- s.send(body) }()
	<-entered
	answer := s.send(body)
	wantProblem(t, answer, http.StatusServiceUnavailable, codeOverloaded)
	close(release)
	if got := <-first; got.status != http.StatusAccepted {
		t.Errorf("the first request: got %d %s", got.status, got.body)
	}
}

// Records live on after the request: nothing of them may be fasthttp's memory.
func TestRecordsOutliveTheirRequest(t *testing.T) {
	s := start(t, nil)
	for i := range 200 {
		s.send(fmt.Sprintf(`{"event_id":"e%d","type":"view","user_id":"u%d","timestamp":"2026-01-02T03:04:05.678Z"}`, i, i))
	}
	for i, r := range s.broker.taken() {
		var got struct {
			EventID string `json:"event_id"`
		}
		if err := json.Unmarshal(r.Value, &got); err != nil {
			t.Fatalf("record %d: %v in %s", i, err, r.Value)
		}
		if got.EventID != fmt.Sprint("e", i) || string(r.Key) != fmt.Sprint("u", i) {
			t.Errorf("record %d: got id %s and key %s", i, got.EventID, r.Key)
		}
	}
}

func TestEventMetrics(t *testing.T) {
	s := start(t, nil)
	s.send(`[{"type":"view","user_id":"u1"},{"type":"view"},{"type":"view"}]`)
	metrics := string(s.get("/metrics").body)
	for _, want := range []string{
		"millrace_api_events_accepted_total 1\n",
		`millrace_api_events_rejected_total{reason="missing_user"} 2` + "\n",
		`millrace_api_request_seconds_count{route="POST /v1/events",status="202"} 1` + "\n",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

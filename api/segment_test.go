package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"millrace/internal/event"
)

// received is when the calls of the golden files arrived.
func received() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC) }

func fixedLimits() event.Limits {
	limits := event.DefaultLimits()
	limits.Now = received
	return limits
}

// What each call becomes is kept in testdata/segment.
func TestSegmentCallsBecomeEvents(t *testing.T) {
	const phone = `"context":{"ip":"203.0.113.7","userAgent":"UA","locale":"en-IN","timezone":"Asia/Kolkata","sessionId":17,"library":{"name":"analytics-ios","version":"4.1"},` +
		`"app":{"name":"Shop","version":"3.1"},"device":{"type":"iOS","model":"iPhone15,4","id":"D1"},"os":{"name":"iOS","version":"18.1.2"},` +
		`"campaign":{"name":"spring","source":"news","medium":"email","ad":"7"}}`
	for _, c := range []struct{ name, kind, call string }{
		{"track", "track", `{"messageId":"m1","userId":"u1","event":"purchase","properties":{"amount":1.5,"$library":"mine"},"timestamp":"2026-01-02T03:04:00Z","integrations":{"All":true},` + phone + `}`},
		{"track of a number", "track", `{"userId":42,"event":"view"}`},
		{"page", "page", `{"anonymousId":"a1","name":"Pricing","category":"Docs","properties":{"name":"mine"},` +
			`"context":{"library":{"name":"analytics.js","version":"2.1"},"page":{"path":"/p","url":"https://x.example/p?utm_source=s","referrer":"https://y.example/","title":"T","search":"?utm_source=s"}}}`},
		{"page of a server", "page", `{"userId":"u1","name":"Pricing","properties":{"url":"https://x.example/p?q=1","referrer":"https://y.example/"}}`},
		{"screen", "screen", `{"userId":"u1","name":"Cart","properties":{"items":2}}`},
		{"identify", "identify", `{"anonymousId":"a1","userId":"u1","traits":{"plan":"pro"}}`},
		{"identify without traits", "identify", `{"userId":"u1","traits":null}`},
		{"alias", "alias", `{"previousId":"old","userId":"u1"}`},
		{"group", "group", `{"userId":"u1","groupId":"acme","traits":{"employees":42}}`},
		{"clock ahead", "track", `{"userId":"u1","event":"view","originalTimestamp":"2026-01-05T03:04:00.000Z","timestamp":"2020-01-01T00:00:00Z","sentAt":"2026-01-05T03:04:05.678+00:00"}`},
		{"time without zone", "track", `{"userId":"u1","event":"view","timestamp":"2026-01-02T03:04:05"}`},
		{"unknown members", "track", `{"userId":"u1","event":"view","extra":{"b":[1]},"properties":{"x":1}}`},
		{"large context", "track", `{"userId":"u1","event":"view","context":{"network":{"x":"` + strings.Repeat("x", 5000) + `"}}}`},
		{"odd context", "track", `{"userId":"u1","event":"view","context":{"ip":[1],"page":"/p","os":{"name":{"x":1}},"device":null}}`},
		{"no user", "track", `{"event":"view","messageId":"m1"}`},
		{"no event", "track", `{"userId":"u1"}`},
		{"no group", "group", `{"userId":"u1"}`},
		{"no previous id", "alias", `{"userId":"u1"}`},
		{"alias without user", "alias", `{"previousId":"u1","anonymousId":"a1"}`},
		{"event that is an object", "track", `{"userId":"u1","event":{}}`},
		{"user that is an object", "track", `{"userId":{},"event":"view"}`},
		{"properties that are text", "track", `{"userId":"u1","event":"view","properties":"x"}`},
		{"traits that are a list", "identify", `{"userId":"u1","traits":[]}`},
		{"context that is text", "track", `{"userId":"u1","event":"view","context":"x"}`},
		{"time that is none", "track", `{"userId":"u1","event":"view","timestamp":"yesterday"}`},
		{"time of 2100", "track", `{"userId":"u1","event":"view","timestamp":"2100-01-01T00:00:00Z"}`},
		{"long id", "track", `{"messageId":"` + strings.Repeat("m", 600) + `","userId":"u1","event":"view"}`},
		{"deep traits", "identify", `{"userId":"u1","traits":{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`},
		{"kind in a batch", "", `{"type":"track","userId":"u1","event":"view"}`},
		{"no kind in a batch", "", `{"userId":"u1","event":"view"}`},
		{"unknown kind in a batch", "", `{"type":"trak","userId":"u1","event":"view"}`},
		{"no object", "", `[1]`},
		{"no utf-8", "track", "{\"userId\":\"u\xff\",\"event\":\"view\"}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame := segmentFrame{now: received(), context: json.RawMessage(`{"locale":"shared","zone":"z"}`)}
			if c.kind != "" {
				frame.context = nil
			}
			golden(t, "segment/"+strings.ReplaceAll(c.name, " ", "-")+".golden", readAsText(t, func(dec *event.Decoder, ev *event.Event) ([]byte, *Rejection) {
				return frame.read(c.kind, dec, ev, []byte(c.call))
			}))
		})
	}
}

// readAsText is what a reader makes of an event: the envelope, or the rejection.
func readAsText(t *testing.T, read func(*event.Decoder, *event.Event) ([]byte, *Rejection)) []byte {
	t.Helper()
	var ev event.Event
	value, refused := read(event.NewDecoder(fixedLimits()), &ev)
	if refused != nil {
		var err error
		if value, err = marshal(refused); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(value), "", "  "); err != nil {
		t.Fatalf("%v in %s", err, value)
	}
	return append(out.Bytes(), '\n')
}

func TestSegmentRoutes(t *testing.T) {
	s := start(t, nil)
	for name, body := range segmentExamples() {
		answer := s.do(http.MethodPost, "/v1/"+name, []byte(body), "Content-Type", "application/json; charset=utf-8", "Authorization", "Basic a2V5Og==")
		if answer.status != http.StatusOK || string(answer.body) != `{"success":true}`+"\n" {
			t.Errorf("%s: got %d %s", name, answer.status, answer.body)
		}
		// What a page of any website may send without asking is not taken.
		wantProblem(t, s.do(http.MethodPost, "/v1/"+name, []byte(body), "Content-Type", "text/plain"), http.StatusUnsupportedMediaType, codeUnsupportedType)
	}
	if n, want := len(s.broker.taken()), 8; n != want {
		t.Errorf("records: got %d, want %d", n, want)
	}
}

func TestSegmentBatchTakesWhatIsGood(t *testing.T) {
	s := start(t, nil)
	answer := s.do(http.MethodPost, "/v1/batch", []byte(`{"writeKey":"k","batch":[
		{"type":"track","userId":"u1","event":"view"},
		{"type":"track","messageId":"m2","event":"view"},
		{"type":"page","anonymousId":"a1"}]}`), "Content-Type", "application/json")
	receipt := decodeReply[SegmentReceipt](t, answer)
	if answer.status != http.StatusOK || !receipt.Success || *receipt.Accepted != 2 || len(receipt.Rejected) != 1 || len(s.broker.taken()) != 2 {
		t.Fatalf("got %d %s", answer.status, answer.body)
	}
	if r := receipt.Rejected[0]; r.Index != 1 || r.EventID != "m2" || r.Code != "missing_user" || r.Field != "/userId" {
		t.Errorf("rejected: got %+v", r)
	}
	if answer := s.do(http.MethodPost, "/v1/batch", []byte(`{"batch":[]}`), "Content-Type", "application/json"); answer.status != http.StatusOK {
		t.Errorf("an empty batch: got %d %s", answer.status, answer.body)
	}
}

// The libraries give up at 400 and try again at 503.
func TestSegmentErrors(t *testing.T) {
	s := start(t, func(c *Config, _ *Deps) { c.MaxEvents = 2 })
	post := func(path, body string) reply {
		return s.do(http.MethodPost, path, []byte(body), "Content-Type", "application/json")
	}
	wantProblem(t, post("/v1/track", `{"event":"view"}`), http.StatusBadRequest, "missing_user")
	wantProblem(t, post("/v1/track", `hello`), http.StatusBadRequest, "malformed_json")
	wantProblem(t, post("/v1/batch", `hello`), http.StatusBadRequest, "malformed_json")
	wantProblem(t, post("/v1/batch", `{"batch":{}}`), http.StatusBadRequest, "wrong_type")
	wantProblem(t, post("/v1/batch", `{"batch":[{"type":"track"},{"type":"x"}]}`), http.StatusBadRequest, codeNothingAccepted)
	call := `{"type":"track","userId":"u1","event":"view"}`
	wantProblem(t, post("/v1/batch", `{"batch":[`+call+`,`+call+`,`+call+`]}`), http.StatusRequestEntityTooLarge, codeTooManyEvents)
	if n := len(s.broker.taken()); n != 0 {
		t.Errorf("%d records were published", n)
	}
}

// timestamp = receivedAt - (sentAt - originalTimestamp), and the envelope shows
// what was done.
func TestSegmentClockSkew(t *testing.T) {
	s := start(t, nil)
	now := time.Now()
	ahead := 72 * time.Hour // beyond what a timestamp may be ahead
	iso := func(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
	s.do(http.MethodPost, "/v1/batch", fmt.Appendf(nil, `{"sentAt":%q,"batch":[{"type":"track","userId":"u1","event":"view","timestamp":%q}]}`,
		iso(now.Add(ahead)), iso(now.Add(ahead-time.Minute))), "Content-Type", "application/json")
	records := s.broker.taken()
	if len(records) != 1 {
		t.Fatal("the event was not taken")
	}
	wantSkew(t, records[0], now.Add(-time.Minute), ahead)
}

func wantSkew(t *testing.T, r Record, happened time.Time, ahead time.Duration) {
	t.Helper()
	var got struct {
		Timestamp  time.Time `json:"timestamp"`
		Properties struct {
			Skew float64 `json:"$clock_skew_ms"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(r.Value, &got); err != nil {
		t.Fatal(err)
	}
	if off := got.Timestamp.Sub(happened); off < -5*time.Millisecond || off > 5*time.Second {
		t.Errorf("timestamp is off by %s", off)
	}
	if off := ahead - time.Duration(got.Properties.Skew)*time.Millisecond; off < -5*time.Millisecond || off > 5*time.Second {
		t.Errorf("$clock_skew_ms: got %v, want about %d", got.Properties.Skew, ahead.Milliseconds())
	}
}

func TestNativeClockSkew(t *testing.T) {
	s := start(t, nil)
	now, ahead := time.Now(), 72*time.Hour
	body := fmt.Sprintf(`[{"type":"view","user_id":"u1","timestamp":%q,"properties":{"x":1}},{"type":"view","user_id":"u1","event_id":"e2"},{"type":"view","user_id":"u1","event_id":"e3","timestamp":"2999-01-01T00:00:00Z"}]`,
		now.Add(ahead-time.Minute).UTC().Format(time.RFC3339Nano))
	send := func(sentAt string) reply {
		return s.do(http.MethodPost, "/v1/events", []byte(body), "Content-Type", "application/json", "X-Sent-At", sentAt)
	}
	receipt := decodeReply[Receipt](t, send(now.Add(ahead).UTC().Format(time.RFC3339Nano)))
	if receipt.Accepted != 2 || len(receipt.Rejected) != 1 || receipt.Rejected[0].Code != "timestamp_in_future" || receipt.Rejected[0].EventID != "e3" {
		t.Fatalf("got %+v", receipt)
	}
	wantSkew(t, s.broker.taken()[0], now.Add(-time.Minute), ahead)
	if p := wantProblem(t, send("noon"), http.StatusBadRequest, codeInvalidParameter); p.Parameter != "X-Sent-At" {
		t.Errorf("parameter: got %q", p.Parameter)
	}
}

func TestWriteKeyIsLoggedAsAFingerprint(t *testing.T) {
	for header, want := range map[string]string{
		"Basic c2VjcmV0Og==": "secret", "basic c2VjcmV0OnB3": "secret", "Bearer x": "", "Basic !": "", "": "",
	} {
		if got := basicUser(header); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}

func FuzzSegmentCall(f *testing.F) {
	for kind, call := range segmentExamples() {
		f.Add(kind, []byte(call))
	}
	f.Add("", []byte(`{"type":"track","userId":1e9,"event":"x","context":{"page":{"url":"%"},"os":{"version":"1"}}}`))
	f.Fuzz(func(t *testing.T, kind string, call []byte) {
		if kind != "" && !strings.Contains("track page screen identify alias group", kind) {
			return
		}
		frame := segmentFrame{now: received(), sentAt: "2026-01-02T03:04:05Z"}
		fuzzReader(t, call, func(dec *event.Decoder, ev *event.Event, text []byte) ([]byte, *Rejection) {
			return frame.read(kind, dec, ev, text)
		})
	})
}

// fuzzReader checks what holds for every reader: what it takes, the ingest takes.
func fuzzReader(t *testing.T, text []byte, read reader) {
	t.Helper()
	dec := event.NewDecoder(fixedLimits())
	var ev, again event.Event
	value, refused := read(dec, &ev, text)
	if refused != nil {
		if refused.Code == "" || refused.Detail == "" {
			t.Errorf("refused without a reason: %+v", refused)
		}
		return
	}
	for _, envelope := range [][]byte{complete(&ev, value, received()), rewrite(&ev, received())} {
		if reject := dec.Decode(&again, envelope); reject != nil {
			t.Errorf("%v in %s", reject, envelope)
		}
	}
}

package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/enrich"
	"millrace/internal/event"
	"millrace/olap"
)

// The time that the server adds to the store's own: read, parse, wait for a turn,
// render 30 KB of answer, send. Each call is followed by one to Fiber alone with
// the same answer ready, so that the machine's other load weighs on both.
func BenchmarkQueryOverhead(b *testing.B) {
	answer := &olap.Answer{Kind: "trends", Meta: olap.Meta{Semantics: "1", SQL: []string{strings.Repeat("SELECT 1234567890 ", 1700)}}}
	s := start(b, func(_ *Config, d *Deps) {
		d.Asker = askFunc(func(context.Context, olap.Query) (*olap.Answer, error) { return answer, nil })
	})
	compareWithFiber(b, s.url+"/v1/query", trendsQuestion)
}

// One request of 100 events of 400 bytes, with a broker that takes no time.
func BenchmarkEventsOverhead(b *testing.B) {
	s := start(b, func(_ *Config, d *Deps) {
		d.Publisher = publishFunc(func(context.Context, []Record) error { return nil })
	})
	one := `{"event_id":"0190a2b4-7c1e-7f2a-9d3b-5e6f7a8b9c0d","type":"purchase","user_id":"u1","session_id":"s1","timestamp":"2026-01-02T03:04:05.678Z",` +
		`"properties":{"amount":"499.00","currency":"INR","product_id":"p9","category":"books","coupon":"SPRING","quantity":3},` +
		`"context":{"ip":"203.0.113.7","country":"IN","page":"/cart","platform":"ios","browser":"Safari","os":"iOS","device":"phone"}}`
	compareWithFiber(b, s.url+"/v1/events", "["+strings.Repeat(one+",", 99)+one+"]")
}

// BenchmarkCollect is the work on one event between body and broker: read alone,
// then with links looked up in memory, then with everything added that is known.
func BenchmarkCollect(b *testing.B) {
	const agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36"
	native := `{"event_id":"0190a2b4-7c1e-7f2a-9d3b-5e6f7a8b9c0d","type":"purchase","user_id":"u1","session_id":"s1","timestamp":"2026-01-02T03:04:05.678Z",` +
		`"properties":{"amount":"499.00","currency":"INR","product_id":"p9","category":"books"},"context":{"ip":"203.0.113.7","user_agent":"` + agent + `","page":"/cart"}}`
	segment := `{"type":"track","messageId":"0190a2b4","event":"purchase","userId":"u1","timestamp":"2026-01-02T03:04:05.678Z","properties":{"amount":499,"currency":"INR","product_id":"p9"},` +
		`"context":{"ip":"203.0.113.7","userAgent":"` + agent + `","library":{"name":"analytics-node","version":"3.1.0"}}}`
	const events = 100
	for _, c := range []struct {
		name, one     string
		read          reader
		linked, added bool
	}{
		{"native", native, readNative, false, false},
		{"native linked", native, readNative, true, false},
		{"native linked enriched", native, readNative, true, true},
		{"segment", segment, (&segmentFrame{now: time.Now()}).readBatched, false, false},
		{"segment linked enriched", segment, (&segmentFrame{now: time.Now()}).readBatched, true, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := start(b, func(_ *Config, d *Deps) {
				if c.linked {
					d.Identities = &linkBook{}
				}
				if c.added {
					d.Enricher = newEnricher(b)
				}
			})
			body := []byte("[" + strings.Repeat(c.one+",", events-1) + c.one + "]")
			b.ReportAllocs()
			for b.Loop() {
				if d, err := s.collect(b.Context(), format{event.Split, c.read}, body, enrich.Origin{}, time.Now()); err != nil || len(d.records) != events {
					b.Fatal(err, d)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
		})
	}
}

func newEnricher(b *testing.B) *enrich.Enricher {
	b.Helper()
	e, err := enrich.New(enrich.DefaultConfig(), prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func BenchmarkUserOverhead(b *testing.B) {
	s := start(b, func(_ *Config, d *Deps) { d.Users = userFunc(knownUser) })
	compareWithFiber(b, s.url+"/v1/users/u1", "")
}

// compareWithFiber reports the latency of url, of Fiber alone, and what lies
// between them.
func compareWithFiber(b *testing.B, url, body string) {
	b.Helper()
	bare := bareFiber(b, call(b, url, body))
	var ours, alone []time.Duration
	for b.Loop() {
		began := time.Now()
		call(b, url, body)
		between := time.Now()
		call(b, bare, body)
		ours, alone = append(ours, between.Sub(began)), append(alone, time.Since(between))
	}
	slices.Sort(ours)
	slices.Sort(alone)
	for _, p := range []int{50, 99} {
		i := (len(ours) - 1) * p / 100
		b.ReportMetric(float64(ours[i].Microseconds()), fmt.Sprintf("p%d-µs", p))
		b.ReportMetric(float64((ours[i] - alone[i]).Microseconds()), fmt.Sprintf("p%d-above-µs", p))
	}
}

// bareFiber serves answer from one handler.
func bareFiber(b *testing.B, answer []byte) (url string) {
	b.Helper()
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.All("/", func(c *fiber.Ctx) error { return c.Send(answer) })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = app.Listener(ln) }()
	b.Cleanup(func() { _ = app.Shutdown() })
	return "http://" + ln.Addr().String() + "/"
}

// call posts body, or gets where there is none, and returns the answer.
func call(b *testing.B, url, body string) []byte {
	b.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	var text bytes.Buffer
	if _, err := io.Copy(&text, answer.Body); err != nil || answer.StatusCode >= 300 {
		b.Fatalf("got %s, %v", answer.Status, err)
	}
	return text.Bytes()
}

package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/enginetest"
	"millrace/olap"
)

// dial opens a connection of its own to the server.
func (r *running) dial() *net.TCPConn {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// rawQuestion is a question as it goes over a connection.
func rawQuestion(body string) string {
	return fmt.Sprintf("POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestALeaverEndsItsQuestion(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan error, 1)
	s := start(t, func(_ *Config, d *Deps) {
		d.Asker = askFunc(func(ctx context.Context, _ olap.Query) (*olap.Answer, error) {
			asked <- struct{}{}
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return nil, context.Cause(ctx)
		})
	})
	conn := s.dial()
	if _, err := io.WriteString(conn, rawQuestion(trendsQuestion)); err != nil {
		t.Fatal(err)
	}
	<-asked
	left := time.Now()
	conn.Close()
	if err := <-ended; !errors.Is(err, errLeft) {
		t.Errorf("got %v", err)
	}
	t.Logf("noticed after %s", time.Since(left))
}

// Reading ahead loses nothing of a connection that stays: the next request, sent
// before the answer, is answered too, and so is one after a pause.
func TestWatchingLosesNoRequest(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	s := start(t, func(_ *Config, d *Deps) {
		d.Asker = askFunc(func(ctx context.Context, q olap.Query) (*olap.Answer, error) {
			asked <- struct{}{}
			select {
			case <-answer:
				return sampleAnswer(ctx, q)
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		})
	})
	conn := s.dial()
	replies := bufio.NewReader(conn)
	send := func(text string) {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Error(err)
		}
	}
	expect := func() {
		t.Helper()
		response, err := http.ReadResponse(replies, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("got %d, %v", response.StatusCode, err)
		}
	}
	send(rawQuestion(trendsQuestion))
	<-asked
	send(rawQuestion(trendsQuestion)[:1]) // arrives while the first is being answered
	send(rawQuestion(trendsQuestion)[1:])
	answer <- struct{}{}
	expect()
	<-asked
	answer <- struct{}{}
	expect()
	send(rawQuestion(trendsQuestion))
	<-asked
	answer <- struct{}{}
	expect()
}

// The proof that matters: the store stops working on the question.
func TestALeaverStopsTheStore(t *testing.T) {
	_, address, database := enginetest.ClickHouse(t)
	cfg := olap.DefaultConfig()
	cfg.Address, cfg.Database = address, database
	store, err := olap.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{address}, Auth: clickhouse.Auth{Database: database}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.Exec(t.Context(), `INSERT INTO events (event_id, type, user_id, timestamp, received_at, properties)
SELECT toString(number), 'view', toString(number % 1000), toDateTime64('2026-01-01 00:00:00', 3) + number % 2000000, now64(3), '{"deep":{' || repeat('"a":{"b":1},', 40) || '"c":1}}' FROM numbers(200000)`); err != nil {
		t.Fatal(err)
	}
	guard, err := olap.NewGuard(store, olap.DefaultGuardConfig(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(_ *Config, d *Deps) { d.Asker = guard })
	var where []string
	for i := range 40 {
		where = append(where, fmt.Sprintf(`not properties.deep.x%d exists`, i))
	}
	question := fmt.Sprintf(`{"kind":"trends","from":"2026-01-01","to":"2026-02-01","series":[{"where":%q}]}`, strings.Join(where, " and "))
	client := s.dial()
	if _, err := io.WriteString(client, rawQuestion(question)); err != nil {
		t.Fatal(err)
	}
	working := func() bool {
		var n uint64
		if err := conn.QueryRow(t.Context(), "SELECT count() FROM system.processes WHERE query LIKE '%JSONExtractRaw%' AND query NOT LIKE '%system.processes%'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	await(t, "the store works on the question", working)
	left := time.Now()
	client.Close()
	await(t, "the store stops", func() bool { return !working() })
	t.Logf("stopped %s after the client had left", time.Since(left))
}

// await waits for a state that comes by itself.
func await(t testing.TB, what string, reached func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !reached() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("it never came that %s", what)
		}
	}
}

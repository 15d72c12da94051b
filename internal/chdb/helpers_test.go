package chdb

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// syncBuffer collects a child's standard error.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// bothProtocols runs a test over HTTP and native.
func bothProtocols(t *testing.T, s *testServer, test func(t *testing.T, o *clickhouse.Options)) {
	t.Run("native", func(t *testing.T) { test(t, s.options(clickhouse.Native)) })
	t.Run("http", func(t *testing.T) { test(t, s.options(clickhouse.HTTP)) })
}

func (s *testServer) options(p clickhouse.Protocol) *clickhouse.Options {
	o := &clickhouse.Options{Protocol: p, Addr: []string{s.native}, DialTimeout: 10 * time.Second,
		Auth: clickhouse.Auth{Username: s.cfg.User, Password: s.cfg.Password, Database: "default"}}
	if p == clickhouse.HTTP {
		o.Addr = []string{s.http}
	}
	return o
}

func open(t testing.TB, o *clickhouse.Options) driver.Conn {
	t.Helper()
	c, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func mustExec(t testing.TB, c driver.Conn, query string, args ...any) {
	t.Helper()
	if err := c.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func scalar[T any](t testing.TB, c driver.Conn, query string, args ...any) T {
	t.Helper()
	return scalarCtx[T](t, t.Context(), c, query, args...)
}

func scalarCtx[T any](t testing.TB, ctx context.Context, c driver.Conn, query string, args ...any) T {
	t.Helper()
	var v T
	if err := c.QueryRow(ctx, query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// post sends a query in a body and returns status, headers and body.
func (s *testServer) post(t testing.TB, args url.Values, body string) (int, http.Header, string) {
	t.Helper()
	return s.request(t, http.MethodPost, args, body, nil)
}

func (s *testServer) request(t testing.TB, method string, args url.Values, body string, head http.Header) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.http+"/?"+args.Encode(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range head {
		req.Header[k] = v
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		data = append(data, fmt.Sprintf("\n[read: %v]", err)...)
	}
	return res.StatusCode, res.Header, string(data)
}

func (s *testServer) sql(t testing.TB, query string) string {
	t.Helper()
	status, _, body := s.post(t, nil, query)
	if status != http.StatusOK {
		t.Fatalf("%s: status %d: %s", query, status, body)
	}
	return strings.TrimSuffix(body, "\n")
}

// clickhouseTable is an external table of ids 0 to n-1.
func clickhouseTable(name string, n int) (*ext.Table, error) {
	t, err := ext.NewTable(name, ext.Column("id", "UInt64"), ext.Column("label", "String"))
	if err != nil {
		return nil, err
	}
	for i := range n {
		if err := t.Append(uint64(i), "label"); err != nil {
			return nil, err
		}
	}
	return t, nil
}

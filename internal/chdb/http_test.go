package chdb

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

func TestHTTPPages(t *testing.T) {
	s := startServer(t)
	for _, tc := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/ping", 200, "Ok.\n"}, {"GET", "/", 200, "Ok.\n"}, {"GET", "/replicas_status", 200, "Ok.\n"}, {"HEAD", "/ping", 200, ""},
		{"OPTIONS", "/", 204, ""}, {"DELETE", "/", 405, ""}, {"GET", "/nothing", 404, ""},
		{"GET", "/?query=SELECT%201", 200, "1\n"}, {"POST", "/?query=SELECT%202", 200, "2\n"},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), tc.method, "http://"+s.http+tc.path, nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != tc.status || tc.body != "" && string(body) != tc.body {
			t.Errorf("%s %s: %d %q, want %d %q", tc.method, tc.path, res.StatusCode, body, tc.status, tc.body)
		}
	}
}

func TestHTTPHeaders(t *testing.T) {
	s := startServer(t)
	_, head, body := s.post(t, url.Values{"query_id": {"mine"}}, "SELECT number FROM numbers(10) FORMAT JSON")
	for name, want := range map[string]string{"X-Clickhouse-Query-Id": "mine", "X-Clickhouse-Format": "JSON", "Content-Type": "application/json; charset=UTF-8"} {
		if got := head.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var sum map[string]string
	if err := json.Unmarshal([]byte(head.Get("X-ClickHouse-Summary")), &sum); err != nil || sum["read_rows"] != "10" {
		t.Errorf("summary %q, want 10 rows read", head.Get("X-ClickHouse-Summary"))
	}
	if !json.Valid([]byte(body)) {
		t.Errorf("body %q is not JSON", body)
	}
	for _, query := range []string{"", " -- nothing", "exit", "SELECT 1; SELECT 2", "DROP TABLE IF EXISTS a; DROP TABLE IF EXISTS b"} {
		if status, head, body := s.post(t, nil, query); status != 400 || head.Get("X-ClickHouse-Exception-Code") != "62" {
			t.Errorf("%q: %d %s", query, status, body)
		}
	}
	status, head, body := s.post(t, nil, "SELEC 1")
	if status != 400 || head.Get("X-ClickHouse-Exception-Code") != "62" || !strings.HasPrefix(body, "Code: 62. DB::Exception: Syntax error") || !strings.Contains(body, "(SYNTAX_ERROR)") {
		t.Errorf("syntax error: %d, code %q, %q", status, head.Get("X-ClickHouse-Exception-Code"), body)
	}
}

func TestGetIsReadonly(t *testing.T) {
	s := startServer(t)
	for _, query := range []string{"CREATE TABLE x (a UInt8) ENGINE = Memory", "SET readonly = 0", "SELECT 1 SETTINGS readonly = 0"} {
		status, head, body := s.request(t, "GET", url.Values{"query": {query}}, "", nil)
		if status != 500 || head.Get("X-ClickHouse-Exception-Code") != "164" {
			t.Errorf("GET %s: %d %s %q, want code 164", query, status, head.Get("X-ClickHouse-Exception-Code"), body)
		}
	}
	if status, _, body := s.request(t, "GET", url.Values{"query": {"SELECT getSetting('max_block_size')"}, "max_block_size": {"77"}, "readonly": {"0"}}, "", nil); status != 200 || body != "77\n" {
		t.Errorf("GET with a setting: %d %q", status, body)
	}
}

// Formats that are one document must stay one when the result has many blocks.
func TestHTTPFormats(t *testing.T) {
	s := startServer(t)
	const rows = 300_000
	query := fmt.Sprintf("SELECT number AS n, toString(number) AS s FROM numbers(%d) FORMAT ", rows)
	for format, count := range map[string]func([]byte) (int, error){
		"JSON": func(b []byte) (int, error) {
			var doc struct {
				Data []any
				Rows int
			}
			err := json.Unmarshal(b, &doc)
			return min(len(doc.Data), doc.Rows), err
		},
		"JSONCompact": func(b []byte) (int, error) {
			var doc struct{ Data [][]any }
			return len(doc.Data), errorsOf(json.Unmarshal(b, &doc), func() int { return len(doc.Data) })
		},
		"JSONEachRow":                 lines(0),
		"CSV":                         lines(0),
		"CSVWithNames":                lines(1),
		"TabSeparated":                lines(0),
		"TSVWithNamesAndTypes":        lines(2),
		"JSONCompactEachRowWithNames": lines(1),
		"Values":                      func(b []byte) (int, error) { return bytes.Count(b, []byte("),(")) + 1, nil },
		"ArrowStream": func(b []byte) (int, error) {
			r, err := ipc.NewReader(bytes.NewReader(b))
			if err != nil {
				return 0, err
			}
			n := 0
			for r.Next() {
				n += int(r.Record().NumRows())
			}
			return n, r.Err()
		},
		"Parquet": func(b []byte) (int, error) {
			r, err := file.NewParquetReader(bytes.NewReader(b))
			if err != nil {
				return 0, err
			}
			return int(r.NumRows()), nil
		},
	} {
		t.Run(format, func(t *testing.T) {
			status, _, body := s.post(t, nil, query+format)
			if status != 200 {
				t.Fatal(body[:min(len(body), 500)])
			}
			n, err := count([]byte(body))
			if format == "JSONCompact" {
				n, err = countCompact([]byte(body))
			}
			if err != nil || n != rows {
				t.Errorf("%d rows, %v; want %d", n, err, rows)
			}
		})
	}
}

func errorsOf(err error, _ func() int) error { return err }

func countCompact(b []byte) (int, error) {
	var doc struct{ Data [][]any }
	err := json.Unmarshal(b, &doc)
	return len(doc.Data), err
}

func lines(less int) func([]byte) (int, error) {
	return func(b []byte) (int, error) { return bytes.Count(b, []byte("\n")) - less, nil }
}

func TestHTTPInsertFormats(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE into (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
	for _, format := range []string{"JSONEachRow", "CSV", "CSVWithNames", "TabSeparated", "RowBinary", "RowBinaryWithNamesAndTypes", "Native", "Values", "Parquet", "ArrowStream", "JSONCompactEachRow", "MsgPack"} {
		status, _, data := s.post(t, nil, "SELECT number AS n, concat('it''s\n', toString(number)) AS s FROM numbers(100000) FORMAT "+format)
		if status != 200 {
			t.Fatalf("%s: %s", format, data[:min(len(data), 300)])
		}
		for name, send := range map[string]func() (int, http.Header, string){
			"statement in the URL": func() (int, http.Header, string) {
				return s.post(t, url.Values{"query": {"INSERT INTO into FORMAT " + format}}, data)
			},
			"statement in the body": func() (int, http.Header, string) {
				return s.post(t, nil, "INSERT INTO into (n, s) FORMAT "+format+"\n"+data)
			},
		} {
			s.sql(t, "TRUNCATE TABLE into")
			status, head, body := send()
			if status != 200 {
				t.Errorf("%s, %s: %d %s", format, name, status, body)
				continue
			}
			if got := s.sql(t, "SELECT count(), sum(n), any(startsWith(s, 'it''s\\n')) FROM into"); got != "100000\t4999950000\t1" {
				t.Errorf("%s, %s: stored %q", format, name, got)
			}
			if !strings.Contains(head.Get("X-ClickHouse-Summary"), `"written_rows":"100000"`) {
				t.Errorf("%s, %s: summary %s", format, name, head.Get("X-ClickHouse-Summary"))
			}
		}
	}
}

func TestHTTPInsertErrors(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE into (n UInt64) ENGINE = MergeTree ORDER BY n")
	for _, tc := range []struct {
		query, data string
		code        string
	}{
		{"INSERT INTO into FORMAT CSV", "1\n2\nthree\n", "117"},
		{"INSERT INTO into FORMAT CSV", strings.Repeat("1\n", 3_000_000) + "three\n", "117"},
		{"INSERT INTO into FORMAT JSONEachRow", `{"n": 1} {"n": `, "32"},
		{"INSERT INTO into FORMAT CSV", "zero\n" + strings.Repeat("1\n", 20_000_000), "117"}, // refused long before its end
		{"INSERT INTO into FORMAT NoSuchFormat", "1", "73"},
		{"INSERT INTO nowhere FORMAT CSV", "1", "60"},
		{"INSERT INTO into (m) FORMAT CSV", "1", "16"},
		{"INSERT INTO into FORMAT Native", "\x01\x05garbage", "33"},
	} {
		status, head, body := s.post(t, url.Values{"query": {tc.query}}, tc.data)
		if status == 200 || head.Get("X-ClickHouse-Exception-Code") != tc.code {
			t.Errorf("%s: %d, code %s, want %s: %.300s", tc.query, status, head.Get("X-ClickHouse-Exception-Code"), tc.code, body)
		}
	}
}

func TestHTTPInsertContentEncoding(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE packed (n UInt64) ENGINE = MergeTree ORDER BY n")
	var plain bytes.Buffer
	for i := range 200_000 {
		fmt.Fprintln(&plain, i)
	}
	pack := map[string]func() []byte{
		"gzip": func() []byte {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			w.Write(plain.Bytes())
			w.Close()
			return b.Bytes()
		},
		"zstd": func() []byte {
			e, _ := zstd.NewWriter(nil)
			return e.EncodeAll(plain.Bytes(), nil)
		},
		"lz4": func() []byte {
			var b bytes.Buffer
			w := lz4.NewWriter(&b)
			w.Write(plain.Bytes())
			w.Close()
			return b.Bytes()
		},
	}
	check := func(name string, status int, body string) {
		t.Helper()
		if status != 200 {
			t.Errorf("%s: %s", name, body)
		} else if got := s.sql(t, "SELECT count(), max(n) FROM packed"); got != "200000\t199999" {
			t.Errorf("%s: stored %q", name, got)
		}
		s.sql(t, "TRUNCATE TABLE packed")
	}
	for name, f := range pack {
		status, _, body := s.request(t, "POST", url.Values{"query": {"INSERT INTO packed FORMAT CSV"}}, string(f()), http.Header{"Content-Encoding": {name}})
		check(name, status, body)
	}
	for _, m := range []compress.Method{compress.LZ4, compress.ZSTD, compress.None} {
		var b bytes.Buffer
		f := &framesWriter{w: &b, c: compress.NewWriter(compress.LevelZero, m)}
		f.Write(plain.Bytes())
		f.Close()
		status, _, body := s.post(t, url.Values{"query": {"INSERT INTO packed FORMAT CSV"}, "decompress": {"1"}}, b.String())
		check("decompress=1 with "+m.String(), status, body)
	}
	status, head, _ := s.request(t, "POST", url.Values{"query": {"INSERT INTO packed FORMAT CSV"}}, "not gzip", http.Header{"Content-Encoding": {"gzip"}})
	if status == 200 || head.Get("X-ClickHouse-Exception-Code") == "" {
		t.Errorf("garbage as gzip: %d", status)
	}
}

func TestHTTPAnswerEncoding(t *testing.T) {
	s := startServer(t)
	const query = "SELECT number FROM numbers(200000)"
	want := s.sql(t, query)
	for _, coding := range []string{"gzip", "zstd", "lz4", "br", "deflate"} {
		_, head, body := s.request(t, "POST", url.Values{"enable_http_compression": {"1"}}, query, http.Header{"Accept-Encoding": {coding}})
		if head.Get("Content-Encoding") != coding {
			t.Errorf("%s: Content-Encoding %q", coding, head.Get("Content-Encoding"))
			continue
		}
		r, err := decoder(coding, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || strings.TrimSuffix(string(got), "\n") != want {
			t.Errorf("%s: %d bytes, %v; want %d", coding, len(got), err, len(want))
		}
	}
	_, _, body := s.post(t, url.Values{"compress": {"1"}}, query)
	got, err := io.ReadAll(&framesReader{r: compress.NewReader(strings.NewReader(body))})
	if err != nil || strings.TrimSuffix(string(got), "\n") != want {
		t.Errorf("compress=1: %d bytes, %v; want %d", len(got), err, len(want))
	}
}

func TestHTTPSession(t *testing.T) {
	s := startServer(t)
	mine := url.Values{"session_id": {"a"}}
	for _, q := range []string{"SET max_block_size = 55", "CREATE TEMPORARY TABLE tmp (x UInt8)", "INSERT INTO tmp VALUES (1), (2)"} {
		if status, _, body := s.post(t, mine, q); status != 200 {
			t.Fatal(body)
		}
	}
	if _, _, body := s.post(t, mine, "SELECT getSetting('max_block_size'), count() FROM tmp"); body != "55\t2\n" {
		t.Errorf("in the session: %q", body)
	}
	if _, _, body := s.post(t, url.Values{"session_id": {"a"}, "max_block_size": {"66"}}, "SELECT getSetting('max_block_size')"); body != "66\n" {
		t.Errorf("with a setting of its own: %q", body)
	}
	if _, _, body := s.post(t, mine, "SELECT getSetting('max_block_size')"); body != "55\n" {
		t.Errorf("afterwards: %q", body)
	}
	if got := s.sql(t, "SELECT getSetting('max_block_size') = 55"); got != "0" {
		t.Error("the session's setting is seen outside of it")
	}
	for _, query := range []string{"INSERT INTO tmp VALUES (3)", "CREATE TABLE x (a UInt8) ENGINE = Memory", "DROP TABLE tmp"} {
		if _, head, body := s.request(t, "GET", url.Values{"session_id": {"a"}, "query": {query}}, "", nil); head.Get("X-ClickHouse-Exception-Code") != "164" {
			t.Errorf("GET %s in a session: %s", query, body)
		}
	}
	if _, _, body := s.request(t, "GET", url.Values{"session_id": {"a"}, "query": {"SELECT count() FROM tmp"}}, "", nil); body != "2\n" {
		t.Errorf("GET in a session: %q", body)
	}
	if status, _, body := s.post(t, mine, "INSERT INTO tmp VALUES (3)"); status != 200 {
		t.Errorf("POST after GET in a session: %s", body)
	}
	if _, head, _ := s.post(t, url.Values{"session_id": {"b"}, "session_check": {"1"}}, "SELECT 1"); head.Get("X-ClickHouse-Exception-Code") != "372" {
		t.Errorf("session_check of an unknown session: code %q", head.Get("X-ClickHouse-Exception-Code"))
	}
	if _, head, _ := s.post(t, nil, "SET max_block_size = 1"); head.Get("X-ClickHouse-Exception-Code") != "" {
		t.Error("SET without a session is refused")
	}
}

// A body that breaks off must not leave half of an INSERT behind.
func TestHTTPBrokenBody(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE broken (n UInt64) ENGINE = MergeTree ORDER BY n")
	pr, pw := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "POST", "http://"+s.http+"/?query=INSERT+INTO+broken+FORMAT+CSV", pr)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
		}
	}()
	fmt.Fprint(pw, strings.Repeat("1\n", 100_000))
	cancel()
	pw.CloseWithError(io.ErrUnexpectedEOF)
	<-done
	eventually(t, "the insert ends", func() bool {
		return s.sql(t, "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO broken%'") == "0"
	})
	if got := s.sql(t, "SELECT count() FROM broken"); got != "0" {
		t.Errorf("%s rows of a broken insert", got)
	}
}

func TestKillByQueryID(t *testing.T) {
	s := startServer(t)
	done := make(chan string, 1)
	go func() {
		_, head, _ := s.post(t, url.Values{"query_id": {"victim"}}, "SELECT count(), 'cancel me' FROM system.numbers WHERE sipHash64(number) = 1")
		done <- head.Get("X-ClickHouse-Exception-Code")
	}()
	eventually(t, "the query runs", func() bool {
		return s.sql(t, "SELECT count() FROM system.processes WHERE query LIKE '%cancel' || ' me%'") == "1"
	})
	s.sql(t, "KILL QUERY WHERE query_id = 'victim' SYNC")
	if got := <-done; got != "394" {
		t.Errorf("killed query: code %q, want 394", got)
	}
}

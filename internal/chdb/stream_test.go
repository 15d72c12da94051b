package chdb

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// memoryRoom is what a server may gain while it streams ten million rows (600 MB as JSON).
const memoryRoom = 250 << 20

// watchMemory samples the server's memory until stop is called, which returns the highest gain.
func watchMemory(s *testServer) (stop func() int64) {
	base := s.rss()
	var peak atomic.Int64
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				if m := s.rss() - base; m > peak.Load() {
					peak.Store(m)
				}
			}
		}
	}()
	return func() int64 {
		close(quit)
		<-done
		return peak.Load()
	}
}

// Ten million rows go out in flat memory, over both protocols and as one document.
func TestStreamingIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("streams ten million rows seven times")
	}
	s := startServer(t)
	const rows = 10_000_000
	query := fmt.Sprintf("SELECT number AS n, toString(number * 1000003) AS s, n %% 7 AS k FROM numbers(%d)", rows)
	s.sql(t, "SELECT sum(sipHash64(number)) FROM numbers(20000000)") // what the engine takes once for all
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
		c := open(t, o)
		stop := watchMemory(s)
		got, err := c.Query(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for got.Next() {
			n++
		}
		gain := stop()
		if err := got.Err(); err != nil || n != rows {
			t.Errorf("%d rows, %v; want %d", n, err, rows)
		}
		t.Logf("memory grew by %d MiB", gain>>20)
		if gain > memoryRoom {
			t.Errorf("memory grew by %d MiB, more than %d", gain>>20, memoryRoom>>20)
		}
	})
	for _, format := range []string{"JSON", "CSVWithNames", "ArrowStream", "Parquet", "JSONEachRow"} {
		t.Run(format, func(t *testing.T) {
			stop := watchMemory(s)
			res, err := http.Post("http://"+s.http, "text/plain", strings.NewReader(query+" FORMAT "+format))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			n, err := io.Copy(io.Discard, res.Body)
			gain := stop()
			if err != nil || res.StatusCode != 200 || n < rows {
				t.Errorf("%d bytes, status %d, %v", n, res.StatusCode, err)
			}
			t.Logf("%d MiB; memory grew by %d MiB", n>>20, gain>>20)
			room := int64(memoryRoom)
			if format == "Parquet" { // its row groups are a million rows, several at work at once
				room *= 3
			}
			if gain > room {
				t.Errorf("memory grew by %d MiB, more than %d", gain>>20, room>>20)
			}
		})
	}
}

// A large INSERT does not wait in memory for its end.
func TestInsertIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("inserts ten million rows")
	}
	s := startServer(t)
	s.sql(t, "CREATE TABLE sink (n UInt64, s String) ENGINE = Null")
	line := strings.Repeat(`{"n": 12345, "s": "some text of some length"}`+"\n", 10_000)
	pr, pw := io.Pipe()
	go func() {
		for range 1000 {
			if _, err := io.WriteString(pw, line); err != nil {
				return
			}
		}
		pw.Close()
	}()
	stop := watchMemory(s)
	res, err := http.Post("http://"+s.http+"/?"+url.Values{"query": {"INSERT INTO sink FORMAT JSONEachRow"}}.Encode(), "", pr)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	gain := stop()
	if res.StatusCode != 200 || !strings.Contains(res.Header.Get("X-ClickHouse-Summary"), `"written_rows":"10000000"`) {
		t.Errorf("%d %s %s", res.StatusCode, res.Header.Get("X-ClickHouse-Summary"), body)
	}
	t.Logf("memory grew by %d MiB", gain>>20)
	if gain > 2*memoryRoom { // two blocks of a million rows are under way
		t.Errorf("memory grew by %d MiB", gain>>20)
	}
}

// A client hears of a statement that yields nothing for a while.
func TestProgressWhileWaiting(t *testing.T) {
	s := startServer(t)
	c := open(t, s.options(clickhouse.Native))
	var beats, rows uint64
	ctx := clickhouse.Context(t.Context(), clickhouse.WithProgress(func(p *clickhouse.Progress) {
		beats++
		rows += p.Rows
	}))
	const n = 60
	query := fmt.Sprintf("SELECT count() FROM numbers(%d) WHERE sleepEachRow(0.05) = 0 SETTINGS max_block_size = 1", n)
	if got := scalarCtx[uint64](t, ctx, c, query); got != n {
		t.Errorf("count %d", got)
	}
	if beats < 3 || rows != n {
		t.Errorf("%d progress packets told %d rows, want 3 or more and %d", beats, rows, n)
	}
}

// JSON and Dynamic reach clickhouse-go's own types.
func TestJSONColumns(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		c := open(t, o)
		mustExec(t, c, "CREATE OR REPLACE TABLE docs (n UInt64, doc JSON, tail String) ENGINE = MergeTree ORDER BY n")
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"output_format_native_use_flattened_dynamic_and_json_serialization": 1}))
		b, err := c.PrepareBatch(ctx, "INSERT INTO docs")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			doc := clickhouse.NewJSON()
			doc.SetValueAtPath("a.b", int64(i))
			doc.SetValueAtPath("name", fmt.Sprint("row ", i))
			if err := b.Append(uint64(i), doc, "tail"); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Send(); err != nil {
			t.Fatal(err)
		}
		mustExec(t, c, `INSERT INTO docs VALUES (3, '{"a": {"b": 3}, "name": "row 3", "list": [1, "x"]}', 'tail')`)
		rows, err := c.Query(ctx, "SELECT n, doc, tail FROM docs ORDER BY n")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for i := 0; rows.Next(); i++ {
			var n uint64
			var doc clickhouse.JSON
			var tail string
			if err := rows.Scan(&n, &doc, &tail); err != nil {
				t.Fatal(err)
			}
			name, ok := clickhouse.ExtractJSONPathAs[string](&doc, "name")
			if n != uint64(i) || !ok || name != fmt.Sprint("row ", i) || tail != "tail" {
				t.Errorf("row %d came back as %d, %q, %q", i, n, name, tail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
	})
}

// Bad bytes end a client's connection and nothing else.
func TestNativeGarbage(t *testing.T) {
	s := startServer(t)
	rng := rand.New(rand.NewPCG(1, 2))
	good := nativeSession(t)
	for i := range 400 {
		data := bytes.Clone(good)
		switch i % 4 {
		case 0: // noise
			data = make([]byte, rng.IntN(200))
			for j := range data {
				data[j] = byte(rng.Uint32())
			}
		case 1: // a session that breaks off
			data = data[:rng.IntN(len(data))]
		default: // a session with flipped bytes
			for range 1 + rng.IntN(4) {
				data[rng.IntN(len(data))] = byte(rng.Uint32())
			}
		}
		conn, err := net.Dial("tcp", s.native)
		if err != nil {
			t.Fatalf("after %d clients: %v\n%s", i, err, s.stderr)
		}
		_, _ = conn.Write(data)
		_ = conn.(*net.TCPConn).CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("client %d is left hanging: %q", i, data)
		}
		conn.Close()
	}
	if got := s.sql(t, "SELECT 1"); got != "1" {
		t.Errorf("afterwards: %q", got)
	}
}

// nativeSession is what a client sends for a SELECT and an INSERT.
func nativeSession(t testing.TB) []byte {
	var b proto.Buffer
	proto.ClientHello{Name: "test", Major: 1, Minor: 1, ProtocolVersion: serverRevision, Database: "default", User: "default"}.Encode(&b)
	b.PutString("") // addendum
	for _, body := range []string{"SELECT number, toString(number) FROM numbers(5)", "INSERT INTO FUNCTION null('x UInt64, s String') VALUES"} {
		q := proto.Query{ID: "id", Body: body, Stage: proto.StageComplete, Info: proto.ClientInfo{ProtocolVersion: serverRevision, Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial},
			Settings: []proto.Setting{{Key: "max_threads", Value: "1"}}, Parameters: []proto.Parameter{{Key: "p", Value: "'v'"}}}
		q.EncodeAware(&b, serverRevision)
		emptyBlock(&b)
	}
	ids, texts := proto.ColUInt64{1, 2}, new(proto.ColStr)
	texts.Append("a")
	texts.Append("b")
	proto.ClientCodeData.Encode(&b)
	b.PutString("")
	block := proto.Block{Rows: 2, Columns: 2, Info: proto.BlockInfo{BucketNum: -1}}
	if err := block.EncodeBlock(&b, serverRevision, []proto.InputColumn{{Name: "x", Data: ids}, {Name: "s", Data: texts}}); err != nil {
		t.Fatal(err)
	}
	emptyBlock(&b)
	proto.ClientCodePing.Encode(&b)
	return b.Buf
}

func emptyBlock(b *proto.Buffer) {
	proto.ClientCodeData.Encode(b)
	b.PutString("")
	proto.Block{Info: proto.BlockInfo{BucketNum: -1}}.EncodeAware(b, serverRevision)
}

// The recorded session is a good one: a client that sends it hears the pong of its last packet.
func TestNativeSessionBytes(t *testing.T) {
	s := startServer(t)
	conn, err := net.Dial("tcp", s.native)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write(nativeSession(t))
	_ = conn.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(conn)
	if err != nil || len(got) == 0 || got[len(got)-1] != byte(proto.ServerCodePong) {
		t.Errorf("answer %q, %v; want a pong at its end", got, err)
	}
}

func TestHTTPOnTheNativePort(t *testing.T) {
	s := startServer(t)
	res, err := http.Get("http://" + s.native + "/ping")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 400 {
		t.Errorf("status %d, want 400", res.StatusCode)
	}
}

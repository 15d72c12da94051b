package chdb

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// ch-go is a client of its own: it streams blocks both ways and reads every packet strictly.
func TestChGo(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE rows (n UInt64, s LowCardinality(String)) ENGINE = MergeTree ORDER BY n")
	for _, compression := range []ch.Compression{ch.CompressionDisabled, ch.CompressionLZ4, ch.CompressionZSTD} {
		c, err := ch.Dial(t.Context(), ch.Options{Address: s.native, Compression: compression})
		if err != nil {
			t.Fatal(err)
		}
		var n proto.ColUInt64
		text := new(proto.ColStr).LowCardinality()
		blocks := 0
		err = c.Do(t.Context(), ch.Query{Body: "INSERT INTO rows (n, s) VALUES", Input: proto.Input{{Name: "n", Data: &n}, {Name: "s", Data: text}},
			OnInput: func(context.Context) error {
				n.Reset()
				text.Reset()
				if blocks++; blocks > 5 {
					return io.EOF // no further block
				}
				for i := range 1000 {
					n.Append(uint64(i))
					text.Append("text")
				}
				return nil
			}})
		if err != nil {
			t.Fatalf("insert with %v: %v", compression, err)
		}
		var got proto.ColUInt64
		var read, rows uint64
		err = c.Do(t.Context(), ch.Query{Body: "SELECT count() AS c FROM rows WHERE s = {s:String}", Parameters: ch.Parameters(map[string]any{"s": "text"}),
			Result:     proto.Results{{Name: "c", Data: &got}},
			OnProgress: func(_ context.Context, p proto.Progress) error { read += p.Rows; return nil },
			OnProfile:  func(_ context.Context, p proto.Profile) error { rows += p.Rows; return nil }})
		if err != nil || got.Row(0) != 5000 || read != 5000 || rows != 1 {
			t.Errorf("with %v: count %v, %d rows read, %d in the profile, %v", compression, got, read, rows, err)
		}
		err = c.Do(t.Context(), ch.Query{Body: "SELECT * FROM nowhere"})
		if !ch.IsErr(err, proto.ErrUnknownTable) {
			t.Errorf("exception: %v", err)
		}
		c.Close()
		s.sql(t, "TRUNCATE TABLE rows")
	}
}

// A failed INSERT leaves the connection usable, however much the client had still to send.
func TestInsertFailsWhileBlocksAreSent(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE strict (n UInt64, s String, CONSTRAINT small CHECK n < 1000000) ENGINE = MergeTree ORDER BY n")
	o := s.options(clickhouse.Native)
	o.MaxOpenConns = 1
	c := open(t, o)
	for range 3 {
		b, err := c.PrepareBatch(t.Context(), "INSERT INTO strict")
		if err != nil {
			t.Fatal(err)
		}
		for block := range 30 {
			ids, texts := make([]uint64, 100_000), make([]string, 100_000)
			for i := range ids {
				ids[i], texts[i] = uint64(block)*10_000_000, strings.Repeat("x", 20)
			}
			if err = errors.Join(b.Column(0).Append(ids), b.Column(1).Append(texts), b.Flush()); err != nil {
				break
			}
		}
		if err == nil {
			err = b.Send()
		}
		if err == nil {
			t.Error("an insert against the constraint was acknowledged")
		}
		_ = b.Close()
		if got := scalar[uint8](t, c, "SELECT toUInt8(7)"); got != 7 {
			t.Errorf("afterwards: %d", got)
		}
	}
}

// A client that breaks off in the middle of an INSERT leaves no row behind.
func TestNativeBrokenInsert(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE broken (n UInt64) ENGINE = MergeTree ORDER BY n")
	session := nativeInsert(t)
	for _, cut := range []int{len(session) - 1, len(session) - 12, len(session) / 2} { // before the empty block, inside of a block
		conn, err := net.Dial("tcp", s.native)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(session[:cut])
		eventually(t, "the insert runs", func() bool { return inserts(t, s) == "1" })
		conn.Close()
		eventually(t, "the insert ends", func() bool { return inserts(t, s) == "0" })
		if got := s.sql(t, "SELECT count() FROM broken"); got != "0" {
			t.Errorf("cut at %d of %d: %s rows", cut, len(session), got)
		}
	}
	conn, err := net.Dial("tcp", s.native)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write(session)
	eventually(t, "the whole insert is stored", func() bool { return s.sql(t, "SELECT count() FROM broken") == "1000" })
}

func inserts(t testing.TB, s *testServer) string {
	return s.sql(t, "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO broken%'")
}

// nativeInsert is all that a client sends for an INSERT of 1000 rows.
func nativeInsert(t testing.TB) []byte {
	var b proto.Buffer
	proto.ClientHello{Name: "test", ProtocolVersion: serverRevision, User: "default"}.Encode(&b)
	b.PutString("")
	q := proto.Query{Body: "INSERT INTO broken VALUES", Stage: proto.StageComplete, Info: proto.ClientInfo{ProtocolVersion: serverRevision, Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial}}
	q.EncodeAware(&b, serverRevision)
	emptyBlock(&b)
	proto.ClientCodeData.Encode(&b)
	b.PutString("")
	ids := make(proto.ColUInt64, 1000)
	if err := (proto.Block{Rows: 1000, Columns: 1, Info: proto.BlockInfo{BucketNum: -1}}).EncodeBlock(&b, serverRevision, []proto.InputColumn{{Name: "n", Data: &ids}}); err != nil {
		t.Fatal(err)
	}
	emptyBlock(&b)
	return b.Buf
}

// Asynchronous inserts are acknowledged when they are stored: this server has no queue for them.
func TestAsyncInsert(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE later (n UInt64) ENGINE = MergeTree ORDER BY n")
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		s.sql(t, "TRUNCATE TABLE later")
		c := open(t, o)
		waiting := clickhouse.Context(t.Context(), clickhouse.WithAsync(true))
		if err := c.Exec(waiting, "INSERT INTO later VALUES (1)"); err != nil {
			t.Error(err)
		}
		ctx := clickhouse.Context(t.Context(), clickhouse.WithAsync(false))
		if err := c.Exec(ctx, "INSERT INTO later VALUES (2)"); err != nil {
			t.Error(err)
		}
		ctx = clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"async_insert": 1, "wait_for_async_insert": 0}))
		b, err := c.PrepareBatch(ctx, "INSERT INTO later")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(b.Append(uint64(3)), b.Send()); err != nil {
			t.Error(err)
		}
		if status, _, body := s.post(t, url.Values{"async_insert": {"1"}, "wait_for_async_insert": {"0"}, "query": {"INSERT INTO later FORMAT CSV"}}, "4\n"); status != 200 {
			t.Error(body)
		}
		if got := s.sql(t, "SELECT groupArray(n) FROM (SELECT n FROM later ORDER BY n)"); got != "[1,2,3,4]" {
			t.Errorf("stored %s", got)
		}
	})
}

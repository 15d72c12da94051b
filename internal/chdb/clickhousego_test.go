package chdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

func TestBasics(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		c := open(t, o)
		if err := c.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		v, err := c.ServerVersion()
		if err != nil || v.Version.Major != 26 {
			t.Errorf("server version %v, %v", v, err)
		}
		mustExec(t, c, "DROP TABLE IF EXISTS basics")
		mustExec(t, c, "CREATE TABLE basics (id UInt64, name String DEFAULT 'none', tag LowCardinality(String), twice UInt64 MATERIALIZED id * 2) ENGINE = MergeTree ORDER BY id")
		insertRows(t, c, "INSERT INTO basics (id, tag)", 1000, func(i int) []any { return []any{uint64(i), "tag"} })
		mustExec(t, c, "INSERT INTO basics (id, name) VALUES (1000, 'it''s; fine'), (1001, concat('a', 'b'))")
		mustExec(t, c, "INSERT INTO basics SELECT number, 'select', '' FROM numbers(2000, 10)")
		if got := scalar[uint64](t, c, "SELECT count() FROM basics WHERE name = 'none' AND tag = 'tag' AND twice = id * 2"); got != 1000 {
			t.Errorf("count %d, want 1000", got)
		}
		if got := scalar[string](t, c, "SELECT arrayStringConcat(groupArray(name), '|') FROM (SELECT name FROM basics WHERE id IN (1000, 1001) ORDER BY id)"); got != "it's; fine|ab" {
			t.Errorf("inline values came back as %q", got)
		}
		if got := scalar[uint64](t, c, "SELECT count() FROM basics"); got != 1012 {
			t.Errorf("count %d, want 1012", got)
		}
	})
}

func insertRows(t testing.TB, c driver.Conn, query string, n int, row func(int) []any) {
	t.Helper()
	b, err := c.PrepareBatch(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := b.Append(row(i)...); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Send(); err != nil {
		t.Fatal(err)
	}
}

func TestParameters(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		c := open(t, o)
		for _, text := range []string{"", "it's", "tab\tnew\nline\\ \"q\" \x01", "näh 🙂", "{x:String}", "'; DROP TABLE x; --"} {
			if got := scalar[string](t, c, "SELECT {x:String}", clickhouse.Named("x", text)); got != text {
				t.Errorf("parameter %q came back as %q", text, got)
			}
		}
		if got := scalar[uint64](t, c, "SELECT sum(v) FROM (SELECT arrayJoin({list:Array(UInt64)}) AS v) WHERE v > {min:UInt64}",
			clickhouse.Named("list", []uint64{1, 2, 3}), clickhouse.Named("min", 1)); got != 5 {
			t.Errorf("sum %d, want 5", got)
		}
		if got := scalar[string](t, c, "SELECT name FROM system.{table:Identifier} WHERE name = 'one'", clickhouse.Named("table", "tables")); got != "one" {
			t.Errorf("identifier parameter found %q", got)
		}
		ctx := clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters{"at": "2024-02-29 00:00:00"}))
		if got := scalarCtx[time.Time](t, ctx, c, "SELECT {at:DateTime('UTC')}"); got.Day() != 29 {
			t.Errorf("date came back as %v", got)
		}
	})
}

func TestEmptyResultsKeepColumns(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		c := open(t, o)
		asked := " FORMAT JSON" // means the client's own output to the native protocol
		if o.Protocol == clickhouse.HTTP {
			asked = ""
		}
		for _, query := range []string{
			"SELECT number, toString(number) AS s FROM numbers(10) WHERE number > {x:UInt8}",
			"SELECT name, engine FROM system.tables WHERE name = 'nothing{x:UInt8}' SETTINGS max_threads = 1",
			"WITH 1 AS one SELECT one, 2 FROM numbers(0) WHERE {x:UInt8} = 20 LIMIT 1" + asked,
		} {
			rows, err := c.Query(t.Context(), query, clickhouse.Named("x", 20))
			if err != nil {
				t.Fatal(err)
			}
			if got := rows.Columns(); len(got) != 2 {
				t.Errorf("%s: columns %q", query, got)
			}
			if rows.Next() {
				t.Errorf("%s: has rows", query)
			}
			rows.Close()
		}
		rows, err := c.Query(t.Context(), "SHOW TABLES FROM default LIKE 'nothing%'")
		if err != nil {
			t.Fatal(err)
		}
		rows.Close()
	})
}

func exceptionCode(err error) int {
	var native *clickhouse.Exception
	if errors.As(err, &native) {
		return int(native.Code)
	}
	return 0
}

func TestExceptions(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		c := open(t, o)
		mustExec(t, c, "CREATE TABLE IF NOT EXISTS positive (x Int64, CONSTRAINT above CHECK x > 0) ENGINE = MergeTree ORDER BY x")
		for query, want := range map[string]int{
			"SELECT * FROM nowhere":   60,
			"SELEC 1":                 62,
			"SELECT nothing":          47,
			"SELECT 1; SELECT 2":      62,
			"SELECT {missing:String}": 456,
			"SELECT throwIf(number = 3) FROM numbers(5)":                   395,
			"CREATE TABLE positive (x Int8) ENGINE = MergeTree ORDER BY x": 57,
			"SELECT 1 SETTINGS no_such_setting = 1":                        115,
			"INSERT INTO positive VALUES (-1)":                             469,
			"SELECT * FROM file('/etc/passwd', 'LineAsString')":            497,
		} {
			err := c.Exec(t.Context(), query)
			if got := exceptionCode(err); got != want {
				t.Errorf("%s: code %d, want %d: %v", query, got, want, err)
			}
		}
		b, err := c.PrepareBatch(t.Context(), "INSERT INTO positive")
		if err != nil {
			t.Fatal(err)
		}
		_ = b.Append(int64(-1))
		if err := b.Send(); exceptionCode(err) != 469 {
			t.Errorf("batch against a constraint: %v, want code 469", err)
		}
		if got := scalar[uint64](t, c, "SELECT count() FROM positive"); got != 0 {
			t.Errorf("%d rows after refused inserts", got)
		}
		_, err = c.PrepareBatch(t.Context(), "INSERT INTO nowhere")
		if exceptionCode(err) != 60 {
			t.Errorf("batch into nowhere: %v, want code 60", err)
		}
	})
}

// An error in the middle of a result reaches the client after rows have.
func TestExceptionMidStream(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		c := open(t, o)
		rows, err := c.Query(t.Context(), "SELECT number, throwIf(number = 3000000) FROM numbers(10000000) SETTINGS max_block_size = 65536, max_threads = 1")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			n++
		}
		if err := rows.Err(); err == nil || !strings.Contains(err.Error(), "395") && !strings.Contains(err.Error(), "throwIf") {
			t.Errorf("after %d rows: error %v, want code 395", n, err)
		}
		if n == 0 {
			t.Error("no rows before the error")
		}
		rows.Close()
		if err := c.Ping(t.Context()); err != nil {
			t.Errorf("ping afterwards: %v", err)
		}
	})
}

func TestSettingsDoNotLeak(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		o.MaxOpenConns = 1
		o.Settings = clickhouse.Settings{"max_block_size": 1000}
		c := open(t, o)
		base := scalar[uint64](t, c, "SELECT toUInt64(getSetting('max_threads'))")
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_threads": base + 5, "max_result_rows": 10, "final": true}))
		if got := scalarCtx[uint64](t, ctx, c, "SELECT toUInt64(getSetting('max_threads'))"); got != base+5 {
			t.Errorf("own setting %d, want %d", got, base+5)
		}
		if err := c.Exec(ctx, "SELECT number FROM numbers(100)"); exceptionCode(err) != 396 {
			t.Errorf("max_result_rows: %v, want code 396", err)
		}
		if got := scalar[uint64](t, c, "SELECT toUInt64(getSetting('max_threads'))"); got != base {
			t.Errorf("the next query has max_threads %d, want %d", got, base)
		}
		if got := scalar[uint64](t, c, "SELECT toUInt64(getSetting('max_block_size'))"); got != 1000 {
			t.Errorf("the connection's setting %d, want 1000", got)
		}
		if got := scalar[uint64](t, c, "SELECT toUInt64(getSetting('max_threads')) SETTINGS max_threads = 7"); got != 7 {
			t.Errorf("SETTINGS clause %d, want 7", got)
		}
		if got := scalar[uint64](t, c, "SELECT toUInt64(getSetting('max_threads'))"); got != base {
			t.Errorf("after a SETTINGS clause max_threads is %d, want %d", got, base)
		}
	})
}

// SET and temporary tables hold for a native connection, as in ClickHouse, and for no other.
func TestNativeSession(t *testing.T) {
	s := startServer(t)
	o := s.options(clickhouse.Native)
	o.MaxOpenConns = 1
	c, other := open(t, o), open(t, s.options(clickhouse.Native))
	mustExec(t, c, "CREATE DATABASE side")
	base := scalar[uint64](t, c, "SELECT toUInt64(getSetting('max_threads'))")
	mustExec(t, c, "SET max_threads = 11")
	mustExec(t, c, "CREATE TEMPORARY TABLE mine (x UInt8)")
	insertRows(t, c, "INSERT INTO mine", 3, func(i int) []any { return []any{uint8(i)} })
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_threads": 3}))
	if got := scalarCtx[uint64](t, ctx, c, "SELECT toUInt64(getSetting('max_threads'))"); got != 3 {
		t.Errorf("the query's own setting %d, want 3", got)
	}
	if got := scalar[uint64](t, c, "SELECT toUInt64(getSetting('max_threads'))"); got != 11 {
		t.Errorf("the session's setting %d, want 11", got)
	}
	if got := scalar[uint64](t, c, "SELECT count() FROM mine"); got != 3 {
		t.Errorf("temporary table has %d rows, want 3", got)
	}
	mustExec(t, c, "USE side")
	if got := scalar[string](t, c, "SELECT currentDatabase()"); got != "side" {
		t.Errorf("database %q, want side", got)
	}
	if got := scalar[uint64](t, other, "SELECT toUInt64(getSetting('max_threads'))"); got != base {
		t.Errorf("another client has max_threads %d, want %d", got, base)
	}
	if err := other.Exec(t.Context(), "SELECT * FROM mine"); exceptionCode(err) != 60 {
		t.Errorf("another client sees the temporary table: %v", err)
	}
}

func TestDatabaseOfTheConnection(t *testing.T) {
	s := startServer(t)
	mustExec(t, open(t, s.options(clickhouse.Native)), "CREATE DATABASE side")
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		o.Auth.Database = "side"
		c := open(t, o)
		mustExec(t, c, "CREATE TABLE IF NOT EXISTS here (x UInt8) ENGINE = MergeTree ORDER BY x")
		insertRows(t, c, "INSERT INTO here", 1, func(i int) []any { return []any{uint8(i)} })
		if got := scalar[string](t, c, "SELECT database FROM system.tables WHERE name = 'here'"); got != "side" {
			t.Errorf("table is in %q, want side", got)
		}
		o.Auth.Database = "nowhere"
		if err := open(t, o).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "81") && !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("a database that does not exist: %v", err)
		}
	})
}

func TestCompression(t *testing.T) {
	s := startServer(t)
	methods := map[clickhouse.Protocol][]clickhouse.CompressionMethod{
		clickhouse.Native: {clickhouse.CompressionNone, clickhouse.CompressionLZ4, clickhouse.CompressionLZ4HC, clickhouse.CompressionZSTD},
		clickhouse.HTTP: {clickhouse.CompressionNone, clickhouse.CompressionLZ4, clickhouse.CompressionZSTD, clickhouse.CompressionGZIP,
			clickhouse.CompressionDeflate, clickhouse.CompressionBrotli},
	}
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		for _, m := range methods[o.Protocol] {
			t.Run(m.String(), func(t *testing.T) {
				o.Compression = &clickhouse.Compression{Method: m, Level: 3}
				c := open(t, o)
				mustExec(t, c, "CREATE OR REPLACE TABLE packed (id UInt64, text String) ENGINE = MergeTree ORDER BY id")
				const rows = 200_000
				insertRows(t, c, "INSERT INTO packed", rows, func(i int) []any { return []any{uint64(i), fmt.Sprint("row ", i)} })
				got, err := c.Query(t.Context(), "SELECT id, text FROM packed ORDER BY id")
				if err != nil {
					t.Fatal(err)
				}
				n := uint64(0)
				for got.Next() {
					var id uint64
					var text string
					if err := got.Scan(&id, &text); err != nil {
						t.Fatal(err)
					}
					if id != n || text != fmt.Sprint("row ", n) {
						t.Fatalf("row %d came back as %d, %q", n, id, text)
					}
					n++
				}
				if err := got.Err(); err != nil || n != rows {
					t.Errorf("%d rows, %v; want %d", n, err, rows)
				}
			})
		}
		for method, want := range map[string]byte{"LZ4": 0x82, "ZSTD": 0x90} {
			_ = want
			o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
			ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"network_compression_method": method}))
			if got := scalarCtx[uint64](t, ctx, open(t, o), "SELECT sum(number) FROM numbers(10)"); got != 45 {
				t.Errorf("%s: sum %d", method, got)
			}
		}
	})
}

// Columns are appended whole, and one batch is sent as several blocks.
func TestColumnarBatches(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
		c := open(t, o)
		mustExec(t, c, "CREATE OR REPLACE TABLE columnar (id UInt64, text String, tag LowCardinality(String)) ENGINE = MergeTree ORDER BY id")
		b, err := c.PrepareBatch(t.Context(), "INSERT INTO columnar")
		if err != nil {
			t.Fatal(err)
		}
		const blocks, each = 3, 300_000
		for k := range blocks {
			ids, texts, tags := make([]uint64, each), make([]string, each), make([]string, each)
			for i := range ids {
				ids[i], texts[i], tags[i] = uint64(k*each+i), "text", "tag"
			}
			for i, column := range []any{ids, texts, tags} {
				if err := b.Column(i).Append(column); err != nil {
					t.Fatal(err)
				}
			}
			if o.Protocol == clickhouse.Native {
				if err := b.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := b.Send(); err != nil {
			t.Fatal(err)
		}
		if got := scalar[uint64](t, c, "SELECT sum(id) FROM columnar"); got != uint64(blocks*each)*(blocks*each-1)/2 {
			t.Errorf("sum of ids %d", got)
		}
	})
}

// A block of a million rows becomes one part: deduplication tokens count on it.
func TestLargeBlockIsOnePart(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		c := open(t, o)
		mustExec(t, c, "CREATE OR REPLACE TABLE large (id UInt64, text String) ENGINE = MergeTree ORDER BY id")
		mustExec(t, c, "SYSTEM STOP MERGES large")
		b, err := c.PrepareBatch(t.Context(), "INSERT INTO large")
		if err != nil {
			t.Fatal(err)
		}
		const rows = 1_000_000
		ids, texts := make([]uint64, rows), make([]string, rows)
		for i := range ids {
			ids[i], texts[i] = uint64(i), strings.Repeat("x", 300)
		}
		if err := errors.Join(b.Column(0).Append(ids), b.Column(1).Append(texts)); err != nil {
			t.Fatal(err)
		}
		if err := b.Send(); err != nil {
			t.Fatal(err)
		}
		if got := scalar[string](t, c, "SELECT toString(groupArray(rows)) FROM system.parts WHERE table = 'large' AND active"); got != "[1000000]" {
			t.Errorf("parts of %s rows, want one of 1000000", got)
		}
	})
}

func TestDeduplicationToken(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		c := open(t, o)
		for _, q := range []string{
			"DROP TABLE IF EXISTS totals_mv", "DROP TABLE IF EXISTS totals", "DROP TABLE IF EXISTS raw",
			"CREATE TABLE raw (month UInt8, user UInt64) ENGINE = MergeTree PARTITION BY month ORDER BY user SETTINGS non_replicated_deduplication_window = 1000",
			"CREATE TABLE totals (month UInt8, users AggregateFunction(uniq, UInt64), n SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY month SETTINGS non_replicated_deduplication_window = 1000",
			"CREATE MATERIALIZED VIEW totals_mv TO totals AS SELECT month, uniqState(user) AS users, count() AS n FROM raw GROUP BY month",
		} {
			mustExec(t, c, q)
		}
		send := func(token string, rows int) {
			ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
				"insert_deduplication_token": token, "deduplicate_blocks_in_dependent_materialized_views": 1}))
			b, err := c.PrepareBatch(ctx, "INSERT INTO raw")
			if err != nil {
				t.Fatal(err)
			}
			for i := range rows {
				_ = b.Append(uint8(i%2), uint64(i))
			}
			if err := b.Send(); err != nil {
				t.Fatal(err)
			}
		}
		for _, token := range []string{"events/0/0-999", "events/0/0-999", "events/0/1000-1999", "events/0/0-999"} {
			send(token, 1000)
		}
		if got := scalar[uint64](t, c, "SELECT count() FROM raw"); got != 2000 {
			t.Errorf("raw has %d rows, want 2000", got)
		}
		if got := scalar[uint64](t, c, "SELECT sum(n) FROM totals"); got != 2000 {
			t.Errorf("the view counted %d rows, want 2000", got)
		}
	})
}

func TestConcurrentQueries(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		o.MaxOpenConns, o.MaxIdleConns = 20, 20
		c := open(t, o)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				for range 5 {
					var got uint64
					ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_result_rows": 1000 + i}))
					if err := c.QueryRow(ctx, "SELECT toUInt64(getSetting('max_result_rows') + sum(number) - sum(number)) FROM numbers(3000000)").Scan(&got); err != nil {
						t.Error(err)
					} else if got != uint64(1000+i) {
						t.Errorf("query %d saw the setting of another: %d", i, got)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestTooManyQueries(t *testing.T) {
	s := startServer(t, func(c *childConfig) { c.MaxQueries = 1 })
	c := open(t, s.options(clickhouse.Native))
	ctx, cancel := context.WithCancel(t.Context())
	rows, err := c.Query(ctx, "SELECT sleepEachRow(0.05) FROM numbers(1000) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0")
	if err != nil {
		t.Fatal(err)
	}
	rows.Next()
	defer rows.Close()
	defer cancel()
	if err := c.Exec(t.Context(), "SELECT 1"); exceptionCode(err) != codeTooManyQueries {
		t.Errorf("a second query: %v, want code %d", err, codeTooManyQueries)
	}
}

// A client that leaves ends its query.
func TestCancel(t *testing.T) {
	s := startServer(t)
	watch := open(t, s.options(clickhouse.Native))
	queries := map[string]string{
		"streaming":   "SELECT number, 'cancel me' FROM system.numbers",
		"aggregating": "SELECT count(), 'cancel me' FROM system.numbers WHERE sipHash64(number) = 1",
	}
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		for name, query := range queries {
			t.Run(name, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() {
					c, err := clickhouse.Open(o)
					if err != nil {
						done <- err
						return
					}
					defer c.Close()
					rows, err := c.Query(ctx, query)
					if err == nil {
						for rows.Next() {
						}
						err = rows.Err()
						rows.Close()
					}
					done <- err
				}()
				eventually(t, "the query runs", func() bool { return running(t, watch) == 1 })
				cancel()
				start := time.Now()
				eventually(t, "the query ends", func() bool { return running(t, watch) == 0 })
				t.Logf("ended after %v", time.Since(start))
				if err := <-done; err == nil {
					t.Error("the client saw no error")
				}
			})
		}
	})
}

func running(t testing.TB, c driver.Conn) uint64 {
	return scalar[uint64](t, c, "SELECT count() FROM system.processes WHERE query LIKE '%cancel me%' AND query NOT LIKE '%processes%'")
}

// eventually polls a condition of the server for at most ten seconds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
		<-tick.C
	}
}

func TestMaxExecutionTime(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_execution_time": 1}))
		err := open(t, o).QueryRow(ctx, "SELECT count() FROM system.numbers WHERE sipHash64(number) = 1").Err()
		if got := exceptionCode(err); got != 159 {
			t.Errorf("code %d, want 159: %v", got, err)
		}
	})
}

func TestProgressAndProfile(t *testing.T) {
	s := startServer(t)
	c := open(t, s.options(clickhouse.Native))
	var read, wrote, rows uint64
	ctx := clickhouse.Context(t.Context(),
		clickhouse.WithProgress(func(p *clickhouse.Progress) { read += p.Rows; wrote += p.WroteRows }),
		clickhouse.WithProfileInfo(func(p *clickhouse.ProfileInfo) { rows = p.Rows }))
	got, err := c.Query(ctx, "SELECT number FROM numbers(300000)")
	if err != nil {
		t.Fatal(err)
	}
	for got.Next() {
	}
	if read != 300_000 || rows != 300_000 {
		t.Errorf("progress told %d rows read, the profile %d; want 300000", read, rows)
	}
	mustExec(t, c, "CREATE TABLE written (x UInt64) ENGINE = MergeTree ORDER BY x")
	if err := c.Exec(ctx, "INSERT INTO written SELECT number FROM numbers(1000)"); err != nil || wrote != 1000 {
		t.Errorf("progress told %d rows written, %v; want 1000", wrote, err)
	}
}

func TestExternalTables(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		table, err := clickhouseTable("wanted", 5)
		if err != nil {
			t.Fatal(err)
		}
		ctx := clickhouse.Context(t.Context(), clickhouse.WithExternalTable(table))
		if got := scalarCtx[uint64](t, ctx, open(t, o), "SELECT count() FROM numbers(100) WHERE number IN (SELECT id FROM wanted)"); got != 5 {
			t.Errorf("count %d, want 5", got)
		}
	})
}

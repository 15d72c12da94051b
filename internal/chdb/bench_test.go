package chdb

import (
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

const benchTable = "CREATE OR REPLACE TABLE bench (at DateTime64(3), user UInt64, type LowCardinality(String), page String, amount Float64, country LowCardinality(String)) ENGINE = MergeTree ORDER BY (type, user, at)"

// benchColumns are a million rows of some 60 bytes.
func benchColumns(rows int) []any {
	at, user, kind := make([]time.Time, rows), make([]uint64, rows), make([]string, rows)
	page, amount, country := make([]string, rows), make([]float64, rows), make([]string, rows)
	for i := range rows {
		at[i] = time.UnixMilli(1700000000000 + int64(i)*7)
		user[i] = uint64(i) * 2654435761 % 100_000
		kind[i] = []string{"page_view", "product_view", "add_to_cart", "purchase"}[i%4]
		page[i] = fmt.Sprint("/products/", i%5000)
		amount[i] = float64(i%1000) / 7
		country[i] = []string{"DE", "FR", "US", "IN", "BR"}[i%5]
	}
	return []any{at, user, kind, page, amount, country}
}

// BenchmarkInsert compares a client's native block of a million rows with the engine's own copy of the same rows.
func BenchmarkInsert(b *testing.B) {
	const rows = 1_000_000
	s := startServer(b)
	columns := benchColumns(rows)
	for _, m := range []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionLZ4} {
		o := s.options(clickhouse.Native)
		o.Compression = &clickhouse.Compression{Method: m}
		c := open(b, o)
		b.Run("native/"+m.String(), func(b *testing.B) {
			mustExec(b, c, benchTable)
			cpu := s.cpu()
			for b.Loop() {
				batch, err := c.PrepareBatch(b.Context(), "INSERT INTO bench")
				if err != nil {
					b.Fatal(err)
				}
				for i, column := range columns {
					err = errors.Join(err, batch.Column(i).Append(column))
				}
				if err = errors.Join(err, batch.Send()); err != nil {
					b.Fatal(err)
				}
			}
			report(b, rows, s, cpu)
		})
	}
	c := open(b, s.options(clickhouse.Native))
	mustExec(b, c, "CREATE OR REPLACE TABLE source AS bench ENGINE = Memory")
	batch, err := c.PrepareBatch(b.Context(), "INSERT INTO source")
	for i, column := range columns {
		err = errors.Join(err, batch.Column(i).Append(column))
	}
	if err = errors.Join(err, batch.Send()); err != nil {
		b.Fatal(err)
	}
	b.Run("ready-block", func(b *testing.B) { // without the client's work
		_, _, block := s.post(b, url.Values{"max_block_size": {"1000000"}}, "SELECT * FROM source FORMAT Native")
		mustExec(b, c, benchTable)
		cpu := s.cpu()
		for b.Loop() {
			if status, _, body := s.post(b, url.Values{"query": {"INSERT INTO bench FORMAT Native"}}, block); status != 200 {
				b.Fatal(body)
			}
		}
		report(b, rows, s, cpu)
	})
	b.Run("insert-select", func(b *testing.B) {
		mustExec(b, c, benchTable)
		cpu := s.cpu()
		for b.Loop() {
			mustExec(b, c, "INSERT INTO bench SELECT * FROM source SETTINGS min_insert_block_size_rows = 1000000, min_insert_block_size_bytes = 0")
		}
		report(b, rows, s, cpu)
	})
}

// BenchmarkSelect reads ten million rows.
func BenchmarkSelect(b *testing.B) {
	const rows = 10_000_000
	s := startServer(b)
	query := fmt.Sprintf("SELECT number, toString(number) AS s FROM numbers(%d)", rows)
	for _, p := range []clickhouse.Protocol{clickhouse.Native, clickhouse.HTTP} {
		c := open(b, s.options(p))
		b.Run(p.String(), func(b *testing.B) {
			cpu := s.cpu()
			for b.Loop() {
				got, err := c.Query(b.Context(), query)
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for got.Next() {
					n++
				}
				if err := got.Err(); err != nil || n != rows {
					b.Fatalf("%d rows, %v", n, err)
				}
			}
			report(b, rows, s, cpu)
		})
	}
	c := open(b, s.options(clickhouse.Native))
	b.Run("engine-alone", func(b *testing.B) {
		cpu := s.cpu()
		for b.Loop() {
			mustExec(b, c, query+" FORMAT Null SETTINGS max_threads = 2")
		}
		report(b, rows, s, cpu)
	})
}

// BenchmarkPoint is the cost of a query that does nothing: a connection of the engine, its settings, parse and run.
func BenchmarkPoint(b *testing.B) {
	s := startServer(b)
	for _, p := range []clickhouse.Protocol{clickhouse.Native, clickhouse.HTTP} {
		c := open(b, s.options(p))
		b.Run(p.String(), func(b *testing.B) {
			for b.Loop() {
				if err := c.Exec(b.Context(), "SELECT 1"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// report tells rate, the server's memory, and the server's CPU time per row, which other load on the machine leaves alone.
func report(b *testing.B, rows int, s *testServer, cpu time.Duration) {
	b.ReportMetric(float64((s.cpu()-cpu).Nanoseconds())/float64(rows)/float64(b.N), "server-cpu-ns/row")
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(s.rss()>>20), "MiB-server")
}

// BenchmarkSmallInsert is the cost of an INSERT of one row, with its acknowledgement.
func BenchmarkSmallInsert(b *testing.B) {
	s := startServer(b)
	c := open(b, s.options(clickhouse.Native))
	mustExec(b, c, "CREATE TABLE small (n UInt64) ENGINE = MergeTree ORDER BY n")
	cpu := s.cpu()
	for b.Loop() {
		mustExec(b, c, "INSERT INTO small VALUES (1)")
	}
	b.ReportMetric(float64((s.cpu()-cpu).Microseconds())/float64(b.N), "server-cpu-µs/op")
}

package chdb

import (
	"fmt"
	"math/big"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// typeCases are values as clickhouse-go takes and returns them.
func typeCases() []struct {
	typeName string
	value    any
} {
	at := time.Date(2024, 2, 29, 23, 59, 58, 123000000, time.UTC)
	text := "näh"
	return []struct {
		typeName string
		value    any
	}{
		{"UInt8", uint8(200)}, {"Int16", int16(-7)}, {"UInt32", uint32(1 << 31)}, {"Int64", int64(-1 << 60)},
		{"Float32", float32(1.5)}, {"Float64", 2.25}, {"Bool", true},
		{"UInt128", *big.NewInt(1 << 60)}, {"Int256", *big.NewInt(-5)},
		{"String", "it's\x00a\ntest"}, {"String", ""}, {"FixedString(4)", "abcd"},
		{"Date", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)}, {"Date32", time.Date(1960, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"DateTime('UTC')", at.Truncate(time.Second)}, {"DateTime64(3, 'UTC')", at}, {"DateTime64(6, 'Asia/Kolkata')", at},
		{"UUID", uuid.MustParse("7b0b1b1e-6d69-4c6c-8261-636500000001")},
		{"IPv4", net.ParseIP("10.1.2.3").To4()}, {"IPv6", net.ParseIP("2001:db8::1")},
		{"Decimal(18, 6)", decimal.RequireFromString("-123.456789")}, {"Decimal(38, 10)", decimal.RequireFromString("1.5")},
		{"Enum8('a' = 1, 'b' = -2)", "b"}, {"Enum16('x, (y' = 1000)", "x, (y"},
		{"Nullable(String)", &text}, {"Nullable(String)", (*string)(nil)}, {"Nullable(UInt8)", (*uint8)(nil)},
		{"LowCardinality(String)", "low"}, {"LowCardinality(Nullable(String))", &text}, {"LowCardinality(Nullable(String))", (*string)(nil)},
		{"Array(UInt32)", []uint32{1, 2, 3}}, {"Array(UInt32)", []uint32{}}, {"Array(Array(String))", [][]string{{"a", ""}, {}, {"b"}}},
		{"Array(LowCardinality(String))", []string{"x", "y", "x"}}, {"Array(LowCardinality(String))", []string{}},
		{"Array(Nullable(Int8))", []*int8{nil}},
		{"Map(String, UInt64)", map[string]uint64{"a": 1, "b": 2}}, {"Map(LowCardinality(String), Array(String))", map[string][]string{"k": {"v", "w"}}},
		{"Tuple(String, UInt8)", []any{"t", uint8(3)}}, {"Tuple(a String, bc Array(LowCardinality(String)))", map[string]any{"a": "x", "bc": []string{"y"}}},
		{"Point", nil}, {"SimpleAggregateFunction(sum, UInt64)", uint64(5)},
	}
}

func TestTypesRoundTrip(t *testing.T) {
	s := startServer(t)
	bothProtocols(t, s, func(t *testing.T, o *clickhouse.Options) {
		o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
		c := open(t, o)
		for i, tc := range typeCases() {
			if tc.value == nil {
				continue
			}
			t.Run(fmt.Sprintf("%s_%d", tc.typeName, i), func(t *testing.T) {
				mustExec(t, c, "DROP TABLE IF EXISTS types")
				mustExec(t, c, "CREATE TABLE types (n UInt64, v "+tc.typeName+", e UInt8) ENGINE = MergeTree ORDER BY n")
				b, err := c.PrepareBatch(t.Context(), "INSERT INTO types")
				if err != nil {
					t.Fatal(err)
				}
				for n := range uint64(3) {
					if err := b.Append(n, tc.value, uint8(9)); err != nil {
						t.Fatal(err)
					}
				}
				if err := b.Send(); err != nil {
					t.Fatal(err)
				}
				rows, err := c.Query(t.Context(), "SELECT v, e, n FROM types ORDER BY n")
				if err != nil {
					t.Fatal(err)
				}
				defer rows.Close()
				count := uint64(0)
				for rows.Next() {
					got := reflect.New(rows.ColumnTypes()[0].ScanType())
					var e uint8
					var n uint64
					if err := rows.Scan(got.Interface(), &e, &n); err != nil {
						t.Fatal(err)
					}
					if e != 9 || n != count {
						t.Errorf("neighbours came back as %d, %d in row %d", e, n, count)
					}
					if text, want := show(got.Elem().Interface()), show(tc.value); text != want {
						t.Errorf("got %s, want %s", text, want)
					}
					count++
				}
				if err := rows.Err(); err != nil {
					t.Fatal(err)
				}
				if count != 3 {
					t.Errorf("%d rows, want 3", count)
				}
			})
		}
	})
}

// show renders a value without the difference between a value and a pointer to it.
func show(v any) string {
	r := reflect.ValueOf(v)
	for r.IsValid() && r.Kind() == reflect.Pointer {
		if r.IsNil() {
			return "<nil>"
		}
		if b, ok := r.Interface().(*big.Int); ok {
			return b.String()
		}
		r = r.Elem()
	}
	if !r.IsValid() {
		return "<nil>"
	}
	switch v := r.Interface().(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case big.Int:
		return v.String()
	case net.IP:
		return v.String()
	case fmt.Stringer:
		return v.String()
	}
	if r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Pointer {
		out := "["
		for i := range r.Len() {
			out += show(r.Index(i).Interface()) + " "
		}
		return out + "]"
	}
	return fmt.Sprintf("%v", r.Interface())
}

package replay

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// parquetFile writes a file of two rows with every type that matters; the
// second row lacks what may be lacking.
func parquetFile(t *testing.T) []byte {
	t.Helper()
	at := time.Date(2024, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	dictionary := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "user_id", Type: arrow.BinaryTypes.String},
		{Name: "event", Type: dictionary},
		{Name: "timestamp", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
		{Name: "amount", Type: &arrow.Decimal128Type{Precision: 18, Scale: 2}, Nullable: true},
		{Name: "count", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "small", Type: arrow.PrimitiveTypes.Uint8, Nullable: true},
		{Name: "ratio", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "flag", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
		{Name: "local", Type: &arrow.TimestampType{Unit: arrow.Millisecond}, Nullable: true},
		{Name: "code", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues([]string{"u1", "u2"}, nil)
	for range 2 {
		if err := b.Field(1).(*array.BinaryDictionaryBuilder).AppendString("purchase"); err != nil {
			t.Fatal(err)
		}
	}
	b.Field(2).(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{arrow.Timestamp(at.UnixMicro()), arrow.Timestamp(at.Add(time.Hour).UnixMicro())}, nil)
	b.Field(3).(*array.Decimal128Builder).Append(decimal128.FromI64(123456789012345678))
	b.Field(4).(*array.Int64Builder).Append(9007199254740993)
	b.Field(5).(*array.Uint8Builder).Append(255)
	b.Field(6).(*array.Float64Builder).Append(0.1)
	b.Field(7).(*array.BooleanBuilder).Append(true)
	b.Field(8).(*array.Date32Builder).Append(arrow.Date32FromTime(at))
	b.Field(9).(*array.TimestampBuilder).Append(arrow.Timestamp(at.UnixMilli()))
	b.Field(10).(*array.StringBuilder).Append("00042")
	tags := b.Field(11).(*array.ListBuilder)
	tags.Append(true)
	tags.ValueBuilder().(*array.StringBuilder).AppendValues([]string{"a", `"b"`}, nil)
	for i := 3; i <= 11; i++ {
		b.Field(i).AppendNull()
	}
	record := b.NewRecord()
	defer record.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out,
		parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy)), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestParquetTypes(t *testing.T) {
	content := parquetFile(t)
	want := []string{
		`"type":"purchase","user_id":"u1","timestamp":"2024-01-02T03:04:05.678Z","properties":{"amount":1234567890123456.78,"count":9007199254740993,"small":255,"ratio":0.1,"flag":true,"day":"2024-01-02","local":"2024-01-02T03:04:05.678","code":"00042","tags":["a","\"b\""]}}`,
		`"type":"purchase","user_id":"u2","timestamp":"2024-01-02T04:04:05.678Z"}`,
	}
	for name, packed := range map[string][]byte{
		"a.parquet": content, "by-content": content, "a.parquet.gz": gzipped(t, content), "a.parquet.zst": zstandard(t, content),
	} {
		t.Run(name, func(t *testing.T) {
			check(t, replayFiles(t, DefaultConfig(), write(t, name, packed)), want)
		})
	}
	t.Run("stdin", func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.Stdin = bytes.NewReader(content)
		check(t, replayFiles(t, cfg, "-"), want)
	})
}

func TestParquetLocalTimesFollowTheZone(t *testing.T) {
	for column, want := range map[string]string{"local": "2024-01-01T21:34:05.678Z", "day": "2024-01-01T18:30:00.000Z", "timestamp": "2024-01-02T03:04:05.678Z"} {
		cfg := DefaultConfig()
		cfg.Zone, cfg.Limit = zone(t, "Asia/Kolkata"), 1
		cfg.Map = assignments(t, "timestamp="+column)
		check(t, replayFiles(t, cfg, write(t, "a.parquet", parquetFile(t))), []string{`"type":"purchase","user_id":"u1","timestamp":"` + want + `"}`})
	}
}

func TestParquetRowsAreNumbered(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Map = assignments(t, "timestamp=day,type=code")
	got := replayFiles(t, cfg, write(t, "a.parquet", parquetFile(t)))
	if got.err != nil || len(got.bad) != 1 || !strings.Contains(got.bad[0].Error(), "a.parquet: row 2: there is no time") {
		t.Fatalf("got %v, %v", got.err, got.bad)
	}
}

func TestParquetUnknownColumn(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Map = assignments(t, "user_id=usr_id")
	got := replayFiles(t, cfg, write(t, "a.parquet", parquetFile(t)))
	if got.err == nil || !strings.Contains(got.err.Error(), `did you mean "user_id"?`) {
		t.Errorf("got %v", got.err)
	}
}

func TestParquetBrokenAnywhereIsAnError(t *testing.T) {
	content := parquetFile(t)
	for cut := 0; cut < len(content); cut += 97 {
		got := replayFiles(t, DefaultConfig(), write(t, "a.parquet", content[:cut]))
		if got.err == nil {
			t.Errorf("the first %d of %d bytes were accepted", cut, len(content))
		}
	}
}

package chdb

import (
	"bufio"
	"bytes"
	"io"
	"net/url"
	"strings"
	"testing"
)

// transcode walks a document from one revision to another, from memory or through a small reader.
func transcode(data []byte, revIn, revOut uint64, viaReader bool) ([]byte, error) {
	w := newBlockWalker(revIn, revOut)
	var out []byte
	w.out = func(b []byte) error {
		out = append(out, b...)
		return nil
	}
	br := bufio.NewReaderSize(bytes.NewReader(data), 16)
	if viaReader {
		w.setReader(br)
	} else {
		w.setMemory(data)
	}
	for {
		if viaReader {
			if _, err := br.Peek(1); err == io.EOF {
				return out, nil
			}
		}
		if _, err := w.block(); err == io.EOF {
			return out, nil
		} else if err != nil {
			return out, err
		}
	}
}

// blockQueries cover every way in which a type can lie in a block.
var blockQueries = []string{
	"SELECT number, toString(number), repeat('x', number % 300) FROM numbers(1000)",
	"SELECT CAST(number % 7, 'LowCardinality(String)') a, CAST(if(number % 2 = 0, NULL, 'q'), 'LowCardinality(Nullable(String))') b FROM numbers(1000)",
	"SELECT range(number % 5), arrayMap(x -> toString(x), range(number % 3)), [[number], []], CAST([], 'Array(LowCardinality(String))') FROM numbers(100)",
	"SELECT map('a', number, 'b', 2), CAST(map('k', ['v']), 'Map(LowCardinality(String), Array(String))'), CAST(map(), 'Map(String, UInt8)') FROM numbers(10)",
	"SELECT (1, 'a', [NULL, 3]), tuple(), CAST((1, 'x'), 'Tuple(a UInt8, `b c` LowCardinality(String))'), NULL FROM numbers(3)",
	"SELECT number::Decimal(9,2), number::Decimal(18,2), number::Decimal(38,2), number::Decimal(76,2), toUUID('7b0b1b1e-6d69-4c6c-8261-636500000001'), toIPv4('1.2.3.4'), toIPv6('::1') FROM numbers(3)",
	"SELECT toDate('2024-01-01'), toDate32('2024-01-01'), now(), now64(9, 'Asia/Kolkata'), toIntervalDay(1), CAST('a', 'Enum8(\\'a\\' = 1, \\'b,)\\' = 2)'), toFixedString('abc', 5), true FROM numbers(3)",
	"SELECT (1., 2.)::Point, [(1., 2.)]::Ring, [[(1., 2.)]]::Polygon, [[[(1., 2.)]]]::MultiPolygon, [(1., 2.)]::LineString, [[(1., 2.)]]::MultiLineString",
	"SELECT multiIf(number % 4 = 0, 1::Variant(UInt64, String, Array(UInt8)), number % 4 = 1, 'x'::Variant(UInt64, String, Array(UInt8)), number % 4 = 2, [1,2]::Variant(UInt64, String, Array(UInt8)), NULL) FROM numbers(50)",
	"SELECT multiIf(number % 3 = 0, 1::Dynamic, number % 3 = 1, 'x'::Dynamic, NULL) AS d, [d] FROM numbers(50)",
	`SELECT '{"a": {"b": 1, "c": [1, "x"]}, "d": null}'::JSON AS j, j, [j, '{"z": 1.5}'::JSON], '{}'::JSON FROM numbers(5)`,
	`SELECT concat('{"a', toString(number % 9), '": ', toString(number), ', "s": "t"}')::JSON(max_dynamic_paths=3, s String, SKIP q) FROM numbers(50)`,
	"SELECT 1, uniqState(number) FROM numbers(10)",
	"SELECT finalizeAggregation(sumState(number)), sumSimpleState(number) FROM numbers(10)",
	"SELECT toTime('12:00:00') SETTINGS enable_time_time64_type = 1",
	"SELECT number FROM numbers(200000)",
}

// TestBlockWalker takes the engine's blocks to a client's revision and back: nothing may change.
func TestBlockWalker(t *testing.T) {
	s := startServer(t)
	for _, flat := range []string{"0", "1"} {
		for _, query := range blockQueries {
			status, _, body := s.post(t, url.Values{"default_format": {"Native"}, "output_format_native_use_flattened_dynamic_and_json_serialization": {flat}}, query)
			if status != 200 {
				t.Errorf("%s: %s", query, body)
				continue
			}
			doc := []byte(body)
			opaque := strings.Contains(query, "State(")
			there, err := transcode(doc, 0, serverRevision, false)
			if err != nil {
				t.Errorf("%s (flat %s): %v", query, flat, err)
				continue
			}
			for _, viaReader := range []bool{false, true} {
				if opaque && viaReader {
					continue
				}
				back, err := transcode(there, serverRevision, 0, viaReader)
				if err != nil {
					t.Errorf("%s (flat %s) back: %v", query, flat, err)
				} else if !bytes.Equal(back, doc) {
					t.Errorf("%s (flat %s): %d bytes came back as %d", query, flat, len(doc), len(back))
				}
			}
		}
	}
}

package replay

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// cellsOf returns how to read a value of a column. Text that is made for a
// value is the cell's own.
func cellsOf(column arrow.Array) func(i int, c *cell) {
	read := reader(column)
	return func(i int, c *cell) {
		if column.IsNull(i) {
			*c = cell{}
			return
		}
		read(i, c)
	}
}

// reader is cellsOf for values that are there.
func reader(column arrow.Array) func(i int, c *cell) {
	switch a := column.(type) {
	case *array.Null:
		return func(_ int, c *cell) { *c = cell{} }
	case *array.Boolean:
		return func(i int, c *cell) { *c = cell{kind: cellJSON, text: strconv.AppendBool(nil, a.Value(i))} }
	case *array.String:
		return func(i int, c *cell) { *c = cell{kind: cellString, text: []byte(a.Value(i))} }
	case *array.LargeString:
		return func(i int, c *cell) { *c = cell{kind: cellString, text: []byte(a.Value(i))} }
	case *array.Binary:
		return func(i int, c *cell) { *c = bytesCell(a.Value(i)) }
	case *array.LargeBinary:
		return func(i int, c *cell) { *c = bytesCell(a.Value(i)) }
	case *array.FixedSizeBinary:
		return func(i int, c *cell) { *c = cell{kind: cellString, text: hex.AppendEncode(nil, a.Value(i))} }
	case *array.Dictionary:
		inner := cellsOf(a.Dictionary())
		return func(i int, c *cell) { inner(a.GetValueIndex(i), c) }
	}
	if read := numberReader(column); read != nil {
		return read
	}
	if read := instantReader(column); read != nil {
		return read
	}
	return func(i int, c *cell) { *c = nestedCell(column, i) }
}

// numberReader reads numbers exactly as they are stored.
func numberReader(column arrow.Array) func(i int, c *cell) {
	switch a := column.(type) {
	case *array.Int8:
		return func(i int, c *cell) { *c = intCell(int64(a.Value(i))) }
	case *array.Int16:
		return func(i int, c *cell) { *c = intCell(int64(a.Value(i))) }
	case *array.Int32:
		return func(i int, c *cell) { *c = intCell(int64(a.Value(i))) }
	case *array.Int64:
		return func(i int, c *cell) { *c = intCell(a.Value(i)) }
	case *array.Uint8:
		return func(i int, c *cell) { *c = intCell(int64(a.Value(i))) }
	case *array.Uint16:
		return func(i int, c *cell) { *c = intCell(int64(a.Value(i))) }
	case *array.Uint32:
		return func(i int, c *cell) { *c = intCell(int64(a.Value(i))) }
	case *array.Uint64:
		return func(i int, c *cell) { *c = cell{kind: cellJSON, text: strconv.AppendUint(nil, a.Value(i), 10)} }
	case *array.Float16:
		return func(i int, c *cell) { *c = floatCell(float64(a.Value(i).Float32()), 32) }
	case *array.Float32:
		return func(i int, c *cell) { *c = floatCell(float64(a.Value(i)), 32) }
	case *array.Float64:
		return func(i int, c *cell) { *c = floatCell(a.Value(i), 64) }
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		return func(i int, c *cell) { *c = cell{kind: cellJSON, text: []byte(a.Value(i).ToString(scale))} }
	case *array.Decimal256:
		scale := a.DataType().(*arrow.Decimal256Type).Scale
		return func(i int, c *cell) { *c = cell{kind: cellJSON, text: []byte(a.Value(i).ToString(scale))} }
	}
	return nil
}

// instantReader reads points in time. A timestamp without a zone and a date
// are wall times; as a property each is text.
func instantReader(column arrow.Array) func(i int, c *cell) {
	switch a := column.(type) {
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		return func(i int, c *cell) { *c = timestampCell(a.Value(i).ToTime(t.Unit), t.TimeZone != "") }
	case *array.Date32:
		return func(i int, c *cell) { *c = dateCell(a.Value(i).ToTime()) }
	case *array.Date64:
		return func(i int, c *cell) { *c = dateCell(a.Value(i).ToTime()) }
	case *array.Time32:
		unit := a.DataType().(*arrow.Time32Type).Unit
		return func(i int, c *cell) { *c = clockCell(a.Value(i).ToTime(unit)) }
	case *array.Time64:
		unit := a.DataType().(*arrow.Time64Type).Unit
		return func(i int, c *cell) { *c = clockCell(a.Value(i).ToTime(unit)) }
	}
	return nil
}

func intCell(n int64) cell { return cell{kind: cellJSON, text: strconv.AppendInt(nil, n, 10)} }

// floatCell keeps what JSON cannot write, NaN and infinity, as text.
func floatCell(f float64, bits int) cell {
	text := strconv.AppendFloat(nil, f, 'g', -1, bits)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return cell{kind: cellString, text: text}
	}
	return cell{kind: cellJSON, text: text}
}

// bytesCell is text where the bytes are, and base64 where not.
func bytesCell(value []byte) cell {
	if utf8.Valid(value) {
		return cell{kind: cellString, text: value}
	}
	return cell{kind: cellString, text: base64.StdEncoding.AppendEncode(nil, value)}
}

func timestampCell(at time.Time, zoned bool) cell {
	if zoned {
		return cell{kind: cellInstant, at: at, text: at.AppendFormat(nil, time.RFC3339Nano)}
	}
	return cell{kind: cellWall, at: at, text: at.AppendFormat(nil, "2006-01-02T15:04:05.999999999")}
}

func dateCell(at time.Time) cell {
	return cell{kind: cellWall, at: at, text: at.AppendFormat(nil, time.DateOnly)}
}

func clockCell(at time.Time) cell {
	return cell{kind: cellString, text: at.AppendFormat(nil, "15:04:05.999999999")}
}

// nestedCell is a list, struct or map as JSON.
func nestedCell(column arrow.Array, i int) cell {
	text, err := json.Marshal(column.GetOneForMarshal(i))
	if err != nil {
		return cell{kind: cellString, text: []byte(column.ValueStr(i))}
	}
	return cell{kind: cellJSON, text: text}
}

package olap

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// TestNumbersOnTheWire writes more values than are put at a time, in each width.
func TestNumbersOnTheWire(t *testing.T) {
	const rows = 10_000
	longs, shorts, keys := make([]int64, rows), make([]int32, rows), make([]uint32, rows)
	var wantLongs, wantShorts []byte
	wantKeys := map[int64][]byte{}
	for i := range rows {
		longs[i], shorts[i], keys[i] = -int64(i)<<40, -int32(i), uint32(i)*0x10203
		wantLongs = binary.LittleEndian.AppendUint64(wantLongs, uint64(longs[i]))
		wantShorts = binary.LittleEndian.AppendUint32(wantShorts, uint32(shorts[i]))
		wantKeys[keys8] = append(wantKeys[keys8], byte(keys[i]))
		wantKeys[keys16] = binary.LittleEndian.AppendUint16(wantKeys[keys16], uint16(keys[i]))
		wantKeys[keys32] = binary.LittleEndian.AppendUint32(wantKeys[keys32], keys[i])
	}
	check := func(what string, want []byte, write func(w *blockWriter)) {
		t.Helper()
		var out bytes.Buffer
		w := newBlockWriter(&out, CompressionNone)
		write(w)
		if err := w.flush(); err != nil || !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%s: %d bytes that differ from the %d wanted, %v", what, out.Len(), len(want), err)
		}
	}
	check("64 bits", wantLongs, func(w *blockWriter) { w.int64s(longs) })
	check("32 bits", wantShorts, func(w *blockWriter) { w.int32s(shorts) })
	for width, want := range wantKeys {
		check("keys", want, func(w *blockWriter) { writeKeys(w, keys, width) })
	}
}

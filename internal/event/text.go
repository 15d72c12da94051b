package event

import (
	"encoding/binary"
	"slices"
)

// Text is a column of text, in the form in which ClickHouse's native protocol
// takes a column of strings: each value is its length, as a uvarint, and its
// bytes. So a column goes from here to the wire as it lies. It holds up to
// 4 GiB.
type Text struct {
	wire  []byte
	ends  []uint32 // where each value ends in wire
	begin uint32   // where the first one begins: a view shares the wire of its batch
}

// Len is the number of values.
func (t *Text) Len() int { return len(t.ends) }

// At is value i. It is borrowed from the column.
func (t *Text) At(i int) string {
	from := t.begin
	if i > 0 {
		from = t.ends[i-1]
	}
	value := t.wire[from:t.ends[i]]
	if value[0] < 0x80 {
		return borrowed(value[1:])
	}
	_, head := binary.Uvarint(value)
	return borrowed(value[head:])
}

// Append adds a value at the end.
func (t *Text) Append(s string) { t.add(bytesOf(s)) }

// add is Append. Where s has room behind it, and the column too, a short value is
// copied together with what lies behind it, which the next value is written over:
// a copy of a fixed size needs no call. (A loop of such copies, for longer values,
// was slower than a call.)
func (t *Text) add(s []byte) {
	at, n := len(t.wire), len(s)
	switch room := cap(t.wire) - at; {
	case n <= 32 && cap(s) >= 32 && room > 32:
		dst := t.wire[at : at+1+32]
		dst[0] = byte(n)
		copy32(dst[1:], s[:32])
		t.wire = t.wire[:at+1+n]
	case n <= 64 && cap(s) >= 64 && room > 64:
		dst := t.wire[at : at+1+64]
		dst[0] = byte(n)
		copy32(dst[1:], s[:32])
		copy32(dst[33:], s[32:64])
		t.wire = t.wire[:at+1+n]
	case n < 0x80 && n < room:
		dst := t.wire[at : at+1+n]
		dst[0] = byte(n)
		copy(dst[1:], s)
		t.wire = t.wire[:at+1+n]
	default:
		t.wire = withRoom(t.wire, binary.MaxVarintLen32+n)
		t.wire = append(binary.AppendUvarint(t.wire, uint64(n)), s...)
	}
	t.ends = append(t.ends, uint32(len(t.wire)))
}

// copy32 copies 32 bytes.
func copy32(dst, src []byte) {
	*(*[16]byte)(dst) = [16]byte(src)
	*(*[16]byte)(dst[16:]) = [16]byte(src[16:])
}

// Wire is the whole column, borrowed.
func (t *Text) Wire() []byte { return t.wire[t.begin:t.end(len(t.ends))] }

// end is where the first n values end in wire.
func (t *Text) end(n int) uint32 {
	if n == 0 {
		return t.begin
	}
	return t.ends[n-1]
}

// truncate keeps the first n values.
func (t *Text) truncate(n int) {
	t.wire, t.ends = t.wire[:t.end(n)], t.ends[:n]
}

// delete takes value i out.
func (t *Text) delete(i int) {
	from, to := t.end(i), t.ends[i]
	t.wire = slices.Delete(t.wire, int(from), int(to))
	t.ends = slices.Delete(t.ends, i, i+1)
	for j := range t.ends[i:] {
		t.ends[i+j] -= to - from
	}
}

// between is a view of values [from, to). Appending to it does not touch t.
func (t *Text) between(from, to int) Text {
	end := t.end(to)
	return Text{wire: t.wire[:end:end], ends: t.ends[from:to:to], begin: t.end(from)}
}

// withRoom is column with room for n more values: twice as many as there are,
// where it has to grow. (The growth of append itself copies a column of
// megabytes four times as often, and clears what it does not use yet.)
func withRoom[T any](column []T, n int) []T {
	if cap(column)-len(column) >= n {
		return column
	}
	grown := make([]T, len(column), max(2*len(column), len(column)+n))
	copy(grown, column)
	return grown
}

package chdb

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// The engine reads and writes FORMAT Native at revision 0: no block info, no byte for the kind of
// serialization behind a column's type. Clients of revision 54454 and later have both. A column
// tells its length only through its content, so a block is walked column by column; the bytes
// themselves are copied as they are, in pieces as large as possible.
const (
	revisionBlockInfo           = 51903
	revisionCustomSerialization = 54454
)

// Bounds on what a client can claim.
const (
	maxColumns    = 100_000
	maxRows       = 1 << 32
	maxNameLength = 1 << 20
)

// blockWalker copies blocks from a source to out, changing the form between two revisions.
// The source is either memory (r is nil) or a reader, of which never more than the block is consumed.
type blockWalker struct {
	r        *bufio.Reader
	buf      []byte // buf[start:pos] is walked and not yet copied, buf[pos:end] is read ahead
	start    int
	pos, end int
	out      func([]byte) error

	revIn, revOut uint64
	types         map[string]*columnType
	columns       []columnHead // of the block last walked
}

// columnHead names a column.
type columnHead struct{ name, typeName string }

func newBlockWalker(revIn, revOut uint64) *blockWalker {
	return &blockWalker{revIn: revIn, revOut: revOut, types: map[string]*columnType{}}
}

// setMemory makes data the source.
func (w *blockWalker) setMemory(data []byte) {
	w.r, w.buf, w.start, w.pos, w.end = nil, data, 0, 0, len(data)
}

// setReader makes r the source. Its buffer must hold at least 16 bytes.
func (w *blockWalker) setReader(r *bufio.Reader) {
	w.r, w.buf, w.start, w.pos, w.end = r, nil, 0, 0, 0
}

// flush copies what has been walked.
func (w *blockWalker) flush() error {
	if w.pos > w.start {
		if err := w.out(w.buf[w.start:w.pos]); err != nil {
			return err
		}
	}
	w.start = w.pos
	return nil
}

// need makes n bytes (n at most 16) available at pos.
func (w *blockWalker) need(n int) error {
	if w.end-w.pos >= n {
		return nil
	}
	if w.r == nil {
		return io.ErrUnexpectedEOF
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.consume()
	if _, err := w.r.Peek(n); err != nil {
		return noEOF(err)
	}
	w.buf, _ = w.r.Peek(w.r.Buffered()) // cannot fail: it is there
	w.end = len(w.buf)
	return nil
}

// consume gives back what was read ahead.
func (w *blockWalker) consume() {
	if w.r != nil {
		_, _ = w.r.Discard(w.pos) // cannot fail: it was peeked
		w.buf, w.start, w.pos, w.end = nil, 0, 0, 0
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// skip walks over n bytes of any number.
func (w *blockWalker) skip(n uint64) error {
	for {
		if have := uint64(w.end - w.pos); n <= have {
			w.pos += int(n)
			return nil
		} else if w.r == nil {
			return io.ErrUnexpectedEOF
		} else {
			w.pos = w.end
			n -= have
		}
		if err := w.need(1); err != nil {
			return err
		}
	}
}

// take reads a byte that is not copied.
func (w *blockWalker) take() (byte, error) {
	if err := w.flush(); err != nil {
		return 0, err
	}
	if err := w.need(1); err != nil {
		return 0, err
	}
	b := w.buf[w.pos]
	w.pos++
	w.start = w.pos
	return b, nil
}

func (w *blockWalker) uvarint() (uint64, error) {
	var x uint64
	for shift := uint(0); shift < 64; shift += 7 {
		if w.pos == w.end {
			if err := w.need(1); err != nil {
				return 0, err
			}
		}
		b := w.buf[w.pos]
		w.pos++
		x |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return x, nil
		}
	}
	return 0, fmt.Errorf("number is longer than 10 bytes")
}

func (w *blockWalker) uint64() (uint64, error) {
	if err := w.need(8); err != nil {
		return 0, err
	}
	v := binary.LittleEndian.Uint64(w.buf[w.pos:])
	w.pos += 8
	return v, nil
}

// text reads a string that is also needed here: a name or a type. It survives a refill.
func (w *blockWalker) text() (string, error) {
	n, err := w.uvarint()
	if err != nil {
		return "", err
	}
	if n > maxNameLength {
		return "", fmt.Errorf("name of %d bytes", n)
	}
	if w.end-w.pos >= int(n) {
		w.pos += int(n)
		return string(w.buf[w.pos-int(n) : w.pos]), nil
	}
	out := make([]byte, 0, n)
	for len(out) < int(n) {
		if err := w.need(1); err != nil {
			return "", err
		}
		m := min(int(n)-len(out), w.end-w.pos)
		out = append(out, w.buf[w.pos:w.pos+m]...)
		w.pos += m
	}
	return string(out), nil
}

// blockHead is the size of a block.
type blockHead struct{ columns, rows uint64 }

// block copies one block. io.EOF tells that a source in memory is used up.
func (w *blockWalker) block() (blockHead, error) {
	var h blockHead
	if w.r == nil && w.pos == w.end {
		return h, io.EOF
	}
	if err := w.info(); err != nil {
		return h, err
	}
	var err error
	if h.columns, err = w.uvarint(); err != nil {
		return h, err
	}
	if h.rows, err = w.uvarint(); err != nil {
		return h, err
	}
	if h.columns > maxColumns || h.rows > maxRows {
		return h, fmt.Errorf("block of %d columns and %d rows", h.columns, h.rows)
	}
	w.columns = w.columns[:0]
	for i := range h.columns {
		if err := w.column(h.rows, i+1 == h.columns); err != nil {
			return h, err
		}
	}
	if err := w.flush(); err != nil {
		return h, err
	}
	w.consume()
	return h, nil
}

// blockInfo is what stands before a block that is no overflow and in no bucket.
var blockInfo = [...]byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0}

func (w *blockWalker) info() error {
	if w.revIn > 0 {
		if err := w.readInfo(); err != nil {
			return err
		}
	}
	if w.revOut > 0 {
		return w.out(blockInfo[:])
	}
	return nil
}

// readInfo reads the field pairs before a block: its content matters only between servers.
func (w *blockWalker) readInfo() error {
	for {
		field, err := w.take()
		if err != nil {
			return err
		}
		size := 0
		switch field {
		case 0:
			return nil
		case 1:
			size = 1
		case 2:
			size = 4
		default:
			return fmt.Errorf("block info has unknown field %d", field)
		}
		for range size {
			if _, err := w.take(); err != nil {
				return err
			}
		}
	}
}

func (w *blockWalker) column(rows uint64, last bool) error {
	name, err := w.text()
	if err != nil {
		return err
	}
	typeName, err := w.text()
	if err != nil {
		return err
	}
	w.columns = append(w.columns, columnHead{name, typeName})
	if err := w.serializationByte(name); err != nil {
		return err
	}
	if rows == 0 {
		return nil
	}
	t, ok := w.types[typeName]
	if !ok {
		if t, err = parseColumnType(typeName); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		w.types[typeName] = t
	}
	if err := w.values(t, rows, last); err != nil {
		return fmt.Errorf("column %s %s: %w", name, typeName, err)
	}
	return nil
}

func (w *blockWalker) serializationByte(name string) error {
	if w.revIn >= revisionCustomSerialization {
		b, err := w.take()
		if err != nil {
			return err
		}
		if b != 0 {
			return fmt.Errorf("column %s has a custom serialization, which was not agreed", name)
		}
	}
	if w.revOut < revisionCustomSerialization {
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	return w.out([]byte{0})
}

// values walks over a column's values: the prefixes of all its parts, then their data.
func (w *blockWalker) values(t *columnType, rows uint64, last bool) error {
	if t.kind == kindOpaque {
		if last && w.r == nil { // what remains of the document is this column
			w.pos = w.end
			return nil
		}
		return fmt.Errorf("an aggregate state can only be sent as the last column; use finalizeAggregation, or hex()")
	}
	state, err := w.prefix(t)
	if err != nil {
		return err
	}
	return w.data(t, state, rows)
}

func (w *blockWalker) strings(rows uint64) error {
	for ; rows > 0; rows-- {
		if w.pos < w.end { // the short string in the buffer is the common case
			if n := int(w.buf[w.pos]); n < 0x80 && w.end-w.pos > n {
				w.pos += n + 1
				continue
			}
		}
		n, err := w.uvarint()
		if err != nil {
			return err
		}
		if err := w.skip(n); err != nil {
			return err
		}
	}
	return nil
}

package olap

import (
	"bufio"
	"encoding/binary"
	"io"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// The sizes of a connection's buffers, in bytes.
const (
	// sendBytes go to the socket at a time, where they are small pieces.
	sendBytes = 128 << 10
	// frameBytes are compressed at a time. A frame stays in the processor's
	// nearest caches with what it is made of.
	frameBytes = 64 << 10
)

// blockWriter carries the bytes of blocks to the server, compressed or as they
// are. Text that is not compressed goes from the batch's memory straight to
// the socket. The first error sticks and is the result of flush.
type blockWriter struct {
	out *bufio.Writer
	// texts and others compress columns of text and everything else; both are
	// nil where nothing is compressed.
	texts, others *compress.Writer

	frame []byte           // of one kind, not compressed yet
	by    *compress.Writer // what will compress it
	err   error

	numbers [4 << 10]byte // room to put numbers into
}

func newBlockWriter(conn io.Writer, c Compression) *blockWriter {
	w := &blockWriter{out: bufio.NewWriterSize(conn, sendBytes)}
	switch c {
	case CompressionLZ4:
		w.texts = compress.NewWriter(compress.LevelZero, compress.LZ4)
		w.others = w.texts
	case CompressionLZ4Text:
		w.texts = compress.NewWriter(compress.LevelZero, compress.LZ4)
		w.others = compress.NewWriter(compress.LevelZero, compress.None)
	case CompressionZSTD:
		w.texts = compress.NewWriter(compress.LevelZero, compress.ZSTD)
		w.others = w.texts
	}
	return w
}

// compresses says whether the server has to expect frames.
func (w *blockWriter) compresses() bool { return w.texts != nil }

// text writes what is mostly text.
func (w *blockWriter) text(p []byte) { w.put(p, w.texts) }

// other writes numbers, names and counts.
func (w *blockWriter) other(p []byte) { w.put(p, w.others) }

func (w *blockWriter) put(p []byte, by *compress.Writer) {
	if by == nil {
		w.send(p)
		return
	}
	if by != w.by {
		w.endFrame()
		w.by = by
	}
	for len(p) > 0 {
		if len(w.frame) == 0 && len(p) >= frameBytes {
			w.pack(p[:frameBytes])
			p = p[frameBytes:]
			continue
		}
		n := min(len(p), frameBytes-len(w.frame))
		w.frame = append(w.frame, p[:n]...)
		p = p[n:]
		if len(w.frame) == frameBytes {
			w.endFrame()
		}
	}
}

// endFrame sends what has been collected. A block ends with a frame, as the
// packet after it is not compressed.
func (w *blockWriter) endFrame() {
	if len(w.frame) > 0 {
		w.pack(w.frame)
		w.frame = w.frame[:0]
	}
}

func (w *blockWriter) pack(p []byte) {
	if w.err != nil {
		return
	}
	if w.err = w.by.Compress(p); w.err == nil {
		w.send(w.by.Data)
	}
}

// send writes bytes as they are.
func (w *blockWriter) send(p []byte) {
	if w.err == nil {
		_, w.err = w.out.Write(p)
	}
}

// flush sends what is left.
func (w *blockWriter) flush() error {
	if w.err == nil {
		w.err = w.out.Flush()
	}
	return w.err
}

// writeNumbers writes a column of values that take size bytes each, which put
// writes many at a time: a call for each would take longer than the rest.
func writeNumbers[T any](w *blockWriter, values []T, size int, put func(dst []byte, values []T)) {
	for len(values) > 0 {
		n := min(len(values), len(w.numbers)/size)
		put(w.numbers[:n*size], values[:n])
		w.other(w.numbers[:n*size])
		values = values[n:]
	}
}

func (w *blockWriter) int64s(values []int64) {
	writeNumbers(w, values, 8, func(dst []byte, values []int64) {
		for i, v := range values {
			binary.LittleEndian.PutUint64(dst[8*i:], uint64(v))
		}
	})
}

func (w *blockWriter) int32s(values []int32) {
	writeNumbers(w, values, 4, func(dst []byte, values []int32) {
		for i, v := range values {
			binary.LittleEndian.PutUint32(dst[4*i:], uint32(v))
		}
	})
}

// head begins a block.
func (w *blockWriter) head(columns, rows int) {
	var b proto.Buffer
	proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: columns, Rows: rows}.EncodeAware(&b, revision)
	w.other(b.Buf)
}

// column begins a column.
func (w *blockWriter) column(name, kind string) {
	var b proto.Buffer
	b.PutString(name)
	b.PutString(kind)
	w.other(b.Buf)
}

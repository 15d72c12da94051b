package chdb

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// Bounds on what a native client can send outside of blocks.
const (
	maxShortString = 1 << 20
	maxQueryString = 64 << 20
	maxPairs       = 10_000
)

// wireReader reads the scalar values of the native protocol. The first error sticks.
type wireReader struct {
	br  *bufio.Reader
	err error
}

func (r *wireReader) fail(err error) {
	if r.err == nil {
		r.err = noEOF(err)
	}
}

func (r *wireReader) uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	v, err := binary.ReadUvarint(r.br)
	if err != nil {
		r.fail(err)
	}
	return v
}

func (r *wireReader) byte() byte {
	if r.err != nil {
		return 0
	}
	b, err := r.br.ReadByte()
	if err != nil {
		r.fail(err)
	}
	return b
}

func (r *wireReader) skip(n int) {
	if r.err != nil {
		return
	}
	if _, err := r.br.Discard(n); err != nil {
		r.fail(err)
	}
}

// string reads a string of at most limit bytes. Memory grows with what really arrives.
func (r *wireReader) string(limit uint64) string {
	n := r.uvarint()
	if r.err != nil {
		return ""
	}
	if n > limit {
		r.fail(fmt.Errorf("string of %d bytes where at most %d are allowed", n, limit))
		return ""
	}
	buf := make([]byte, 0, min(n, 64<<10))
	for uint64(len(buf)) < n {
		m := min(n-uint64(len(buf)), 64<<10)
		at := len(buf)
		buf = append(buf, make([]byte, m)...)
		if _, err := io.ReadFull(r.br, buf[at:]); err != nil {
			r.fail(err)
			return ""
		}
	}
	return string(buf)
}

// wireWriter writes packets. Scalars gather in buf until send.
type wireWriter struct {
	bw       *bufio.Writer
	buf      proto.Buffer
	compress *compress.Writer // nil: blocks go out as they are
}

// frameSize is the most that is compressed at once, as ClickHouse does.
const frameSize = 1 << 20

// send writes what has been gathered.
func (w *wireWriter) send() error {
	_, err := w.bw.Write(w.buf.Buf)
	w.buf.Reset()
	return err
}

// block writes a Data packet around an encoded block.
func (w *wireWriter) block(code proto.ServerCode, block []byte) error {
	code.Encode(&w.buf)
	w.buf.PutString("")
	if err := w.send(); err != nil {
		return err
	}
	if w.compress == nil {
		_, err := w.bw.Write(block)
		return err
	}
	for len(block) > 0 {
		n := min(len(block), frameSize)
		if err := w.compress.Compress(block[:n]); err != nil {
			return err
		}
		if _, err := w.bw.Write(w.compress.Data); err != nil {
			return err
		}
		block = block[n:]
	}
	return nil
}

// appendHeader encodes a block without rows.
func appendHeader(dst []byte, columns []columnHead, revision uint64) []byte {
	if revision > 0 {
		dst = append(dst, blockInfo[:]...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(columns)))
	dst = append(dst, 0)
	for _, c := range columns {
		dst = binary.AppendUvarint(dst, uint64(len(c.name)))
		dst = append(dst, c.name...)
		dst = binary.AppendUvarint(dst, uint64(len(c.typeName)))
		dst = append(dst, c.typeName...)
		if revision >= revisionCustomSerialization {
			dst = append(dst, 0)
		}
	}
	return dst
}

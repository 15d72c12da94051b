package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lineReader reads lines of bounded length and counts them.
type lineReader struct {
	from   *bufio.Reader
	most   int
	line   int64  // number of the line read last, from 1
	buffer []byte // of a line that is longer than the reader's own
	begun  bool
}

// errLineTooLong says that a line was passed over.
var errLineTooLong = errors.New("line too long")

// next returns a line without its end, borrowed until the next call. A line
// over the bound is passed over with errLineTooLong. A file that breaks off
// loses its last, half line: it cannot be known to be whole.
func (l *lineReader) next() ([]byte, error) {
	text, err := l.from.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		text, err = l.long(text)
	}
	if err == io.EOF && len(text) > 0 {
		err = nil
	}
	if err == nil && len(text) > l.most+len("\r\n") {
		err = errLineTooLong
	}
	if err == nil || errors.Is(err, errLineTooLong) {
		l.line++
	}
	if err != nil {
		return nil, err
	}
	if !l.begun {
		l.begun = true
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\r'}), nil
}

// long collects a line that does not fit the reader's buffer.
func (l *lineReader) long(text []byte) ([]byte, error) {
	l.buffer = append(l.buffer[:0], text...)
	for {
		more, err := l.from.ReadSlice('\n')
		if len(l.buffer) <= l.most {
			l.buffer = append(l.buffer, more...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if len(l.buffer) > l.most {
			return nil, errLineTooLong
		}
		return l.buffer, err
	}
}

// tooLong is the bad row of such a line.
func tooLong(r *row, most int) *BadRow {
	r.raw = nil
	return bad(r, ReasonRowTooLong, "the row is longer than %d bytes; an event may have 1 MiB", most)
}

// brokenOff explains why a file could not be read to its end.
func brokenOff(name, unit string, read int64, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: the file ends too early; %d %ss were read before that, get a whole copy and replay it again: %w", name, read, unit, err)
	}
	return fmt.Errorf("%s: reading failed after %d %ss: %w", name, read, unit, err)
}

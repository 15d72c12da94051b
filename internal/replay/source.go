package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// sampleBytes is how much of a file is looked at before it is read.
const sampleBytes = 256 << 10

// source is an open file, decompressed.
type source struct {
	*bufio.Reader
	name        string // as given
	base        string // for the identity of rows, without .gz or .zst
	compression string // "", "gzip" or "zstd"
	file        *os.File
	closers     []io.Closer
}

// countingReader counts what is read of the file itself, for the progress.
type countingReader struct {
	io.Reader
	n *atomic.Int64
}

func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// openSource opens a file, or stdin for "-", and sees through its compression,
// which the first bytes tell whatever the name says.
func openSource(name string, stdin io.Reader, read *atomic.Int64) (*source, error) {
	s := &source{name: name, base: baseName(name)}
	input := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		if info, err := file.Stat(); err == nil && info.IsDir() {
			file.Close()
			return nil, fmt.Errorf("%s is a directory; name the files in it", name)
		}
		s.file, input = file, file
		s.closers = append(s.closers, file)
	}
	if input == nil {
		return nil, errors.New("-: there is no standard input to read")
	}
	if err := s.decompress(bufio.NewReaderSize(countingReader{input, read}, sampleBytes)); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Open opens a file, or stdin for "-", for reading as it comes, and unpacks
// gzip and zstd, which the first bytes tell whatever the name says.
func Open(name string, stdin io.Reader) (io.ReadCloser, error) {
	return openSource(name, stdin, new(atomic.Int64))
}

func (s *source) decompress(plain *bufio.Reader) error {
	magic, err := plain.Peek(4)
	if err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		s.compression = "gzip"
		unpacked, err := gzip.NewReader(plain)
		if err != nil {
			return brokenOff(s.name, "row", 0, err)
		}
		s.Reader = bufio.NewReaderSize(unpacked, sampleBytes)
		s.closers = append(s.closers, unpacked)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		s.compression = "zstd"
		unpacked, err := zstd.NewReader(plain, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return fmt.Errorf("%s: zstd: %w", s.name, err)
		}
		s.Reader = bufio.NewReaderSize(unpacked, sampleBytes)
		s.closers = append(s.closers, unpacked.IOReadCloser())
	default:
		s.Reader = plain
	}
	return nil
}

// sample is the beginning of the file. It is shorter than sampleBytes only
// where the file is, or breaks off; reading on tells which. From a pipe it is
// what has come by now: whoever writes into it may want to see it arrive.
func (s *source) sample() []byte {
	if s.file == nil {
		_, _ = s.Peek(1)
		begin, _ := s.Peek(s.Buffered())
		return begin
	}
	begin, _ := s.Peek(sampleBytes)
	return begin
}

// Close closes the file and what unpacks it. A second Close does nothing.
func (s *source) Close() error {
	var faults []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		faults = append(faults, s.closers[i].Close())
	}
	s.closers = nil
	return errors.Join(faults...)
}

// baseName is the name that identifies a file's rows wherever it lies and
// however it is packed.
func baseName(name string) string {
	if name == "-" {
		return "stdin"
	}
	return withoutPacking(filepath.Base(name))
}

func withoutPacking(name string) string {
	for _, ending := range []string{".gz", ".gzip", ".zst", ".zstd"} {
		if len(name) > len(ending) && strings.EqualFold(name[len(name)-len(ending):], ending) {
			return name[:len(name)-len(ending)]
		}
	}
	return name
}

package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// parquetBatch is how many rows are decoded at once.
const parquetBatch = 4096

// parquetRows reads a Parquet file. Columns are those at the top; lists,
// structs and maps become JSON.
type parquetRows struct {
	columns []string
	reader  pqarrow.RecordReader
	record  arrow.Record
	cells   []func(i int, c *cell) // of the record, by column
	at      int                    // next row of the record
	line    int64
	closers []io.Closer
}

// countingFile counts what is read at any place of a file.
type countingFile struct {
	*os.File
	n *atomic.Int64
}

func (c countingFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.File.ReadAt(p, at)
	c.n.Add(int64(n))
	return n, err
}

// newParquet opens the file behind the source. One that is packed or comes
// from a pipe is unpacked to a temporary file first: Parquet begins at its end.
func newParquet(ctx context.Context, s *source, read *atomic.Int64) (p *parquetRows, err error) {
	p = &parquetRows{closers: []io.Closer{s}}
	defer func() {
		err = errors.Join(err, recovered(s.name, recover()))
		if err != nil {
			p.Close()
		}
	}()
	seekable := s.file
	if s.file == nil || s.compression != "" {
		if seekable, err = unpack(s); err != nil {
			return p, err
		}
		p.closers = append(p.closers, temporary{seekable})
	}
	inner, err := file.NewParquetReader(countingFile{seekable, read})
	if err != nil {
		return p, fmt.Errorf("%s is not a whole Parquet file: %w", s.name, err)
	}
	arrows, err := pqarrow.NewFileReader(inner, pqarrow.ArrowReadProperties{BatchSize: parquetBatch}, memory.DefaultAllocator)
	if err != nil {
		return p, fmt.Errorf("%s: %w", s.name, err)
	}
	if p.reader, err = arrows.GetRecordReader(ctx, nil, nil); err != nil {
		return p, fmt.Errorf("%s: %w", s.name, err)
	}
	for _, f := range p.reader.Schema().Fields() {
		p.columns = append(p.columns, f.Name)
	}
	return p, nil
}

// recovered makes an error of a panic: the Parquet library panics on some
// broken files.
func recovered(name string, cause any) error {
	if cause == nil {
		return nil
	}
	return fmt.Errorf("%s is not a whole Parquet file: %v", name, cause)
}

// temporary is a file that vanishes when it is closed.
type temporary struct{ *os.File }

func (t temporary) Close() error { return errors.Join(t.File.Close(), os.Remove(t.Name())) }

func unpack(s *source) (*os.File, error) {
	into, err := os.CreateTemp("", "millrace-replay-*.parquet")
	if err != nil {
		return nil, fmt.Errorf("%s: unpack: %w", s.name, err)
	}
	if _, err := io.Copy(into, s); err != nil {
		return nil, errors.Join(brokenOff(s.name, "byte", s.size(into), err), temporary{into}.Close())
	}
	return into, nil
}

// size is how much a file holds so far, for messages.
func (s *source) size(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

func (p *parquetRows) names() []string { return p.columns }
func (p *parquetRows) unit() string    { return "row" }

// Close closes the file.
func (p *parquetRows) Close() error {
	if p.reader != nil {
		p.reader.Release()
		p.reader = nil
	}
	var faults []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		faults = append(faults, p.closers[i].Close())
	}
	p.closers = nil
	return errors.Join(faults...)
}

func (p *parquetRows) next(r *row) (err error) {
	defer func() {
		if cause := recovered("the file", recover()); cause != nil {
			err = cause
		}
	}()
	for p.record == nil || p.at >= int(p.record.NumRows()) {
		if err := p.load(); err != nil {
			return err
		}
	}
	p.line++
	r.line = p.line
	r.cells = append(r.cells[:0], make([]cell, len(p.cells))...)
	r.raw = r.raw[:0]
	for i, read := range p.cells {
		c := &r.cells[i]
		read(p.at, c)
		if c.kind != cellAbsent { // what identifies the row, and what is shown of it
			r.raw = append(append(append(append(r.raw, p.columns[i]...), '='), c.text...), '\t')
		}
	}
	p.at++
	return nil
}

// load reads the next rows.
func (p *parquetRows) load() error {
	if !p.reader.Next() {
		if err := p.reader.Err(); err != nil && err != io.EOF {
			return err
		}
		return io.EOF
	}
	p.record, p.at = p.reader.Record(), 0
	p.cells = p.cells[:0]
	for i := range p.columns {
		p.cells = append(p.cells, cellsOf(p.record.Column(i)))
	}
	return nil
}

var _ rows = (*parquetRows)(nil)

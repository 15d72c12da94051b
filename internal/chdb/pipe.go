package chdb

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// pipeDocument runs a query whose result must be one document (JSON, Parquet, ArrowStream, …) and
// writes it to out in flat memory. The engine's streams begin a new document with each block, and
// its plain queries hold the whole result; INTO OUTFILE does neither, and the file is a named pipe.
func (s *server) pipeDocument(r *run, st *statement, format string, params []Param, out func([]byte) error) (Stats, error) {
	path := filepath.Join(s.pipes, r.marker)
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return Stats{}, fmt.Errorf("make a pipe for the result: %w", err)
	}
	defer os.Remove(path)
	reader, keeper, err := openPipe(path)
	if err != nil {
		return Stats{}, err
	}
	defer reader.Close()
	copied := make(chan error, 1) // one place: the copier never waits
	go func() { copied <- copyPipe(reader, out) }()

	query := st.head + " INTO OUTFILE " + quoteString(path) + " TRUNCATE FORMAT " + format + " " + st.tail
	_, stats, err := r.query(query, format, params)
	keeper.Close()
	return stats, errors.Join(err, <-copied)
}

// openPipe opens both ends: the writing one keeps the reader from seeing an end before the engine
// has opened the pipe, or when it never does.
func openPipe(path string) (reader, keeper *os.File, err error) {
	if reader, err = os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
		return nil, nil, fmt.Errorf("open the pipe of a result: %w", err)
	}
	if keeper, err = os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0); err != nil {
		reader.Close()
		return nil, nil, fmt.Errorf("open the pipe of a result: %w", err)
	}
	return reader, keeper, nil
}

// copyPipe reads to the end even when out has failed: a full pipe would block the engine until the
// statement is killed.
func copyPipe(reader io.Reader, out func([]byte) error) error {
	buf := make([]byte, 64<<10)
	var failed error
	for {
		n, err := reader.Read(buf)
		if n > 0 && failed == nil {
			failed = out(buf[:n])
		}
		if err == io.EOF {
			return failed
		}
		if err != nil {
			return errors.Join(failed, err)
		}
	}
}

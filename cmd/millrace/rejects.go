package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"millrace/internal/client"
	"millrace/internal/event"
	"millrace/internal/replay"
)

// badRowsShown is how many bad rows are shown one by one.
const badRowsShown = 20

// rejectFile shows the first bad rows and, where asked to, keeps all of them.
// Its methods are safe for concurrent use: a file's rows are refused by the
// replay, an event by any lane of the API's outlet.
type rejectFile struct {
	stderr io.Writer
	count  atomic.Int64

	mu    sync.Mutex
	file  *os.File // nil: none is kept
	fault error    // of writing, from a caller that could not take it
}

func openRejects(stderr io.Writer, path string) (*rejectFile, error) {
	r := &rejectFile{stderr: stderr}
	if path == "" {
		return r, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--rejects: %w", err)
	}
	r.file = file
	return r, nil
}

// write takes a bad row.
func (r *rejectFile) write(row *replay.BadRow) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch n := r.count.Add(1); {
	case n <= badRowsShown:
		r.say(row.Error())
	case n == badRowsShown+1:
		r.say("further bad rows are counted and not shown; --rejects FILE keeps all of them")
	}
	if r.file == nil {
		return nil
	}
	if err := json.NewEncoder(r.file).Encode(row); err != nil {
		return fmt.Errorf("--rejects: %w", err)
	}
	return nil
}

// say writes a line, over the progress bar where there is one.
func (r *rejectFile) say(line string) {
	clear := ""
	if isTerminal(r.stderr) {
		clear = "\r\x1b[2K"
	}
	fmt.Fprintf(r.stderr, "%s%s\n", clear, line)
}

// refused takes an event that the API refused.
func (r *rejectFile) refused(p parcel, reason client.Rejected) {
	err := r.write(&replay.BadRow{
		File: p.file, Line: p.line, Reason: event.Reason(reason.Code), Detail: reason.Detail, Row: string(p.value),
	})
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = errors.Join(r.fault, err)
}

// close ends the file and returns what went wrong with it.
func (r *rejectFile) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return r.fault
	}
	return errors.Join(r.fault, prefixed("--rejects", r.file.Close()))
}

package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"millrace/internal/event"
)

// Record is one event on its way out.
type Record struct {
	// Key is the user, or the anonymous visitor: the Kafka key.
	Key string
	// Value is the envelope, borrowed until the call that received it returns.
	Value []byte
	// Timestamp is when it happened; zero where the envelope does not say.
	Timestamp time.Time
	// File and Line say where it comes from.
	File string
	Line int64
}

// Output takes what a replay makes. Send must keep nothing of the record after
// it returns. An error of either ends the replay.
type Output struct {
	Send   func(context.Context, Record) error
	Reject func(*BadRow) error
}

// Summary is what a replay did.
type Summary struct {
	Files          int                    `json:"files"`
	Rows           int64                  `json:"rows"`
	Events         int64                  `json:"events"`
	BadRows        int64                  `json:"bad_rows"`
	BadByReason    map[event.Reason]int64 `json:"bad_by_reason"`
	AmbiguousTimes int64                  `json:"ambiguous_times"`
	First          time.Time              `json:"first,omitzero"`
	Last           time.Time              `json:"last,omitzero"`
	ShiftSeconds   float64                `json:"shift_seconds"`
}

// Replayer replays files, one after the other.
type Replayer struct {
	cfg     Config
	files   []string
	bases   map[string]string // identity of each file's rows
	summary Summary
	total   int64
	read    atomic.Int64
	shift   time.Duration
	spoken  bool // rows are counted and refused aloud
}

// New prepares a replay of files; "-" is standard input.
func New(cfg Config, files []string) (*Replayer, error) {
	err := cfg.Validate()
	if len(files) == 0 {
		err = errors.Join(err, errors.New("no file to replay"))
	}
	if slices.Contains(files, "-") && (!cfg.ShiftTo.IsZero() || cfg.Speed > 0) {
		err = errors.Join(err, errors.New("--shift-to and --speed read the input twice; save it to a file first"))
	}
	if err != nil {
		return nil, err
	}
	r := &Replayer{cfg: cfg, files: files, bases: identities(files), summary: Summary{BadByReason: map[event.Reason]int64{}}}
	for _, name := range files {
		if info, err := os.Stat(name); name != "-" && err == nil {
			r.total += info.Size()
		} else if name != "-" {
			return nil, fmt.Errorf("open %s: %w", name, errors.Unwrap(err))
		}
	}
	return r, nil
}

// identities are the files' base names, with as many directories before them
// as it takes to tell the files of a run apart.
func identities(files []string) map[string]string {
	bases := map[string]string{}
	for _, name := range files {
		bases[name] = baseName(name)
	}
	for depth := 2; depth < 64; depth++ {
		seen := map[string][]string{}
		for name, base := range bases {
			seen[base] = append(seen[base], name)
		}
		if len(seen) == len(bases) {
			break
		}
		for _, names := range seen {
			for _, name := range names {
				if len(names) > 1 {
					bases[name] = tail(name, depth)
				}
			}
		}
	}
	return bases
}

// tail is the last n parts of a path.
func tail(name string, n int) string {
	parts := strings.Split(withoutPacking(filepath.ToSlash(filepath.Clean(name))), "/")
	return strings.Join(parts[max(0, len(parts)-n):], "/")
}

// Progress is how far a replay is: bytes read and bytes to read, counting a
// file that is read twice twice. The second is 0 where it is not known.
func (r *Replayer) Progress() (done, total int64) {
	passes := int64(1)
	if r.surveys() {
		passes = 2
	}
	if slices.Contains(r.files, "-") {
		return r.read.Load(), 0
	}
	return min(r.read.Load(), r.total*passes), r.total * passes
}

// surveys reports whether the files are read once before they are replayed.
func (r *Replayer) surveys() bool { return !r.cfg.ShiftTo.IsZero() || r.cfg.Speed > 0 }

// Run replays everything. The Summary counts what was done also where an error
// ended it.
func (r *Replayer) Run(ctx context.Context, out Output) (Summary, error) {
	err := r.run(ctx, out)
	r.summary.ShiftSeconds = r.shift.Seconds()
	return r.summary, err
}

func (r *Replayer) run(ctx context.Context, out Output) error {
	sorted := true
	if r.surveys() {
		last, inOrder, err := r.survey(ctx)
		if err != nil {
			return err
		}
		sorted = inOrder
		if !r.cfg.ShiftTo.IsZero() && !last.IsZero() {
			r.shift = r.cfg.ShiftTo.Sub(last).Truncate(time.Millisecond)
		}
	}
	r.spoken = true
	send := out.Send
	if r.cfg.Speed > 0 {
		pacer := &pacer{speed: r.cfg.Speed}
		send = func(ctx context.Context, rec Record) error {
			if err := pacer.wait(ctx, rec.Timestamp); err != nil {
				return err
			}
			return out.Send(ctx, rec)
		}
	}
	if !sorted && r.cfg.Speed > 0 {
		return r.runSorted(ctx, Output{Send: send, Reject: out.Reject})
	}
	return r.each(ctx, func(ctx context.Context, rec Record) error {
		if err := send(ctx, rec); err != nil {
			return err
		}
		r.count(rec)
		return nil
	}, out.Reject)
}

// count notes an event that is out.
func (r *Replayer) count(rec Record) {
	r.summary.Events++
	if rec.Timestamp.IsZero() {
		return
	}
	if r.summary.First.IsZero() || rec.Timestamp.Before(r.summary.First) {
		r.summary.First = rec.Timestamp
	}
	if rec.Timestamp.After(r.summary.Last) {
		r.summary.Last = rec.Timestamp
	}
}

// survey finds the last time and whether times are in order.
func (r *Replayer) survey(ctx context.Context) (last time.Time, inOrder bool, err error) {
	inOrder = true
	err = r.each(ctx, func(_ context.Context, rec Record) error {
		if rec.Timestamp.Before(last) {
			inOrder = false
		} else {
			last = rec.Timestamp
		}
		return nil
	}, func(*BadRow) error { return nil })
	return last, inOrder, err
}

// runSorted holds all events, sorts them by time, and then sends them.
func (r *Replayer) runSorted(ctx context.Context, out Output) error {
	var held []Record
	var bytes int64
	err := r.each(ctx, func(_ context.Context, rec Record) error {
		rec.Value = slices.Clone(rec.Value)
		held = append(held, rec)
		if bytes += int64(len(rec.Value)) + 100; bytes > r.cfg.MaxSortBytes {
			return fmt.Errorf("the times are not in order, and sorting takes more than %d MiB of memory; sort the files by time, or leave --speed out", r.cfg.MaxSortBytes>>20)
		}
		return nil
	}, out.Reject)
	if err != nil {
		return err
	}
	slices.SortStableFunc(held, func(a, b Record) int { return cmp.Compare(a.Timestamp.UnixNano(), b.Timestamp.UnixNano()) })
	for _, rec := range held {
		if err := out.Send(ctx, rec); err != nil {
			return err
		}
		r.count(rec)
	}
	return nil
}

// each reads all files once, up to the limit.
func (r *Replayer) each(ctx context.Context, send func(context.Context, Record) error, reject func(*BadRow) error) error {
	left := r.cfg.Limit
	if left == 0 {
		left = 1<<63 - 1
	}
	for _, name := range r.files {
		if left == 0 {
			return nil
		}
		if err := r.file(ctx, name, &left, send, reject); err != nil {
			return err
		}
		if r.spoken {
			r.summary.Files++
		}
	}
	return nil
}

// file reads one file.
func (r *Replayer) file(ctx context.Context, name string, left *int64, send func(context.Context, Record) error, reject func(*BadRow) error) (err error) {
	f, err := r.open(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	defer func() {
		if r.spoken {
			r.summary.AmbiguousTimes += f.builder.times.ambiguous
		}
	}()
	var rec Record
	for rows := int64(0); *left > 0; *left-- {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		err := f.next(&rec)
		var refused *BadRow
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &refused):
			err = r.refuse(refused, reject)
		case err != nil:
			return brokenOff(name, f.rows.unit(), rows, err)
		default:
			err = send(ctx, rec)
		}
		if err != nil {
			return err
		}
		rows++
		if r.spoken {
			r.summary.Rows++
		}
	}
	return nil
}

// refuse counts and reports a bad row.
func (r *Replayer) refuse(row *BadRow, reject func(*BadRow) error) error {
	if r.spoken {
		r.summary.BadRows++
		r.summary.BadByReason[row.Reason]++
	}
	return reject(row)
}

package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millrace/internal/anomaly"
	"millrace/internal/replay"
)

// newDetectCmd scores a series from a file.
func newDetectCmd(a *app) *cobra.Command {
	cfg := anomaly.DefaultConfig()
	var timeFormats []string
	cmd := &cobra.Command{
		Use:   "detect FILE.csv",
		Short: "Score each point of a series: how out of the ordinary is it?",
		Long: `Read a series of timestamp,value and print timestamp,value,score for each row as
it comes, in one pass: a score depends on the rows before it only. Scores lie in
0…1; 0.5 and more is a detection. The first hundred rows or so score little,
while the detector learns what is usual.

A first row without a number in the value's place is a header; it may name the
columns timestamp and value in another order, beside others. A value that is
empty, NaN, NA or null is missing and scores 0. Times may repeat, jump or go back.
FILE may be packed with gzip or zstd; "-" is standard input. docs/anomalies.md tells how the scores come about.`,
		Example: `  millrace detect latency.csv
  millrace detect --sensitivity 0.7 orders.csv.gz | awk -F, '$3 >= 0.5'
  tail -f metrics.csv | millrace detect -`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(errors.New(`detect: name one file of timestamp,value rows, or "-" for standard input`))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			times, err := replay.TimeParser(timeFormats, time.UTC)
			if err != nil {
				return usageError(fmt.Errorf("--time-format: %w", err))
			}
			return a.detect(cmd.Context(), cfg, times, args[0], cmd.InOrStdin())
		},
	}
	cmd.Flags().Float64Var(&cfg.Sensitivity, "sensitivity", cfg.Sensitivity, "how little has to happen for a detection, 0 to 1")
	cmd.Flags().StringArrayVar(&timeFormats, "time-format", nil, `how times are written: "%d/%m/%Y %H:%M", a Go layout, unix, unix_ms, rfc3339; repeat for several (default: found out)`)
	return cmd
}

// detect scores a file, row by row.
func (a *app) detect(ctx context.Context, cfg anomaly.Config, times timeParser, name string, stdin io.Reader) error {
	detector, err := anomaly.New(cfg)
	if err != nil {
		return usageError(fmt.Errorf("--sensitivity: %w", err))
	}
	file, err := replay.Open(name, stdin)
	if errors.Is(err, os.ErrNotExist) {
		return usageError(fmt.Errorf("detect: %w; check the path", err))
	}
	if err != nil {
		return err
	}
	defer file.Close()
	rows := newSeriesReader(name, file, times)
	out := csv.NewWriter(a.stdout)
	if err := out.Write([]string{"timestamp", "value", "score"}); err != nil {
		return err
	}
	// What was scored is printed even where a later row is bad.
	return errors.Join(scoreRows(ctx, detector, rows, out), flushed(out))
}

func scoreRows(ctx context.Context, detector *anomaly.Detector, rows *seriesReader, out *csv.Writer) error {
	for ctx.Err() == nil {
		row, err := rows.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		score := strconv.FormatFloat(detector.Observe(row.at, row.value).Score, 'f', 6, 64)
		if err := out.Write([]string{row.atText, row.valueText, score}); err != nil {
			return err
		}
		// Whoever writes into a pipe sees the score before the next row.
		if rows.waiting() {
			if err := flushed(out); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func flushed(out *csv.Writer) error {
	out.Flush()
	return out.Error()
}

// timeParser reads the text of a time.
type timeParser func(text string) (time.Time, error)

// seriesReader reads timestamp,value rows.
type seriesReader struct {
	name      string
	times     timeParser
	buffer    *bufio.Reader
	csv       *csv.Reader
	at, value int  // the columns
	begun     bool // the first row has been read
}

// seriesRow is a point with the texts it came as.
type seriesRow struct {
	at                time.Time
	value             float64 // NaN where it is missing
	atText, valueText string
}

func newSeriesReader(name string, r io.Reader, times timeParser) *seriesReader {
	buffer := bufio.NewReaderSize(r, 64<<10) // csv adds no buffer of its own above this one
	reader := csv.NewReader(buffer)
	reader.FieldsPerRecord = -1 // we say ourselves what is missing
	reader.ReuseRecord = true
	reader.TrimLeadingSpace = true
	return &seriesReader{name: name, times: times, buffer: buffer, csv: reader, at: 0, value: 1}
}

// waiting reports whether nothing more has arrived yet.
func (s *seriesReader) waiting() bool { return s.buffer.Buffered() == 0 }

func (s *seriesReader) next() (seriesRow, error) {
	fields, err := s.csv.Read()
	if err != nil {
		return seriesRow{}, s.explain(err)
	}
	if !s.begun {
		s.begun = true
		fields[0] = strings.TrimPrefix(fields[0], "\ufeff")
		if s.header(fields) {
			return s.next()
		}
	}
	return s.parse(fields)
}

// explain leaves the end as it is, and says where and what to do otherwise.
func (s *seriesReader) explain(err error) error {
	var fault *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.As(err, &fault):
		return fmt.Errorf("%s: line %d: %w; quote a field as \"…\" and double the quotes inside", s.name, fault.Line, fault.Err)
	}
	return fmt.Errorf("%s: reading failed: %w; get a whole copy of the file", s.name, err)
}

// header reports whether the first row is a header, and finds the columns by it.
func (s *seriesReader) header(fields []string) bool {
	if len(fields) < 2 {
		return false
	}
	if _, err := readValue(fields[1]); err == nil {
		return false
	}
	if _, err := s.times(fields[0]); err == nil {
		return false // a row with a bad value, which the caller should hear about
	}
	for i, name := range fields {
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "timestamp":
			s.at = i
		case "value":
			s.value = i
		}
	}
	return true
}

func (s *seriesReader) parse(fields []string) (seriesRow, error) {
	if need := max(s.at, s.value); len(fields) <= need {
		line, _ := s.csv.FieldPos(0)
		return seriesRow{}, fmt.Errorf("%s: line %d: %d of at least %d fields; write timestamp,value separated by a comma", s.name, line, len(fields), need+1)
	}
	at, err := s.times(fields[s.at])
	if err != nil {
		return seriesRow{}, s.bad(s.at, "timestamp", fields[s.at], err, "write it as 2026-01-31 12:00:00, RFC 3339 or Unix time, or tell its form with --time-format")
	}
	value, err := readValue(fields[s.value])
	if err != nil {
		return seriesRow{}, s.bad(s.value, "value", fields[s.value], err, "write a number such as 12.5, or leave it empty where it is missing")
	}
	return seriesRow{at: at, value: value, atText: fields[s.at], valueText: fields[s.value]}, nil
}

func (s *seriesReader) bad(column int, field, text string, err error, remedy string) error {
	line, _ := s.csv.FieldPos(column)
	return fmt.Errorf("%s: line %d: %s: %q is %w; %s", s.name, line, field, text, err, remedy)
}

// errNotANumber is a value that is neither a number nor missing.
var errNotANumber = errors.New("not a number")

// readValue reads a number; NaN where there is none.
func readValue(text string) (float64, error) {
	text = strings.TrimSpace(text)
	switch strings.ToLower(text) {
	case "", "na", "n/a", "null", "none":
		text = "NaN"
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || value-value != 0 && value == value {
		return 0, errNotANumber
	}
	return value, nil
}

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/internal/anomaly"
	"millrace/internal/replay"
)

// detectOutput runs the command on a file's text.
func detectOutput(t *testing.T, text string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "series.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"detect", path}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

// waves is a week of ten-minute values with one spike near its end.
func waves() (text string, rows, spike int) {
	var b strings.Builder
	b.WriteString("timestamp,value\n")
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	rows, spike = 1008, 950
	for i := range rows {
		value := 10*math.Sin(float64(i%144)/144*2*math.Pi) + float64(i*7919%97)/97
		if i == spike {
			value += 60
		}
		fmt.Fprintf(&b, "%s,%.3f\n", at.Add(time.Duration(i)*10*time.Minute).Format(time.DateTime), value)
	}
	return b.String(), rows, spike
}

func TestDetectPrintsAScorePerRow(t *testing.T) {
	text, rows, spike := waves()
	code, stdout, stderr := detectOutput(t, text)
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	in, out := strings.Split(text, "\n"), strings.Split(stdout, "\n")
	if out[0] != "timestamp,value,score" || len(out) != rows+2 {
		t.Fatalf("%d lines beginning with %q, want a header and %d rows", len(out), out[0], rows)
	}
	for i := 1; i <= rows; i++ {
		scoreText, ok := strings.CutPrefix(out[i], in[i]+",")
		score, err := strconv.ParseFloat(scoreText, 64)
		if !ok || err != nil || score < 0 || score > 1 {
			t.Fatalf("row %d is %q, want %q and a score in 0…1", i, out[i], in[i])
		}
		if detected := score >= 0.5; detected != (i == spike+1) {
			t.Errorf("row %d scores %v, the spike is in row %d", i, score, spike+1)
		}
	}
}

// TestDetectStreams gives rows one by one, and waits for the score of each
// before the next.
func TestDetectStreams(t *testing.T) {
	in, feed := io.Pipe()
	scores, out := io.Pipe()
	done := make(chan error, 1)
	a := &app{stdout: out}
	go func() {
		err := a.detect(t.Context(), anomaly.DefaultConfig(), anyTime(t), "-", in)
		out.Close()
		done <- err
	}()
	lines := bufio.NewScanner(scores)
	for i := range 5 {
		row := fmt.Sprintf("2026-03-02 00:00:0%d,%d", i, i)
		fmt.Fprintln(feed, row)
		if i == 0 {
			lines.Scan() // the header
		}
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), row+",") {
			t.Fatalf("got %q while the input is still open, want the score of %q", lines.Text(), row)
		}
	}
	feed.Close()
	if lines.Scan() {
		t.Errorf("one row too many: %q", lines.Text())
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// anyTime reads times whose form is found out.
func anyTime(t *testing.T) timeParser {
	t.Helper()
	times, err := replay.TimeParser(nil, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return times
}

func TestDetectReadsUsualForms(t *testing.T) {
	want := "timestamp,value,score\n2026-03-02 10:00:00,1.5,0.000000\n2026-03-02 10:05:00,,0.000000\n"
	for name, text := range map[string]string{
		"header":         "timestamp,value\n2026-03-02 10:00:00,1.5\n2026-03-02 10:05:00,\n",
		"no header":      "2026-03-02 10:00:00,1.5\n2026-03-02 10:05:00,\n",
		"other order":    "host,value,timestamp\na,1.5,2026-03-02 10:00:00\nb,,2026-03-02 10:05:00\n",
		"byte order":     "\ufefftimestamp,value\r\n2026-03-02 10:00:00,1.5\r\n2026-03-02 10:05:00,\r\n",
		"other names":    "time,temperature\n2026-03-02 10:00:00,1.5\n2026-03-02 10:05:00,\n",
		"no end of line": "2026-03-02 10:00:00,1.5\n2026-03-02 10:05:00,",
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := detectOutput(t, text)
			if code != exitOK || stdout != want {
				t.Errorf("exit code %d, got\n%s%swant\n%s", code, stdout, stderr, want)
			}
		})
	}
	if code, stdout, _ := detectOutput(t, ""); code != exitOK || stdout != "timestamp,value,score\n" {
		t.Errorf("an empty file: exit code %d, %q", code, stdout)
	}
}

func TestDetectReadsGzip(t *testing.T) {
	text, _, _ := waves()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	fmt.Fprint(w, text)
	w.Close()
	_, want, _ := detectOutput(t, text)
	code, got, stderr := detectOutput(t, packed.String())
	if code != exitOK || got != want {
		t.Errorf("exit code %d: %s; the scores differ from those of the plain file", code, stderr)
	}
	if code, _, stderr = detectOutput(t, packed.String()[:packed.Len()/2]); code != exitFailed || !strings.Contains(stderr, "whole copy") {
		t.Errorf("half a file: exit code %d: %s", code, stderr)
	}
}

func TestDetectExplainsWhatItCannotRead(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		args []string
		code int
		want []string
	}{
		"bad value":    {"timestamp,value\n2026-03-02,1\n2026-03-03,x1\n", nil, exitFailed, []string{"line 3", "value", `"x1"`, "leave it empty"}},
		"first value":  {"2026-03-02,x1\n", nil, exitFailed, []string{"line 1", "value", `"x1"`}},
		"bad time":     {"timestamp,value\nyesterday,1\n", nil, exitFailed, []string{"line 2", "timestamp", `"yesterday"`, "RFC 3339"}},
		"infinite":     {"2026-03-02,inf\n", nil, exitFailed, []string{"line 1", "not a number"}},
		"one field":    {"timestamp,value\n2026-03-02\n", nil, exitFailed, []string{"line 2", "1 of at least 2 fields"}},
		"semicolons":   {"2026-03-02;1\n", nil, exitFailed, []string{"line 1", "comma"}},
		"broken quote": {"timestamp,value\n2026-03-02,\"1\n", nil, exitFailed, []string{"line", "quote"}},
		"thousands":    {"2026-03-02,\"1,234\"\n", nil, exitFailed, []string{"line 1", "value", `"1,234"`}},
		"later line":   {"timestamp,value\n\n2026-03-02,1\r\n2026-03-03,NaN\n2026-03-04,?\n", nil, exitFailed, []string{"line 5", "value", `"?"`}},
		"other time":   {"03/02/2026 10:00,1\n", nil, exitFailed, []string{"line 1", "timestamp", "--time-format"}},
		"time format":  {"2026-03-02,1\n", []string{"--time-format", "%Q"}, exitUsage, []string{"--time-format", "%Q"}},
		"sensitivity":  {"2026-03-02,1\n", []string{"--sensitivity", "2"}, exitUsage, []string{"--sensitivity", "0", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := detectOutput(t, test.text, test.args...)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, part := range test.want {
				if !strings.Contains(stderr, part) {
					t.Errorf("%q does not say %q", stderr, part)
				}
			}
		})
	}
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"detect", "no-such-file.csv"}, io.Discard, &errs); code != exitUsage || !strings.Contains(errs.String(), "no-such-file.csv") {
		t.Errorf("a missing file: exit code %d, %q", code, errs.String())
	}
}

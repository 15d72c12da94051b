package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/internal/anomaly"
)

// oddRows is a series such as nobody would wish for: times that repeat, jump,
// go back and change their form, missing, huge and negative values.
func oddRows(r *rand.Rand, rows int) string {
	var b strings.Builder
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for range rows {
		switch r.IntN(20) {
		case 0: // the same time again
		case 1:
			at = at.Add(-time.Duration(r.IntN(100)) * time.Hour)
		case 2:
			at = at.Add(time.Duration(r.IntN(5000)) * time.Hour)
		default:
			at = at.Add(time.Duration(r.IntN(600)) * time.Second)
		}
		forms := []string{at.Format(time.DateTime), at.Format(time.RFC3339Nano), at.Format("2006/01/02 15:04"), strconv.FormatInt(at.Unix(), 10), strconv.FormatInt(at.UnixMilli(), 10)}
		values := []string{"", "NaN", "null", "0", "-0", "1e308", "-1e308", "5e-324", "1e-9", "+7"}
		value := strconv.FormatFloat(100+10*r.NormFloat64(), 'g', -1, 64)
		if r.IntN(10) == 0 {
			value = values[r.IntN(len(values))]
		}
		end := "\n"
		if r.IntN(3) == 0 {
			end = "\r\n"
		}
		b.WriteString(forms[r.IntN(len(forms))] + "," + value + end)
	}
	return b.String()
}

// scored checks what every output has to be, and returns its rows.
func scored(t *testing.T, text string, rows int) []string {
	t.Helper()
	code, stdout, stderr := detectOutput(t, text)
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if lines[0] != "timestamp,value,score" || len(lines) != rows+1 {
		t.Fatalf("%d rows after %q, want %d", len(lines)-1, lines[0], rows)
	}
	for _, line := range lines[1:] {
		score, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ',')+1:], 64)
		if err != nil || !(score >= 0 && score <= 1) {
			t.Fatalf("%q has no score in 0…1", line)
		}
	}
	return lines[1:]
}

// TestDetectTakesOddSeries: a row out for each row in, and a row's score is the
// same whatever follows.
func TestDetectTakesOddSeries(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	const rows = 900
	begin := oddRows(r, rows)
	want := scored(t, begin, rows)
	for range 3 {
		more := 1 + r.IntN(300)
		got := scored(t, begin+oddRows(r, more), rows+more)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("row %d is %q, and %q when other rows follow", i+1, want[i], got[i])
			}
		}
	}
}

func TestDetectTakesSmallAndFlatSeries(t *testing.T) {
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	series := func(rows int, value func(int) float64) string {
		var b strings.Builder
		for i := range rows {
			fmt.Fprintf(&b, "%s,%v\n", day.Add(time.Duration(i)*time.Minute).Format(time.DateTime), value(i))
		}
		return b.String()
	}
	for name, test := range map[string]struct {
		rows  int
		value func(int) float64
		least int // detections
		most  int
	}{
		"one row":       {1, func(int) float64 { return 3 }, 0, 0},
		"five rows":     {5, func(i int) float64 { return float64(i) }, 0, 0},
		"constant":      {800, func(int) float64 { return -7 }, 0, 0},
		"nothing":       {800, func(int) float64 { return 0 }, 0, 0},
		"one other":     {800, func(i int) float64 { return map[int]float64{700: 1}[i] }, 1, 2},
		"a new level":   {800, func(i int) float64 { return float64(i / 700) }, 1, 3},
		"huge":          {800, func(i int) float64 { return 1e300 * float64(i%2) }, 0, 3},
		"larger always": {800, func(i int) float64 { return float64(i) * float64(i) }, 0, 20},
	} {
		t.Run(name, func(t *testing.T) {
			found := 0
			for _, line := range scored(t, series(test.rows, test.value), test.rows) {
				if score, _ := strconv.ParseFloat(line[strings.LastIndexByte(line, ',')+1:], 64); score >= 0.5 {
					found++
				}
			}
			if found < test.least || found > test.most {
				t.Errorf("%d detections, want %d to %d", found, test.least, test.most)
			}
		})
	}
}

// TestDetectReadsGivenTimes: forms that cannot be found out are told.
func TestDetectReadsGivenTimes(t *testing.T) {
	code, stdout, stderr := detectOutput(t, "when,what\n25/12/2026 10:00,1\n3,2\n", "--time-format", "%d/%m/%Y %H:%M", "--time-format", "unix")
	if code != exitOK || stdout != "timestamp,value,score\n25/12/2026 10:00,1,0.000000\n3,2,0.000000\n" {
		t.Errorf("exit code %d, %q %s", code, stdout, stderr)
	}
}

// TestDetectIsFlatInMemory: what is kept does not grow with the rows.
func TestDetectIsFlatInMemory(t *testing.T) {
	detector, err := anomaly.New(anomaly.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	const rows = 24_000
	source := &growingSeries{rows: rows}
	reader := newSeriesReader("endless", source, anyTime(t))
	var early uint64
	for n := 1; ; n++ {
		row, err := reader.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		detector.Observe(row.at, row.value)
		if n == rows/3 {
			early = heap()
		}
	}
	if late := heap(); late > early+100<<10 {
		t.Errorf("%d bytes after a third of the rows, %d after all", early, late)
	}
	runtime.KeepAlive(detector)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// growingSeries writes its rows when they are read.
type growingSeries struct {
	rows, written int
	rest          bytes.Buffer
}

func (s *growingSeries) Read(p []byte) (int, error) {
	if s.rest.Len() == 0 {
		if s.written == s.rows {
			return 0, io.EOF
		}
		for range min(100, s.rows-s.written) {
			fmt.Fprintf(&s.rest, "%d,%d\n", 1_700_000_000+300*s.written, s.written%288+s.written*7919%97)
			s.written++
		}
	}
	return s.rest.Read(p)
}

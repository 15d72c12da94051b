package anomaly

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// labelled is one series of the Numenta Anomaly Benchmark with its windows.
type labelled struct {
	category, name string
	times          []time.Time
	values         []float64
	windows        []span
}

// span is the rows first to last, both included.
type span struct{ first, last int }

func (s span) width() float64 { return float64(max(1, s.last-s.first)) }

// probation is how many rows are not scored.
func (l *labelled) probation() int { return min(750, len(l.values)*15/100) }

// nabFalse is what a false detection costs, as a share of a missed window: the
// standard profile.
const nabFalse = 0.11

// nabSigmoid is the benchmark's scoring function: 1 far ahead of a window's
// end, 0 at it, −1 far behind it.
func nabSigmoid(y float64) float64 { return 2/(1+math.Exp(5*y)) - 1 }

// nabRaw is the raw score of the detections in one series (Lavin and Ahmad,
// "Evaluating Real-time Anomaly Detection Algorithms", 2015), with the numbers
// of windows found and of false detections.
func nabRaw(l *labelled, detected func(row int) bool) (score float64, found, wrong int) {
	seen := make([]bool, len(l.windows))
	for row := l.probation(); row < len(l.values); row++ {
		if !detected(row) {
			continue
		}
		if at := slices.IndexFunc(l.windows, func(w span) bool { return w.first <= row && row <= w.last }); at >= 0 {
			if !seen[at] {
				w := l.windows[at]
				seen[at], found = true, found+1
				score += nabSigmoid(float64(row-w.last)/w.width()) / nabSigmoid(-1)
			}
			continue
		}
		wrong++
		score += nabFalse * nabBehind(l.windows, row)
	}
	return score - float64(len(l.windows)-found), found, wrong
}

// nabBehind is −1…0: how far the row lies behind the window before it, in
// widths of that window; −1 where there is none.
func nabBehind(windows []span, row int) float64 {
	behind := -1.0
	for _, w := range windows {
		if w.last < row {
			behind = nabSigmoid(float64(row-w.last) / w.width())
		}
	}
	return behind
}

// nabScore brings a raw score over so many windows to its scale: 0 for a
// detector that never fires, 100 for a perfect one.
func nabScore(raw float64, windows int) float64 {
	return 100 * (raw + float64(windows)) / (2 * float64(windows))
}

// readNAB reads the corpus: series as timestamp,value and windows.json.
func readNAB(t *testing.T) []labelled {
	t.Helper()
	files := tarFiles(t, realData(t, "nab.tar.gz"))
	var windows map[string][][2]string
	for name, text := range files {
		if filepath.Base(name) == "windows.json" {
			if err := json.Unmarshal(text, &windows); err != nil {
				t.Fatal(err)
			}
		}
	}
	var corpus []labelled
	for name, text := range files {
		path := strings.Split(name, "/")
		if !strings.HasSuffix(name, ".csv") || len(path) < 2 {
			continue
		}
		l := labelled{category: path[len(path)-2], name: path[len(path)-1]}
		bounds, ok := windows[l.category+"/"+l.name]
		if !ok {
			t.Fatalf("%s has no entry in windows.json", name)
		}
		l.read(t, string(text))
		l.mark(t, bounds)
		corpus = append(corpus, l)
	}
	slices.SortFunc(corpus, func(a, b labelled) int {
		return cmp.Or(strings.Compare(a.category, b.category), strings.Compare(a.name, b.name))
	})
	return corpus
}

func (l *labelled) read(t *testing.T, text string) {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", l.name, err)
	}
	for _, row := range rows[1:] {
		value, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		l.times = append(l.times, nabTime(t, row[0]))
		l.values = append(l.values, value)
	}
}

// mark finds the rows of each window.
func (l *labelled) mark(t *testing.T, bounds [][2]string) {
	for _, b := range bounds {
		from, to := nabTime(t, b[0]), nabTime(t, b[1])
		inside := func(at time.Time) bool { return !at.Before(from) && !at.After(to) }
		first := slices.IndexFunc(l.times, inside)
		if first < 0 {
			t.Fatalf("%s: no row in the window from %s", l.name, b[0])
		}
		last := first
		for i := first; i < len(l.times); i++ {
			if inside(l.times[i]) {
				last = i
			}
		}
		l.windows = append(l.windows, span{first, last})
	}
}

func nabTime(t *testing.T, text string) time.Time {
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// tarFiles reads a packed archive into memory.
func tarFiles(t *testing.T, path string) map[string][]byte {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

// realData is the path of a file that others wrote. A test is skipped where it
// is absent, except in CI, which has it.
func realData(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", name)
	_, err := os.Stat(path)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%v; in CI the real data must be there", err)
	default:
		t.Skipf("%v: the real data is not on this machine", err)
	}
	return path
}

package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"millrace/internal/event"
)

// outcome is all that a replay gave.
type outcome struct {
	values  []string
	records []Record
	bad     []*BadRow
	summary Summary
	err     error
}

// replayFiles runs a replay and keeps what it gives.
func replayFiles(t *testing.T, cfg Config, files ...string) outcome {
	t.Helper()
	r, err := New(cfg, files)
	if err != nil {
		return outcome{err: err}
	}
	var got outcome
	got.summary, got.err = r.Run(t.Context(), Output{
		Send: func(_ context.Context, rec Record) error {
			got.values = append(got.values, string(rec.Value))
			rec.Value = nil
			got.records = append(got.records, rec)
			return nil
		},
		Reject: func(b *BadRow) error {
			got.bad = append(got.bad, b)
			return nil
		},
	})
	if rows := got.summary.Events + got.summary.BadRows; got.err == nil && rows != got.summary.Rows {
		t.Errorf("%d rows became %d events and %d bad rows", got.summary.Rows, got.summary.Events, got.summary.BadRows)
	}
	return got
}

// write makes a file in a directory of the test.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// events decodes the envelopes and fails where there is any fault.
func (o outcome) events(t *testing.T) []event.Event {
	t.Helper()
	if o.err != nil {
		t.Fatal(o.err)
	}
	for _, b := range o.bad {
		t.Error(b)
	}
	decoder := event.NewDecoder(event.DefaultLimits())
	events := make([]event.Event, len(o.values))
	for i, value := range o.values {
		if reject := decoder.Decode(&events[i], []byte(value)); reject != nil {
			t.Fatalf("%s: %v", value, reject)
		}
	}
	return events
}

// assignments parses what a user would write after --map.
func assignments(t *testing.T, texts ...string) []Assignment {
	t.Helper()
	a, err := ParseAssignments(texts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(t *testing.T, content []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(content, nil)
}

const csvFile = "user_id,event,timestamp,amount,city,code\n" +
	"u1,purchase,2024-01-02 03:04:05,12.50,Köln,00042\n" +
	"u2,view,2024-01-02 03:04:06.5,,\"Paris, FR\",7\n"

// wantPlain are the events of the file above in any format with text cells.
func wantPlain() []string {
	return []string{
		`"type":"purchase","user_id":"u1","timestamp":"2024-01-02T03:04:05.000Z","properties":{"amount":12.50,"city":"Köln","code":"00042"}}`,
		`"type":"view","user_id":"u2","timestamp":"2024-01-02T03:04:06.500Z","properties":{"city":"Paris, FR","code":7}}`,
	}
}

// check compares envelopes without their ids.
func check(t *testing.T, got outcome, want []string) {
	t.Helper()
	got.events(t)
	if len(got.values) != len(want) {
		t.Fatalf("got %d events, want %d: %v", len(got.values), len(want), got.values)
	}
	for i, value := range got.values {
		_, rest, _ := strings.Cut(value, ",")
		if rest != want[i] {
			t.Errorf("event %d:\ngot  %s\nwant %s", i, rest, want[i])
		}
	}
}

func TestEveryFormatAndCompression(t *testing.T) {
	tsv := strings.NewReplacer("\"Paris, FR\"", "Paris, FR", "Paris, FR", "Paris, FR").Replace(csvFile)
	tsv = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(tsv, ",", "\t"), "Paris\t FR", "Paris, FR"), "\"", "")
	ndjson := `{"user_id":"u1","event":"purchase","timestamp":"2024-01-02 03:04:05","amount":12.50,"city":"Köln","code":"00042"}
{"user_id":"u2","event":"view","timestamp":"2024-01-02T03:04:06.5Z","amount":null,"city":"Paris, FR","code":7}
`
	blank := "user_id   event  \t timestamp amount code\r\n  u1 purchase 2024-01-02T03:04:05  12.50\t00042  \r\nu2 view 2024-01-02T03:04:06.5 1e3 7\r\n"
	wantBlank := []string{
		`"type":"purchase","user_id":"u1","timestamp":"2024-01-02T03:04:05.000Z","properties":{"amount":12.50,"code":"00042"}}`,
		`"type":"view","user_id":"u2","timestamp":"2024-01-02T03:04:06.500Z","properties":{"amount":1e3,"code":7}}`,
	}
	semicolons := "\ufeff" + strings.ReplaceAll(strings.ReplaceAll(csvFile, ",", ";"), "\"Paris; FR\"", "\"Paris, FR\"")
	for _, f := range []struct {
		name, content string
		want          []string
	}{
		{"a.csv", csvFile, wantPlain()},
		{"crlf.csv", strings.ReplaceAll(csvFile, "\n", "\r\n"), wantPlain()},
		{"semicolons.csv", semicolons, wantPlain()},
		{"a.tsv", tsv, wantPlain()},
		{"a.ndjson", ndjson, wantPlain()},
		{"a.txt", blank, wantBlank},
		{"csv-by-content", csvFile, wantPlain()},
		{"tsv-by-content.dat", tsv, wantPlain()},
		{"ndjson-by-content.log", ndjson, wantPlain()},
	} {
		packings := map[string][]byte{
			f.name:                 []byte(f.content),
			f.name + ".gz":         gzipped(t, []byte(f.content)),
			f.name + ".zst":        zstandard(t, []byte(f.content)),
			"gzip-as-" + f.name:    gzipped(t, []byte(f.content)),
			"zstd.gz-as-" + f.name: zstandard(t, []byte(f.content)),
		}
		for name, content := range packings {
			t.Run(name, func(t *testing.T) {
				check(t, replayFiles(t, DefaultConfig(), write(t, name, content)), f.want)
			})
		}
	}
}

func TestSeveralGzipMembersAreOneFile(t *testing.T) {
	half := strings.Index(csvFile, "u2")
	content := append(gzipped(t, []byte(csvFile[:half])), gzipped(t, []byte(csvFile[half:]))...)
	check(t, replayFiles(t, DefaultConfig(), write(t, "a.csv.gz", content)), wantPlain())
}

func TestStandardInput(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Stdin = bytes.NewReader(gzipped(t, []byte(csvFile)))
	check(t, replayFiles(t, cfg, "-"), wantPlain())
	cfg.Speed = 1
	if _, err := New(cfg, []string{"-"}); err == nil || !strings.Contains(err.Error(), "save it to a file first") {
		t.Errorf("got %v", err)
	}
}

func TestBadRowsAreNamed(t *testing.T) {
	content := "user,event,time,note\n" + // 1
		"u1,view,2024-01-01,fine\n" + // 2
		",view,2024-01-01,no user\n" + // 3
		"u1,view,31/12/2024,bad date\n" + // 4
		"u1,view,2024-01-01\n" + // 5
		"u1,view,2024-01-01,\"two\nlines, \"\"quoted\"\"\"\n" + // 6 and 7
		"u1,view,2024-02-30,no such day\n" + // 8
		"u1,view,2024-01-01,say \"hi\"\n" + // 9
		"u1,,2024-01-01,no type\n" + // 10
		"u1,view,1850-01-01,too old\n" + // 11
		"u1,view,2100-01-01,too new\n" + // 12
		"u1,view,2024-01-01,\xff\xfe\n" + // 13
		"\n" +
		"u1,view,2024-01-01,last\n" // 15
	got := replayFiles(t, DefaultConfig(), write(t, "a.csv", []byte(content)))
	if got.err != nil {
		t.Fatal(got.err)
	}
	if got.summary.Events != 3 || got.summary.Rows != 12 {
		t.Errorf("got %+v", got.summary)
	}
	if want := `"note":"two\nlines, \"quoted\""`; !strings.Contains(got.values[1], want) || got.records[1].Line != 6 {
		t.Errorf("line %d: got %s, want %s", got.records[1].Line, got.values[1], want)
	}
	want := []struct {
		line   int64
		reason event.Reason
		detail string
	}{
		{3, event.ReasonMissingUser, "user_id"},
		{4, event.ReasonInvalidTimestamp, `"31/12/2024" is not a time`},
		{5, ReasonWrongColumns, "has 3 cells, there are 4 columns"},
		{8, event.ReasonInvalidTimestamp, "2024-02-30"},
		{9, ReasonBrokenQuotes, "quote in the middle"},
		{10, event.ReasonMissingType, "type"},
		{11, event.ReasonTimestampTooOld, "1850"},
		{12, event.ReasonTimestampInFuture, "2100"},
		{13, event.ReasonInvalidUTF8, "iconv"},
	}
	if len(got.bad) != len(want) {
		t.Fatalf("got %d bad rows, want %d: %v", len(got.bad), len(want), got.bad)
	}
	for i, w := range want {
		b := got.bad[i]
		if b.Line != w.line || b.Reason != w.reason || !strings.Contains(b.Detail, w.detail) || b.Row == "" {
			t.Errorf("got line %d %s: %s; want line %d %s: %s", b.Line, b.Reason, b.Detail, w.line, w.reason, w.detail)
		}
		if !strings.Contains(b.Error(), fmt.Sprintf("a.csv: line %d: ", w.line)) {
			t.Errorf("got %q", b)
		}
		if got.summary.BadByReason[w.reason] == 0 {
			t.Errorf("reason %s is not counted", w.reason)
		}
	}
}

// A quote that never closes spoils its own line, not the rest of the file.
func TestQuoteThatNeverCloses(t *testing.T) {
	content := "user,event,time,note\nu1,view,2024-01-01,\"oh\nu2,view,2024-01-01,fine\nu3,view,2024-01-01,fine\n"
	got := replayFiles(t, DefaultConfig(), write(t, "a.csv", []byte(content)))
	if got.err != nil || len(got.bad) != 1 || got.bad[0].Line != 2 || !strings.Contains(got.bad[0].Detail, "never closed") {
		t.Fatalf("got %v, %v", got.err, got.bad)
	}
	if len(got.records) != 2 || got.records[0].Line != 3 || got.records[1].Line != 4 {
		t.Errorf("got %v", got.records)
	}
}

func TestQuoteOverTheLongestRow(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxRowBytes = 200
	line := "u1,view,2024-01-01," + strings.Repeat("x", 60) + "\n"
	long := "u1,view,2024-01-01," + strings.Repeat("x", 300) + "\n"
	content := "user,event,time,note\nu0,view,2024-01-01,\"oh\n" + strings.Repeat(line, 10) + long + line
	got := replayFiles(t, cfg, write(t, "a.csv", []byte(content)))
	if got.err != nil || len(got.records) != 11 || len(got.bad) != 2 {
		t.Fatalf("got %v, %d events, %v", got.err, len(got.records), got.bad)
	}
	if got.bad[0].Line != 2 || got.bad[1].Line != 13 || got.bad[1].Reason != ReasonRowTooLong || got.records[10].Line != 14 {
		t.Errorf("got %v, last at line %d", got.bad, got.records[10].Line)
	}
}

func TestTSVKeepsQuotesInside(t *testing.T) {
	content := "user\tevent\ttime\tnote\nu1\tview\t2024-01-01\t5\" disk\nu1\tview\t2024-01-01\t\"a\tb\"\n"
	got := replayFiles(t, DefaultConfig(), write(t, "a.tsv", []byte(content)))
	check(t, got, []string{
		`"type":"view","user_id":"u1","timestamp":"2024-01-01T00:00:00.000Z","properties":{"note":"5\" disk"}}`,
		`"type":"view","user_id":"u1","timestamp":"2024-01-01T00:00:00.000Z","properties":{"note":"a\tb"}}`,
	})
}

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		name, content string
		change        func(*Config)
		want          int // events; -1 for an error
	}{
		{"found", "user,event,time\nu,v,2024-01-01\n", nil, 1},
		{"absent, named", "u,v,2024-01-01\n", func(c *Config) { c.Columns = []string{"user", "event", "time"} }, 1},
		{"present, named", "user,event,time\nu,v,2024-01-01\n", func(c *Config) { c.Columns = []string{"user", "event", "time"} }, 1},
		{"present, renamed", "a,b,c\nu,v,2024-01-01\n", func(c *Config) { c.Columns = []string{"user", "event", "time"}; c.Header = HeaderYes }, 1},
		{"absent, counted", "u,v,2024-01-01\n", func(c *Config) { c.Map = []Assignment{{"user_id", "c1"}, {"type", "c2"}, {"timestamp", "c3"}} }, 1},
		{"wrong number", "u,v,2024-01-01\n", func(c *Config) { c.Columns = []string{"user", "time"} }, -1},
		{"with an index", ",user,event,time\n0,u,v,2024-01-01\n", nil, 1},
		{"only a header", "user,event,time\n", nil, 0},
		{"no line break at the end", "user,event,time\nu,v,2024-01-01", nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultConfig()
			if c.change != nil {
				c.change(&cfg)
			}
			got := replayFiles(t, cfg, write(t, "a.csv", []byte(c.content)))
			if (got.err != nil) != (c.want < 0) || got.err == nil && len(got.values) != c.want {
				t.Errorf("got %d events, %v; want %d", len(got.values), got.err, c.want)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	packed := gzipped(t, []byte("user,event,time\n"+strings.Repeat("u,view,2024-01-01\n", 50_000)))
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty.csv", nil, "empty.csv is empty"},
		{"empty.csv.gz", gzipped(t, nil), "empty.csv.gz is empty"},
		{"blank.csv", []byte("\n\n"), "blank.csv is empty"},
		{"wide.csv", []byte("\xff\xfeu\x00"), "is UTF-16; convert it first"},
		{"book.csv", []byte("PK\x03\x04...."), "is a zip archive"},
		{"broken.parquet", []byte("PAR1 and then nothing"), "is not a whole Parquet file"},
		{"short.csv.gz", packed[:8], "ends too early"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := replayFiles(t, DefaultConfig(), write(t, c.name, c.content))
			if got.err == nil || !strings.Contains(got.err.Error(), c.want) {
				t.Errorf("got %v, want %q", got.err, c.want)
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		if _, err := New(DefaultConfig(), []string{"nowhere.csv"}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "open nowhere.csv") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("directory", func(t *testing.T) {
		if got := replayFiles(t, DefaultConfig(), t.TempDir()); got.err == nil || !strings.Contains(got.err.Error(), "is a directory") {
			t.Errorf("got %v", got.err)
		}
	})
}

func TestTruncatedFileSaysHowFarItCame(t *testing.T) {
	var content strings.Builder
	content.WriteString("user,event,time,n\n")
	for i := range 200_000 {
		fmt.Fprintf(&content, "u%d,view,2024-01-01,%d\n", i*7919%100_003, i)
	}
	for name, packed := range map[string][]byte{"a.csv.gz": gzipped(t, []byte(content.String())), "a.csv.zst": zstandard(t, []byte(content.String()))} {
		t.Run(name, func(t *testing.T) {
			got := replayFiles(t, DefaultConfig(), write(t, name, packed[:len(packed)*2/3]))
			if got.err == nil || !strings.Contains(got.err.Error(), fmt.Sprintf("ends too early; %d lines were read", got.summary.Rows)) {
				t.Errorf("got %v", got.err)
			}
			if got.summary.Rows < 1000 || len(got.bad) > 0 || int64(len(got.values)) != got.summary.Events {
				t.Errorf("got %+v", got.summary)
			}
		})
	}
}

func TestIDsAreRepeatable(t *testing.T) {
	content := []byte("user,event,time\nu,v,2024-01-01\nu,v,2024-01-01\n")
	ids := func(cfg Config, files ...string) []string {
		var ids []string
		for _, ev := range replayFiles(t, cfg, files...).events(t) {
			ids = append(ids, ev.ID)
		}
		return ids
	}
	first := ids(DefaultConfig(), write(t, "a.csv", content))
	if first[0] == first[1] {
		t.Error("two equal lines have one id")
	}
	if got := ids(DefaultConfig(), write(t, "a.csv.gz", gzipped(t, content))); !slices.Equal(got, first) {
		t.Errorf("packed: got %v, want %v", got, first)
	}
	longer := append(slices.Clone(content), "u,v,2024-01-02\n"...)
	if got := ids(DefaultConfig(), write(t, "a.csv", longer)); !slices.Equal(got[:2], first) {
		t.Errorf("with a further line: got %v, want %v", got, first)
	}
	mapped := DefaultConfig()
	mapped.Const = assignments(t, "type=w")
	if got := ids(mapped, write(t, "a.csv", content)); !slices.Equal(got, first) {
		t.Errorf("under another mapping: got %v, want %v", got, first)
	}
	if got := ids(DefaultConfig(), write(t, "b.csv", content)); got[0] == first[0] {
		t.Error("another file has the same ids")
	}
	shifted := DefaultConfig()
	shifted.ShiftTo = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := ids(shifted, write(t, "a.csv", content)); got[0] == first[0] {
		t.Error("the same event at another time has the same id")
	}
	both := ids(DefaultConfig(), write(t, "a.csv", content), write(t, "a.csv", content))
	slices.Sort(both)
	if len(slices.Compact(both)) != 4 {
		t.Error("files of the same name share ids")
	}
}

func TestShift(t *testing.T) {
	content := []byte("user,event,time\nu,v,2024-01-03\nu,v,2024-01-01T00:00:00.5Z\n")
	cfg := DefaultConfig()
	cfg.ShiftTo = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	got := replayFiles(t, cfg, write(t, "a.csv", content))
	check(t, got, []string{
		`"type":"v","user_id":"u","timestamp":"2026-06-01T12:00:00.000Z"}`,
		`"type":"v","user_id":"u","timestamp":"2026-05-30T12:00:00.500Z"}`,
	})
	if !got.summary.Last.Equal(cfg.ShiftTo) || got.summary.ShiftSeconds == 0 {
		t.Errorf("got %+v", got.summary)
	}
	envelope := `{"event_id":"e1","type":"v","user_id":"u","timestamp":"2024-01-01T00:00:00Z","properties":{"a":1.50}}`
	got = replayFiles(t, cfg, write(t, "a.ndjson", []byte(envelope)))
	check(t, got, []string{`"type":"v","user_id":"u","timestamp":"2026-06-01T12:00:00.000Z","properties":{"a":1.50}}`})
}

func TestSpeedFollowsEventTime(t *testing.T) {
	for name, content := range map[string]string{
		"in order": "user,event,time\na,v,1999-01-01T00:00:00Z\nb,v,1999-01-01T00:10:00Z\nc,v,1999-01-01T01:00:00Z\n",
		"unsorted": "user,event,time\nc,v,1999-01-01T01:00:00Z\na,v,1999-01-01T00:00:00Z\nb,v,1999-01-01T00:10:00Z\n",
	} {
		path := write(t, "a.csv", []byte(content))
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := DefaultConfig()
				cfg.Speed = 60
				cfg.ShiftTo = time.Now()
				r, err := New(cfg, []string{path})
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				var got []string
				_, err = r.Run(t.Context(), Output{
					Send: func(_ context.Context, rec Record) error {
						got = append(got, fmt.Sprint(rec.Key, " ", time.Since(start)))
						return nil
					},
					Reject: func(b *BadRow) error { return b },
				})
				if want := []string{"a 0s", "b 10s", "c 1m0s"}; err != nil || !slices.Equal(got, want) {
					t.Errorf("got %v, %v; want %v", got, err, want)
				}
			})
		})
	}
}

func TestSpeedStopsWithItsContext(t *testing.T) {
	path := write(t, "a.csv", []byte("user,event,time\na,v,1999-01-01T00:00:00Z\nb,v,1999-01-02T00:00:00Z\n"))
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.Speed = 1
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, err := New(cfg, []string{path})
		if err != nil {
			t.Fatal(err)
		}
		summary, err := r.Run(ctx, Output{
			Send:   func(context.Context, Record) error { return nil },
			Reject: func(b *BadRow) error { return b },
		})
		if !errors.Is(err, context.DeadlineExceeded) || summary.Events != 1 {
			t.Errorf("got %+v, %v", summary, err)
		}
	})
}

func TestSortingIsBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Speed, cfg.MaxSortBytes = 1e9, 300
	got := replayFiles(t, cfg, write(t, "a.csv", []byte("user,event,time\na,v,2024-01-03\nb,v,2024-01-02\nc,v,2024-01-01\n")))
	if got.err == nil || !strings.Contains(got.err.Error(), "sort the files by time") {
		t.Errorf("got %v", got.err)
	}
}

func TestLimitCountsRowsOverFiles(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Limit = 3
	a, b := write(t, "a.csv", []byte(csvFile)), write(t, "b.csv", []byte(csvFile))
	if got := replayFiles(t, cfg, a, b); got.summary.Rows != 3 || got.summary.Events != 3 {
		t.Errorf("got %+v", got.summary)
	}
}

func TestPreview(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Map, cfg.Const = assignments(t, "properties.amount=amount"), assignments(t, "type=purchase")
	r, err := New(cfg, []string{write(t, "a.csv.gz", gzipped(t, []byte(csvFile)))})
	if err != nil {
		t.Fatal(err)
	}
	previews, err := r.Preview(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	p := previews[0]
	want := []Source{{Target: "type", Constant: "purchase"}, {Target: "user_id", Column: "user_id"}, {Target: "timestamp", Column: "timestamp"}, {Target: "properties.amount", Column: "amount"}}
	if p.Format != FormatCSV || p.Compression != "gzip" || !slices.Equal(p.Mapping, want) || !slices.Equal(p.LeftOut, []string{"event", "city", "code"}) || len(p.Events) != 1 {
		t.Errorf("got %+v", p)
	}
	if _, err := json.Marshal(p); err != nil {
		t.Error(err)
	}
}

func TestConfigFaultsAreAllReported(t *testing.T) {
	cfg := Config{Format: "cvs", Header: "maybe", Delimiter: '"', TimeFormats: []string{"YYYY-MM-DD", "%Q"}, Speed: -1}
	err := cfg.Validate()
	for _, want := range []string{`did you mean "csv"?`, "header:", "delimiter:", "names no part of a time", "%Q", "time zone:", "speed", "bounds:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestProgressReachesItsEnd(t *testing.T) {
	r, err := New(DefaultConfig(), []string{write(t, "a.csv", []byte(csvFile))})
	if err != nil {
		t.Fatal(err)
	}
	discard := Output{
		Send:   func(context.Context, Record) error { return nil },
		Reject: func(*BadRow) error { return nil },
	}
	if _, err := r.Run(t.Context(), discard); err != nil {
		t.Fatal(err)
	}
	if done, total := r.Progress(); done != total || total != int64(len(csvFile)) {
		t.Errorf("got %d of %d", done, total)
	}
}

// Whoever writes into a pipe sees events leave before it closes.
func TestPipeIsReadAsItComes(t *testing.T) {
	reader, writer := io.Pipe()
	cfg := DefaultConfig()
	cfg.Stdin = reader
	r, err := New(cfg, []string{"-"})
	if err != nil {
		t.Fatal(err)
	}
	sent, done := make(chan string), make(chan error, 1)
	go func() {
		_, err := r.Run(t.Context(), Output{
			Send:   func(_ context.Context, rec Record) error { sent <- rec.Key; return nil },
			Reject: func(b *BadRow) error { return b },
		})
		done <- err
	}()
	for _, user := range []string{"u1", "u2"} {
		if _, err := fmt.Fprintf(writer, `{"user":%q,"event":"v","ts":1704067200}`+"\n", user); err != nil {
			t.Fatal(err)
		}
		if got := <-sent; got != user {
			t.Errorf("got %s, want %s", got, user)
		}
	}
	writer.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

package replay

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"millrace/internal/event"
)

// discard takes everything and keeps nothing.
func discard() Output {
	return Output{
		Send:   func(context.Context, Record) error { return nil },
		Reject: func(*BadRow) error { return nil },
	}
}

// FuzzFormats holds every reader to its promise on any input: no panic, each
// row becomes an event that the decoder takes or a bad row.
func FuzzFormats(f *testing.F) {
	f.Add([]byte(csvFile), byte(1))
	f.Add([]byte("user event time\nu v 2024-01-01\n"), byte(3))
	f.Add([]byte(`{"user":"u","event":"v","ts":1704067200,"x":{"y":[1]}}`+"\n{\n"), byte(4))
	f.Add([]byte(`{"type":"v","user_id":"u","properties":{}}`), byte(5))
	f.Add([]byte("user,event,time\n\"u\n\"\"\",v,2024-01-01\n\"x\n"), byte(1))
	formats := []Format{FormatAuto, FormatCSV, FormatTSV, FormatBlank, FormatNDJSON, FormatEnvelope}
	f.Fuzz(func(t *testing.T, content []byte, format byte) {
		cfg := DefaultConfig()
		cfg.Format = formats[int(format)%len(formats)]
		cfg.MaxRowBytes = 1 << 12
		cfg.Stdin = bytes.NewReader(content)
		r, err := New(cfg, []string{"-"})
		if err != nil {
			t.Fatal(err)
		}
		decoder := event.NewDecoder(event.DefaultLimits())
		out := discard()
		out.Send = func(_ context.Context, rec Record) error {
			var ev event.Event
			if reject := decoder.Decode(&ev, rec.Value); reject != nil {
				t.Errorf("%s: %v", rec.Value, reject)
			}
			if !json.Valid(rec.Value) || bytes.IndexByte(rec.Value, '\n') >= 0 || ev.ID == "" || ev.Key() != rec.Key {
				t.Errorf("got %s", rec.Value)
			}
			return nil
		}
		summary, err := r.Run(t.Context(), out)
		if err == nil && summary.Rows != summary.Events+summary.BadRows {
			t.Errorf("got %+v", summary)
		}
	})
}

// FuzzCSV compares the cells of valid CSV with those of encoding/csv.
func FuzzCSV(f *testing.F) {
	f.Add("a,b\n\"x\"\"y\",\"1\n2\"\n")
	f.Add("a\r\n\"\"\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\r") || strings.HasPrefix(text, "\ufeff") || strings.ContainsAny(text, "\t;|") {
			t.Skip() // line ends inside of cells, marks and other separators are ours
		}
		reference := csv.NewReader(strings.NewReader(text))
		want, err := reference.ReadAll()
		if err != nil || len(want) < 1 || strings.TrimSpace(text) == "" {
			t.Skip()
		}
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) == "" && line != "\n" {
				t.Skip() // a row of blanks is a cell there, and nothing here
			}
		}
		cfg := DefaultConfig()
		cfg.Header, cfg.Stdin, cfg.Delimiter = HeaderNo, strings.NewReader(text), ','
		got := cellsOfCSV(t, cfg)
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q:\ngot  %q\nwant %q", text, got, want)
		}
	})
}

func cellsOfCSV(t *testing.T, cfg Config) [][]string {
	t.Helper()
	r, err := New(cfg, []string{"-"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := openSource("-", cfg.Stdin, &r.read)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDelimited(s, FormatCSV, &cfg)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for {
		var one row
		err := d.next(&one)
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		var cells []string
		for _, c := range one.cells {
			cells = append(cells, string(c.text))
		}
		rows = append(rows, cells)
	}
}

// FuzzTime holds the reader of times to a round trip.
func FuzzTime(f *testing.F) {
	f.Add("2024-03-13 10:21:14.5+05:30")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := ParseTime(text, nil)
		if err != nil || at.Year() < 1000 || at.Year() > 9999 {
			return
		}
		again, err := ParseTime(at.UTC().Format("2006-01-02T15:04:05.999999999Z"), nil)
		if err != nil || !again.Equal(at) {
			t.Errorf("%q: %v became %v, %v", text, at, again, err)
		}
	})
}

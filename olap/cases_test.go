package olap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCases runs the files of testdata/cases. Each holds a story, its events,
// a question, and the result; -update rewrites the results.
func TestCases(t *testing.T) {
	paths, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { runCase(t, path) })
	}
}

func runCase(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "\n--- ")
	if len(parts) < 4 {
		t.Fatalf("%s: want --- events, then pairs of --- question and --- result", path)
	}
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-02-01T12:00:00Z") } })
	rows := caseRows(t, strings.TrimPrefix(parts[1], "events\n"))
	write(t, s, "case", rows)
	for i := 2; i+1 < len(parts); i += 2 {
		question := strings.TrimPrefix(parts[i], "question\n")
		a := ask(t, s, question)
		if strings.Contains(question, `"kind":"funnel"`) {
			sameAsReference(t, s.now(), rows, question, a.Result)
		}
		got := "result\n" + pretty(t, a.Result)
		for _, w := range a.Meta.Warnings {
			got += "\n" + w
		}
		if i+2 == len(parts) {
			got += "\n"
		}
		if !*update && got != parts[i+1] {
			t.Errorf("%s: got\n%s\nwant\n%s", parts[i], got, parts[i+1])
		}
		parts[i+1] = got
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(parts, "\n--- ")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// pretty writes JSON with one line per line of a chart or step.
func pretty(t *testing.T, v any) string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(jsonOf(t, v)), &fields); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range sortedKeys(fields) {
		var items []json.RawMessage
		if json.Unmarshal(fields[name], &items) == nil && len(items) > 0 && bytes.HasPrefix(items[0], []byte("{")) {
			fmt.Fprintf(&b, "%s:\n", name)
			for _, item := range items {
				fmt.Fprintf(&b, "    %s\n", item)
			}
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", name, fields[name])
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// caseRows reads lines of: user type time key=value… ; times of 2026 may be
// written as MM-DD HH:MM:SS.
func caseRows(t *testing.T, text string) []row {
	var rows []row
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		when, err := time.Parse("2006-01-02 15:04:05", "2026-"+f[2]+" "+f[3])
		if err != nil {
			t.Fatal(err)
		}
		r := row{user: f[0], kind: f[1], at: when}
		for _, pair := range f[4:] {
			key, value, _ := strings.Cut(pair, "=")
			switch key {
			case "country":
				r.country = value
			case "page":
				r.page = value
			case "amount":
				r.amount = value
			case "currency":
				r.currency = value
			case "category":
				r.category = value
			case "video":
				r.video = value
			case "session":
				r.session = value
			case "properties":
				r.properties = value
			default:
				t.Fatalf("%s: no field %s", line, key)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTrainBGNBDPrintsThePapersParameters is the command as its users run it.
func TestTrainBGNBDPrintsThePapersParameters(t *testing.T) {
	file := dataFile(t, "cdnow_sample.txt.gz")
	stdout, _ := command(t, exitOK, "train", "bgnbd", "--purchases", file, "--calibrate-until", "1997-09-30", "--json")
	var got map[string]any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v:\n%s", err, stdout)
	}
	for name, want := range map[string]float64{"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "log_likelihood": -9582.4} {
		value, ok := got[name].(float64)
		tolerance := 0.0005
		if name == "log_likelihood" {
			tolerance = 0.05
		}
		if !ok || value < want-tolerance || value > want+tolerance {
			t.Errorf("%s: got %v, want %v", name, got[name], want)
		}
	}
	stdout, _ = command(t, exitOK, "train", "bgnbd", "--purchases", file, "--calibrate-until", "1997-09-30")
	for _, want := range []string{"0.2426, 4.4136", "-9582.4", "expected 4161", "actual 4339 (-4.1 %)"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the report does not say %q:\n%s", want, stdout)
		}
	}
}

func TestTrainBGNBDSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	once := file("once.csv", "a,2026-01-01,5\nb,2026-01-02,5\n")
	for _, tc := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"missing file", []string{"--purchases", filepath.Join(dir, "none")}, exitUsage, []string{"--purchases", "no such file", "name a file"}},
		{"directory", []string{"--purchases", dir}, exitUsage, []string{"--purchases", "is a directory"}},
		{"bad end", []string{"--purchases", once, "--calibrate-until", "30.9.1997"}, exitUsage, []string{"--calibrate-until", "YYYY-MM-DD"}},
		{"empty", []string{"--purchases", file("empty.csv", "")}, exitFailed, []string{"empty.csv is empty"}},
		{"bad date", []string{"--purchases", file("date.csv", "a,2026-01-01,5\na,2026-02-30,5\n")}, exitFailed, []string{"date.csv, line 2: field 2", "2026-02-30"}},
		{"no repeats", []string{"--purchases", once}, exitFailed, []string{"once.csv, until 2026-01-02", "no customer bought on a second day"}},
		{"nobody yet", []string{"--purchases", once, "--calibrate-until", "2025-01-01"}, exitFailed, []string{"nobody bought", "later date"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, stderr := command(t, tc.code, append([]string{"train", "bgnbd"}, tc.args...)...)
			for _, want := range tc.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q does not say %q", stderr, want)
				}
			}
		})
	}
}

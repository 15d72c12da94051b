package olap

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// funnelCase is one edge of the rules: what a user did, and how far that is.
//
//	# The window is inclusive: its last millisecond counts.
//	10:00:00 view, 11:00:00 buy
//	= view, buy +3600 s
type funnelCase struct {
	title, events, answer string
	user                  string
	rows                  []row
}

// TestFunnelCases runs the files of testdata/funnels: a question, then cases
// under it, one user each. -update rewrites the answers; the reference must agree
// with them all the same.
func TestFunnelCases(t *testing.T) {
	paths, err := filepath.Glob("testdata/funnels/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { runFunnelCases(t, path) })
	}
}

func runFunnelCases(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(strings.TrimSpace(string(text)), "\n\n")
	cases := map[int]*funnelCase{} // by block
	var rows []row
	for i, block := range blocks {
		if strings.HasPrefix(block, "#") {
			cases[i] = readFunnelCase(t, block, fmt.Sprintf("u%03d", i))
			rows = append(rows, cases[i].rows...)
		}
	}
	if len(cases) < 40 {
		t.Errorf("%d cases, want 40 or more", len(cases))
	}
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-04-01T12:00:00Z") } })
	write(t, s, "cases", rows)
	var got func(user string) string
	for i, block := range blocks {
		if strings.HasPrefix(block, "{") {
			got = answersTo(t, s, rows, block)
			continue
		}
		if c := cases[i]; c != nil {
			answer := got(c.user)
			if !*update && answer != c.answer {
				t.Errorf("%s\n%s\ngot  %s\nwant %s", c.title, c.events, answer, c.answer)
			}
			blocks[i] = c.title + "\n" + c.events + "\n" + answer
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(blocks, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// answersTo asks about every user at once, and has the reference agree.
func answersTo(t *testing.T, s *Store, rows []row, question string) func(user string) string {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(question), &fields); err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	by := merged(fields, map[string]any{"kind": "funnel", "breakdown": map[string]any{"property": "user_id", "limit": 250}})
	result := askFunnel(t, s, by)
	sameAsReference(t, s.now(), rows, by, result)
	return func(user string) string {
		for _, g := range result.Breakdown {
			if g.Value == user {
				return "= " + journeyText(g.Steps, fields["order"] == "unordered")
			}
		}
		return "= not in the funnel"
	}
}

// journeyText writes what one user (or their sessions) did, with the seconds
// since the required step before.
func journeyText(steps []FunnelStep, unordered bool) string {
	var parts []string
	for k, s := range steps {
		if s.Count == 0 {
			continue
		}
		name, _ := json.Marshal(s.Event)
		text := strings.Trim(string(name), `"`)
		if s.Name != "" {
			text = s.Name
		}
		if unordered {
			text = fmt.Sprintf("step %d", k+1)
		}
		if s.Count > 1 {
			text += fmt.Sprintf(" by %d", s.Count)
		}
		if k > 0 {
			text += fmt.Sprintf(" +%v s", s.AverageSeconds)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// readFunnelCase reads events such as 10:00:00 view country=IN, on the 10th of
// January 2026 where they do not say otherwise.
func readFunnelCase(t *testing.T, block, user string) *funnelCase {
	t.Helper()
	lines := strings.Split(block, "\n")
	last := len(lines)
	c := &funnelCase{user: user}
	if strings.HasPrefix(lines[last-1], "=") {
		last--
		c.answer = lines[last]
	}
	titles := slices.IndexFunc(lines, func(line string) bool { return !strings.HasPrefix(line, "#") })
	c.title, c.events = strings.Join(lines[:titles], "\n"), strings.Join(lines[titles:last], "\n")
	var text strings.Builder
	for _, e := range strings.FieldsFunc(c.events, func(r rune) bool { return r == ',' || r == '\n' }) {
		f := strings.Fields(e)
		if !strings.Contains(f[0], "-") {
			f = append([]string{"01-10"}, f...)
		}
		fmt.Fprintln(&text, user, f[2], f[0], f[1], strings.Join(f[3:], " "))
	}
	c.rows = caseRows(t, text.String())
	return c
}

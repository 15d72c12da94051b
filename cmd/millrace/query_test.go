package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// answering serves one answer to every question.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status != http.StatusOK {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// millrace runs the command as a shell would.
func millrace(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), code
}

// TestQueryShowsAnswers shows each file of testdata/query, an answer of the API:
// as a table in plain letters, in blocks, in a narrow window, and as CSV.
func TestQueryShowsAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/query/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no answers: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			url := answering(t, http.StatusOK, string(body))
			var b strings.Builder
			for _, flags := range [][]string{{"--width", "100"}, {"--width", "40"}, {"--csv"}} {
				out, errs, code := millrace(t, append([]string{"query", "--api", url, "trends view"}, flags...)...)
				if code != exitOK || errs != "" {
					t.Fatalf("exit %d: %s", code, errs)
				}
				fmt.Fprintf(&b, "$ %s\n%s\n", strings.Join(flags, " "), out)
			}
			shown, err := readAnswer(body)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString("$ on a terminal\n")
			if err := (display{out: &b, width: 80, fancy: true}).answer(shown); err != nil {
				t.Fatal(err)
			}
			goldenText(t, filepath.Join("query", name+".txt"), b.String())
		})
	}
}

func goldenText(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs, run with -update and read the diff; got:\n%s", path, got)
	}
}

func TestQueryPrintsJSON(t *testing.T) {
	const answer = `{"kind":"trends","result":{"buckets":[],"series":[]},"meta":{}}`
	out, _, code := millrace(t, "query", "--api", answering(t, http.StatusOK, answer+"\n"), "--json", `{"kind":"trends"}`)
	if code != exitOK || out != answer+"\n" {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestQueryExplains(t *testing.T) {
	url := answering(t, http.StatusOK, `{"kind":"trends","question":{"kind":"trends"},"text":"trends view","estimate":{"rows":1234567,"bytes":45600000,"marks":151},"budget_rows":1000000,"fits":false,
"statements":[{"sql":"SET param_p1 = 'view';\nSELECT 1","rows":1234567,"bytes":45600000,"marks":151,"columns":["events.type"]}],"meta":{}}`)
	out, errs, code := millrace(t, "query", "--api", url, "--explain", "trends view")
	const want = `question   trends view
as JSON    {"kind":"trends"}
reads      about 1,234,567 rows, 45.6 MB, 151 marks
budget     1,000,000 rows: it would be refused

-- statement 1 of 1: about 1,234,567 rows, 45.6 MB, 151 marks
SET param_p1 = 'view';
SELECT 1;
`
	if code != exitOK || out != want {
		t.Errorf("exit %d: %s\n%s", code, errs, out)
	}
}

func TestQueryPointsAtFaults(t *testing.T) {
	url := answering(t, http.StatusBadRequest, `{"title":"Bad Request","status":400,"code":"invalid_text","detail":"column 24: found \"witin\", expected within.","field":"/q","column":24}`)
	_, errs, code := millrace(t, "query", "--api", url, "funnel view > purchase witin 1d")
	const want = "  funnel view > purchase witin 1d\n                         ^\nmillrace: column 24: found \"witin\", expected within\n"
	if code != exitUsage || errs != want {
		t.Errorf("exit %d:\n%s", code, errs)
	}
	for _, args := range [][]string{{"query"}, {"query", " "}, {"query", "--csv", "--json", "x"}, {"query", "--api", "nowhere", "x"}} {
		if _, _, code := millrace(t, args...); code != exitUsage && code != exitFailed {
			t.Errorf("%v: exit %d", args, code)
		}
	}
}

func TestQueryCompletes(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Encode())
		json.NewEncoder(w).Encode(map[string]any{
			"events":     []map[string]any{{"name": "view"}, {"name": "Add to cart"}, {"name": "last"}},
			"properties": []map[string]any{{"name": "country", "types": []string{"text"}, "values": []string{"IN", "DE"}}},
		})
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct{ typed, offers, asked string }{
		{"fun", "funnel", ""},
		{"funnel ", `funnel view;funnel "Add to cart";funnel "last"`, "prefix="},
		{"funnel view > ad", `funnel view > view;funnel view > "Add to cart";funnel view > "last"`, "prefix=ad"},
		{"trends view breakdown cou", "trends view breakdown country", "prefix=cou"},
		{"trends view where country = ", `trends view where country = "IN";trends view where country = "DE"`, "prefix=&property=country"},
		{"trends view comp", "trends view compare", ""},
	} {
		asked = nil
		out, _, _ := millrace(t, "__complete", "query", "--api", server.URL, c.typed)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if got := strings.Join(lines[:len(lines)-1], ";"); got != c.offers || strings.Join(asked, " ") != c.asked {
			t.Errorf("%q: offers %s, asked %q", c.typed, got, asked)
		}
	}
}

func TestLengthsOfTime(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0s", 7.25: "7.3s", 60: "1m", 80: "1m20s", 1200: "20m", 1230: "20m30s", 3600: "1h", 3660: "1h1m", 36000: "10h", 37200: "10h20m", 36005: "10h0m5s", 180000: "2.1d"} {
		if got := length(seconds); got != want {
			t.Errorf("%v s: %q, want %q", seconds, got, want)
		}
	}
}

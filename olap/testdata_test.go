package olap

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// realData opens a file of real input, which lies beside the repository. It is
// no part of it: the test is skipped where it is absent, except in CI.
func realData(t testing.TB, name string) *gzip.Reader {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "data", name)
	file, err := os.Open(path)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("real input is not here: %v", err)
	}
	t.Cleanup(func() { file.Close() })
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// ecomRows reads the e-commerce clickstream: its times are UTC.
func ecomRows(t testing.TB) []row {
	t.Helper()
	records, err := csv.NewReader(realData(t, "ecom.csv.gz")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for _, r := range records[1:] {
		when, err := time.Parse("2006-01-02 15:04:05", r[3])
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row{user: r[0], session: r[1], kind: r[2], at: when, platform: r[4],
			properties: `{"acquisition_channel":"` + r[5] + `","user_cohort":"` + r[6] + `","user_lifecycle":"` + r[7] + `"}`})
	}
	return rows
}

// cdnowRows reads the purchases of CDNOW. Every line is an event of its own,
// also where a customer bought twice on one day.
func cdnowRows(t testing.TB) []row {
	t.Helper()
	var rows []row
	lines := bufio.NewScanner(realData(t, "cdnow.txt.gz"))
	lines.Scan()
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		when, err := time.Parse("20060102", f[1])
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row{user: f[0], kind: "purchase", at: when, amount: f[3], currency: "USD", properties: `{"cds":` + f[2] + `,"amount":` + f[3] + `}`})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

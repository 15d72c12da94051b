package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
)

// addresses is where everything of one `millrace up` can be reached. Its JSON
// form is the file DIR/addresses.json.
type addresses struct {
	API              string `json:"api"`
	ClickHouseHTTP   string `json:"clickhouse_http"`
	ClickHouseNative string `json:"clickhouse_native"`
	Kafka            string `json:"kafka"`
	Postgres         string `json:"postgres"`
	Metrics          string `json:"metrics,omitempty"` // where it has a port of its own
}

// addressesFile is the path of the file in a data directory.
func addressesFile(dir string) string { return filepath.Join(dir, "addresses.json") }

// write puts the file in place in one step: who sees it, sees all of it.
func (a addresses) write(dir string) error {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	temporary := addressesFile(dir) + ".new"
	if err := os.WriteFile(temporary, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	return os.Rename(temporary, addressesFile(dir))
}

// removeAddresses takes the file away: it exists only while all is ready.
func removeAddresses(dir string) error {
	if err := os.Remove(addressesFile(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the addresses of an earlier run: %w", err)
	}
	return nil
}

// print writes the table that a person reads.
func (a addresses) print(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "\nMillrace is ready.\t")
	for _, row := range [][2]string{
		{"Dashboard", a.API},
		{"API reference", a.API + "/docs"},
		{"ClickHouse HTTP", a.ClickHouseHTTP},
		{"ClickHouse native", a.ClickHouseNative},
		{"Kafka", a.Kafka},
		{"Postgres", a.Postgres},
		{"Metrics", a.Metrics},
	} {
		if row[1] != "" && row[1] != "/docs" {
			fmt.Fprintf(table, "  %s\t%s\n", row[0], row[1])
		}
	}
	fmt.Fprintln(table, "\nStop with Ctrl-C.\t")
	table.Flush()
}

package olap

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"millrace/internal/enginetest"
	"millrace/internal/event"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestMain(m *testing.M) { os.Exit(enginetest.Run(m)) }

// newStore is a migrated store on a database of its own.
func newStore(t testing.TB, change ...func(*Config)) *Store {
	t.Helper()
	s := openStore(t, change...)
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func openStore(t testing.TB, change ...func(*Config)) *Store {
	t.Helper()
	_, address, database := enginetest.ClickHouse(t)
	cfg := DefaultConfig()
	cfg.Address, cfg.Database = address, database
	cfg.QueryTimeout = 5 * time.Minute // a busy machine is no fault
	for _, c := range change {
		c(&cfg)
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// row is one event of a test; what is left out is absent.
type row struct {
	id, kind, user, session string
	at                      time.Time
	amount                  string // decimal, micros are taken from it
	currency, country       string
	platform, page          string
	category, video         string
	properties              string
}

// batchOf makes a batch of rows, with offsets counted from 0.
func batchOf(rows []row) *event.Batch {
	b := &event.Batch{}
	for i, r := range rows {
		appendRow(b, r, int64(i))
	}
	return b
}

func appendRow(b *event.Batch, r row, offset int64) {
	if r.id == "" {
		r.id = fmt.Sprintf("e%d", offset)
	}
	if r.properties == "" {
		r.properties = "{}"
	}
	b.EventID.Append(r.id)
	b.Type.Append(r.kind)
	b.UserID.Append(r.user)
	b.AnonymousID.Append("")
	b.SessionID.Append(r.session)
	b.Timestamp = append(b.Timestamp, r.at.UnixMilli())
	b.ReceivedAt = append(b.ReceivedAt, r.at.UnixMilli())
	micros, ok := microsOf(r.amount)
	b.Amount = append(b.Amount, micros)
	b.HasAmount = append(b.HasAmount, ok)
	b.Currency.Append(r.currency)
	b.Category.Append(r.category)
	b.VideoID.Append(r.video)
	for _, column := range []interface{ Append(string) }{&b.ProductID, &b.IP, &b.UserAgent, &b.Referrer, &b.AppVersion, &b.Device, &b.OS, &b.Browser, &b.Locale} {
		column.Append("")
	}
	b.Properties.Append(r.properties)
	b.Country.Append(r.country)
	b.Page.Append(r.page)
	b.Platform.Append(r.platform)
	b.KafkaTopic.Append("events")
	b.KafkaPartition = append(b.KafkaPartition, 0)
	b.KafkaOffset = append(b.KafkaOffset, offset)
}

func microsOf(decimal string) (int64, bool) {
	if decimal == "" {
		return 0, false
	}
	var whole, fraction int64
	var digits string
	if _, err := fmt.Sscanf(decimal, "%d.%s", &whole, &digits); err != nil {
		fmt.Sscanf(decimal, "%d", &whole)
	}
	fmt.Sscanf((digits + "000000")[:6], "%d", &fraction)
	return whole*event.MicrosPerUnit + fraction, true
}

func write(t testing.TB, s *Store, token string, rows []row) {
	t.Helper()
	if err := s.Writer().Write(t.Context(), batchOf(rows), token); err != nil {
		t.Fatal(err)
	}
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

func golden(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
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

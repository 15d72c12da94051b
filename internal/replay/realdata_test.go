package replay

import (
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"testing"
)

// dataFile is a file of real input, written by others.
func dataFile(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("real input is missing: %v", err)
		}
		t.Skipf("real input is missing: %v", err)
	}
	return path
}

func TestEcomWorksAsItIs(t *testing.T) {
	got := replayFiles(t, DefaultConfig(), dataFile(t, "ecom.csv.gz"))
	users, ids := map[string]bool{}, map[string]bool{}
	for _, ev := range got.events(t) {
		users[ev.UserID], ids[ev.ID] = true, true
		if ev.Context.Platform == "" || ev.SessionID == "" || len(ev.Properties) == 0 {
			t.Fatalf("got %+v", ev)
		}
	}
	if len(got.values) != 31_106 || len(users) != 600 || len(ids) != 31_106 {
		t.Errorf("got %d events, %d users, %d ids", len(got.values), len(users), len(ids))
	}
}

func TestCDNOW(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Map, cfg.Const = assignments(t, "user_id=customer_id,properties.amount=dollar_value"), assignments(t, "type=purchase")
	got := replayFiles(t, cfg, dataFile(t, "cdnow.txt.gz"))
	users, revenue := map[string]bool{}, new(big.Rat)
	for _, ev := range got.events(t) {
		users[ev.UserID] = true
		var p struct{ Amount json.Number }
		if err := json.Unmarshal(ev.Properties, &p); err != nil {
			t.Fatal(err)
		}
		amount, ok := new(big.Rat).SetString(p.Amount.String())
		if !ok {
			t.Fatalf("amount %q", p.Amount)
		}
		revenue.Add(revenue, amount)
	}
	if sum := revenue.FloatString(2); len(got.values) != 69_659 || len(users) != 23_570 || sum != "2500315.63" {
		t.Errorf("got %d events, %d users, revenue %s", len(got.values), len(users), sum)
	}
}

func TestCDNOWSampleHasNoHeader(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Columns, cfg.Const = []string{"customer", "sample", "date", "cds", "dollars"}, assignments(t, "type=purchase")
	got := replayFiles(t, cfg, dataFile(t, "cdnow_sample.txt.gz"))
	users := map[string]bool{}
	for _, ev := range got.events(t) {
		users[ev.UserID] = true
	}
	if len(got.values) != 6919 || len(users) != 2357 {
		t.Errorf("got %d events, %d users", len(got.values), len(users))
	}
}

func BenchmarkReplayEcom(b *testing.B) {
	path := dataFile(b, "ecom.csv.gz")
	b.ReportAllocs()
	events := int64(0)
	for b.Loop() {
		r, err := New(DefaultConfig(), []string{path})
		if err != nil {
			b.Fatal(err)
		}
		summary, err := r.Run(b.Context(), discard())
		if err != nil {
			b.Fatal(err)
		}
		events += summary.Events
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

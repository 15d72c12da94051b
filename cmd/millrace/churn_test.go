package main

import (
	"encoding/json"
	"testing"

	"millrace/internal/churn"
)

// TestChurnOnRealData trains on the e-commerce clickstream.
func TestChurnOnRealData(t *testing.T) {
	ecom := dataFile(t, "ecom.csv.gz")
	r := up(t, t.TempDir())
	command(t, exitOK, "replay", ecom, "--wait", "--api", r.API)
	report, _ := command(t, exitOK, "train", "churn", "--data", r.dir)
	t.Log(report)
	text, _ := command(t, exitOK, "train", "churn", "--data", r.dir, "--json")
	var result struct {
		Version  int
		Promoted bool
		Reason   string
		Metrics  churnMetrics
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	t.Log(result.Reason)
	_ = churn.Name
}

package main

import (
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var browser = flag.Bool("browser", false, "also run the tests that need Chromium (make test-browser)")

// TestDashboardInBrowser starts everything and lets a real browser look at it,
// first while there is next to nothing, then with half a year of events and
// trained models. The scripts are in api/ui/browser-test.
func TestDashboardInBrowser(t *testing.T) {
	if !*browser {
		t.Skip("run it with make test-browser; it needs Chromium")
	}
	r := up(t, t.TempDir(), "--anomaly-every", "2s")
	npm(t, r, "ci", "--silent")
	npm(t, r, "test")

	ecom, cdnow := dataFile(t, "ecom.csv.gz"), dataFile(t, "cdnow_sample.txt.gz")
	command(t, exitOK, "replay", ecom, "--shift-to", "now", "--wait", "--api", r.API)
	// Far enough in the past to be no part of the incidents: those look 400 days back.
	past := time.Now().AddDate(0, 0, -500).Format(time.DateOnly)
	command(t, exitOK, "replay", cdnow, "--shift-to", past, "--wait", "--api", r.API, "--columns", "master,customer,date,quantity,amount",
		"--map", "user_id=customer,timestamp=date,properties.amount=amount", "--const", "type=purchase,properties.currency=USD")
	trainForPages(t, r)
	npm(t, r, "run", "test:pages")
}

// npm runs a script of the browser tests against the running server.
func npm(t *testing.T, r *running, args ...string) {
	t.Helper()
	script := exec.CommandContext(t.Context(), "npm", args...)
	script.Dir = filepath.Join("..", "..", "api", "ui", "browser-test")
	script.Env = append(os.Environ(), "BASE_URL="+r.API, "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1")
	out, err := script.CombinedOutput()
	t.Logf("npm %v:\n%s", args, out)
	if err != nil {
		t.Fatal(err)
	}
}

// trainForPages trains both models, bgnbd twice, so that there is a version to go
// back to, and waits for the scores and the incidents.
func trainForPages(t *testing.T, r *running) {
	t.Helper()
	for _, name := range []string{"bgnbd", "bgnbd", "churn"} {
		post(t, r.API+"/v1/models/"+name+"/train", "", http.StatusAccepted)
		eventually(t, name+" is trained", func() bool { return at(t, modelOf(t, r, name), "training", "state") == "done" })
	}
	awaitScores(t, r, 1)
	eventually(t, "the checkout bug is an incident", func() bool {
		found := at(t, get(t, r.API+"/v1/anomalies?measure=share+of+users+with+checkout_bug", http.StatusOK), "anomalies")
		return len(found.([]any)) > 0
	})
}

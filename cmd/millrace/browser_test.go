package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var browser = flag.Bool("browser", false, "also run the tests that need Chromium (make test-browser)")

// TestDashboardInBrowser starts everything and lets a real browser look at it:
// the script is api/ui/browser-test.
func TestDashboardInBrowser(t *testing.T) {
	if !*browser {
		t.Skip("run it with make test-browser; it needs Chromium")
	}
	r := up(t, t.TempDir())
	for _, script := range [][]string{{"ci", "--silent"}, {"test"}} {
		npm := exec.CommandContext(t.Context(), "npm", script...)
		npm.Dir = filepath.Join("..", "..", "api", "ui", "browser-test")
		npm.Env = append(os.Environ(), "BASE_URL="+r.API, "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1")
		out, err := npm.CombinedOutput()
		t.Logf("npm %v:\n%s", script, out)
		if err != nil {
			t.Fatal(err)
		}
	}
}

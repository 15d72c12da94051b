package ui_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"millrace/api/ui"
)

func TestFilesIsRootedAtTheBuiltPage(t *testing.T) {
	files := ui.Files()
	if _, err := fs.Stat(files, "dist"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Files() still has dist above it: %v", err)
	}
	if _, err := fs.Stat(files, ".gitkeep"); err != nil {
		t.Errorf("the placeholder is gone, a clone without Node would not compile: %v", err)
	}
}

// The page must run under default-src 'self': nothing inline, no other origin.
func TestBuiltPageNeedsNoOtherOrigin(t *testing.T) {
	page, err := fs.ReadFile(ui.Files(), "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the dashboard is not built: run npm ci && npm run build in api/ui")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, banned := range []string{"http://", "https://", "<style", "style=", "onload=", "<script>"} {
		if strings.Contains(string(page), banned) {
			t.Errorf("index.html contains %q", banned)
		}
	}
}

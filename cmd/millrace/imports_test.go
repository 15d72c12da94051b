package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is the import path that all of our packages start with.
const module = "millrace"

// arrows are the imports that a package of ours may have among our own
// packages. A trailing /... takes everything below. What is not listed may
// import nothing of ours.
var arrows = map[string][]string{
	"cmd/millrace":        {"..."},
	"ingest":              {"internal/event"},
	"olap":                {"internal/event", "internal/query", "internal/nearest"},
	"oltp":                {"internal/event"},
	"api":                 {"olap", "oltp", "internal/...", "api/ui"},
	"api/ui":              {},
	"bench":               {"ingest", "olap", "oltp", "internal/...", "deploy/..."},
	"deploy/embedded":     {},
	"internal/event":      {"internal/nearest"},
	"internal/nearest":    {},
	"internal/anomaly":    {},
	"internal/incident":   {},
	"internal/query":      {"internal/event", "internal/nearest"},
	"internal/chdb":       {"internal/event"},
	"internal/enrich":     {"internal/event"},
	"internal/embedded":   {"internal/event", "internal/chdb", "deploy/embedded"},
	"internal/enginetest": {"internal/event", "internal/embedded"},
	"internal/faults":     {"ingest", "olap", "internal/event", "internal/embedded"},
	"internal/traffic":    {"internal/event"},
	"internal/drift":      {},
	"internal/fraud":      {"internal/event", "internal/drift"},
	"internal/fraudlab":   {"internal/event", "internal/fraud", "internal/traffic"},
	"internal/scorer":     {"ingest", "internal/event", "internal/fraud"},
	"internal/replay":     {"internal/event", "internal/nearest"},
	"internal/client":     {"internal/event"},
	"internal/lifetime":   {},
	"internal/churn":      {"internal/drift"},
	"internal/alert":      {"internal/nearest"},
}

// drivers may not be known to the packages that only name things.
var drivers = []string{
	"github.com/ClickHouse/", "github.com/twmb/franz-go", "github.com/jackc/pgx", "github.com/gofiber/fiber",
}

// TestImportsPointDown holds the arrows of the tree: data flows one way, and
// so do imports.
func TestImportsPointDown(t *testing.T) {
	for _, p := range ourPackages(t) {
		allowed, listed := arrows[p.name]
		if !listed {
			t.Errorf("package %s is not in the table of arrows: add it, with what it may import", p.name)
			continue
		}
		for _, imported := range p.imports {
			own, ours := strings.CutPrefix(imported, module+"/")
			if ours && !permits(allowed, own) {
				t.Errorf("%s imports %s, which is against the arrows; it may import %v", p.name, own, allowed)
			}
		}
	}
}

// TestNounsKnowNoDriver keeps drivers out of the shared nouns.
func TestNounsKnowNoDriver(t *testing.T) {
	for _, p := range ourPackages(t) {
		if !slices.Contains([]string{"internal/event", "internal/query", "internal/traffic", "internal/fraud", "internal/fraudlab", "internal/nearest", "internal/churn"}, p.name) {
			continue
		}
		for _, imported := range p.imports {
			for _, driver := range drivers {
				if strings.HasPrefix(imported, driver) {
					t.Errorf("%s imports the driver %s", p.name, imported)
				}
			}
		}
	}
}

// pkg is one of our packages; test files do not count.
type pkg struct {
	name    string
	imports []string
}

// ourPackages asks the go command for every package below the module's root.
func ourPackages(t *testing.T) []pkg {
	t.Helper()
	list := exec.Command("go", "list", "-f", `{{.ImportPath}}|{{join .Imports " "}}`, "./...")
	list.Dir = filepath.Join("..", "..")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []pkg
	for line := range strings.Lines(string(out)) {
		name, imports, _ := strings.Cut(strings.TrimSpace(line), "|")
		if own, ours := strings.CutPrefix(name, module+"/"); ours {
			packages = append(packages, pkg{own, strings.Fields(imports)})
		}
	}
	if len(packages) < 10 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	return packages
}

// permits reports whether own is among the allowed imports.
func permits(allowed []string, own string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		prefix, below := strings.CutSuffix(a, "...")
		return a == own || below && strings.HasPrefix(own, prefix)
	})
}

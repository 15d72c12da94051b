package ui

import (
	"embed"
	"io/fs"
)

// "all:" because the placeholder's name begins with a dot, which a plain
// pattern skips, and a pattern that matches nothing does not compile.
//
//go:embed all:dist
var dist embed.FS

// Files is the built dashboard with index.html at its root. It holds no
// index.html where the dashboard has not been built. Safe for concurrent use.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil { // only a malformed name can fail, and it is a constant
		panic(err)
	}
	return files
}

package embedded

import (
	"path/filepath"

	"millrace/deploy/embedded"
)

// EnginesDir is the directory of the engine packages that this binary was built for.
func EnginesDir() (string, error) { return embedded.Dir() }

func enginesDirOr(dir string) (string, error) {
	if dir != "" {
		return filepath.Abs(dir)
	}
	return EnginesDir()
}

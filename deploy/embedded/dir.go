package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// DirEnv is the environment variable that overrides where engine packages are kept.
const DirEnv = "MILLRACE_ENGINES"

// Dir is the directory of the engine packages that this binary was built for. Its last part is a
// hash of the lock file, so that two versions of Millrace do not share packages by accident.
//
// It lies in $MILLRACE_ENGINES, else in the user's cache directory. Root gets a directory of the machine
// instead: Postgres refuses to run as root, and the unprivileged user it then runs as cannot enter /root.
func Dir() (string, error) {
	lock, err := Files.ReadFile("package-lock.json")
	if err != nil {
		return "", err
	}
	base, err := baseDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	return filepath.Join(base, hex.EncodeToString(sum[:6])), nil
}

func baseDir() (string, error) {
	if dir := os.Getenv(DirEnv); dir != "" {
		return filepath.Abs(dir)
	}
	if os.Geteuid() == 0 {
		return filepath.Join(machineCacheDir(), "millrace", "engines"), nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache directory for the engines (%w); name one in %s", err, DirEnv)
	}
	return filepath.Join(cache, "millrace", "engines"), nil
}

func machineCacheDir() string {
	if runtime.GOOS == "darwin" {
		return "/Library/Caches"
	}
	return "/var/cache"
}

package chdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	lockFile    = "millrace.lock"
	versionFile = "millrace.version"
)

// ErrLocked is returned when another process uses the data directory.
var ErrLocked = errors.New("data directory is in use")

// lockDir makes the data directory this process's own until release is called or the process dies.
func lockDir(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("data dir: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("data dir: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(f.Name())
		f.Close()
		return nil, fmt.Errorf("%w: %s is held by process %s; stop it, or choose another directory", ErrLocked, dir, strings.TrimSpace(string(holder)))
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		f.Close()
		return nil, fmt.Errorf("data dir: %w", err)
	}
	return func() { f.Close() }, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// ErrVersion is returned when the data directory was written by an engine that this one cannot follow.
var ErrVersion = errors.New("data directory is of another engine version")

// checkVersion compares the engine with the one that last wrote the directory. An older directory
// is taken over; a newer one is refused, for ClickHouse does not read forward. An empty directory is
// claimed at once, so that a start that breaks off leaves nothing that looks foreign.
func checkVersion(dir, version string) error {
	path := filepath.Join(dir, versionFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := refuseForeign(dir); err != nil {
			return err
		}
		return recordVersion(dir, version)
	}
	if err != nil {
		return fmt.Errorf("data dir: %w", err)
	}
	written := strings.TrimSpace(string(text))
	newer, err := isNewer(written, version)
	if err != nil {
		return fmt.Errorf("%w: %s says %q, which is not a version; restore the file or move the directory away", ErrVersion, path, written)
	}
	if newer {
		return fmt.Errorf("%w: %s was written by chDB %s and this is %s; use %s or newer, or choose another directory", ErrVersion, dir, written, version, written)
	}
	return nil
}

// recordVersion notes the engine that now writes the directory.
func recordVersion(dir, version string) error {
	return writeWhole(filepath.Join(dir, versionFile), version+"\n")
}

// writeWhole writes a file so that it is there whole or not at all.
func writeWhole(path, text string) error {
	if err := os.WriteFile(path+".tmp", []byte(text), 0o640); err != nil {
		return fmt.Errorf("data dir: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("data dir: %w", err)
	}
	return nil
}

// refuseForeign stops before files that this server has not made, a ClickHouse server's for example.
func refuseForeign(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "metadata")); err == nil {
		return fmt.Errorf("%w: %s holds tables of an engine that left no %s; choose an empty directory", ErrVersion, dir, versionFile)
	}
	return nil
}

// isNewer compares dotted versions by major and minor: patches share a format.
func isNewer(a, b string) (bool, error) {
	x, err := majorMinor(a)
	if err != nil {
		return false, err
	}
	y, err := majorMinor(b)
	if err != nil {
		return false, err
	}
	return x[0] > y[0] || (x[0] == y[0] && x[1] > y[1]), nil
}

func majorMinor(v string) (out [2]int, err error) {
	parts := strings.SplitN(v, ".", 3)
	if len(parts) < 2 {
		return out, fmt.Errorf("version %q", v)
	}
	for i := range out {
		if out[i], err = strconv.Atoi(parts[i]); err != nil {
			return out, fmt.Errorf("version %q: %w", v, err)
		}
	}
	return out, nil
}

package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// dataDir is the directory that holds the engines' data: clickhouse, kafka, postgres, and two files of ours.
//
//	LOCK          locked while in use; holds the process id
//	VERSION.json  the layout's number and the versions of the engines that wrote here last
type dataDir struct {
	path string
	lock *fileLock
}

// dataFormat numbers the layout of a data directory.
const dataFormat = 1

// dataVersion is the content of VERSION.json.
type dataVersion struct {
	Format     int    `json:"format"`
	ClickHouse string `json:"clickhouse,omitempty"`
	Postgres   string `json:"postgres,omitempty"`
}

// InUseError says that another process has the data directory open.
type InUseError struct {
	Dir string
	PID int // 0 if unknown
}

// Error names the directory, the process and the remedy.
func (e *InUseError) Error() string {
	owner := "another process"
	if e.PID != 0 {
		owner = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("data directory %s is in use by %s: stop it, or choose another directory with --data", e.Dir, owner)
}

// openDataDir makes the directory if needed, locks it and checks that this Millrace may use it.
func openDataDir(path string, ours dataVersion) (*dataDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("make the data directory: %w; choose another one with --data", err)
	}
	lock, err := tryLock(filepath.Join(path, "LOCK"))
	var held *lockedError
	if errors.As(err, &held) {
		return nil, &InUseError{Dir: path, PID: held.pid}
	}
	if err != nil {
		return nil, fmt.Errorf("open the data directory: %w; choose another one with --data", err)
	}
	d := &dataDir{path: path, lock: lock}
	if err := d.checkVersion(ours); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return d, nil
}

func (d *dataDir) sub(e Engine) string { return filepath.Join(d.path, strings.ToLower(string(e))) }

func (d *dataDir) close() error { return d.lock.release() }

func (d *dataDir) versionFile() string { return filepath.Join(d.path, "VERSION.json") }

func (d *dataDir) checkVersion(ours dataVersion) error {
	written, err := d.readVersion()
	if err != nil {
		return err
	}
	if written.Format > dataFormat {
		return fmt.Errorf("data directory %s has layout %d, and this Millrace knows up to %d: use the newer Millrace that wrote it, or choose another directory with --data",
			d.path, written.Format, dataFormat)
	}
	if newerRelease(written.ClickHouse, ours.ClickHouse) {
		return fmt.Errorf("data directory %s was written by ClickHouse %s, and this Millrace brings ClickHouse %s, which may not read it: use the newer Millrace that wrote it, or choose another directory with --data",
			d.path, written.ClickHouse, ours.ClickHouse)
	}
	// Postgres is checked by its own PG_VERSION.
	written.Format = dataFormat
	written.ClickHouse = orElse(ours.ClickHouse, written.ClickHouse)
	written.Postgres = orElse(ours.Postgres, written.Postgres)
	return d.writeVersion(written)
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (d *dataDir) readVersion() (dataVersion, error) {
	var v dataVersion
	text, err := os.ReadFile(d.versionFile())
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		return v, fmt.Errorf("read %s: %w", d.versionFile(), err)
	}
	return v, nil
}

func (d *dataDir) writeVersion(v dataVersion) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	part := d.versionFile() + ".part"
	if err := os.WriteFile(part, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the data directory's version: %w", err)
	}
	return os.Rename(part, d.versionFile())
}

// newerRelease reports whether ClickHouse release a (such as 26.7.3) is newer than b in year or month.
// Patches of one release read each other's data.
func newerRelease(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	partsA, partsB := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(2, len(partsA), len(partsB)) {
		numberA, _ := strconv.Atoi(partsA[i])
		numberB, _ := strconv.Atoi(partsB[i])
		if numberA != numberB {
			return numberA > numberB
		}
	}
	return false
}

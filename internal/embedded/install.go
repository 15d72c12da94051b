package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"millrace/deploy/embedded"
)

// InstallConfig says where engine packages go and who hears about it.
type InstallConfig struct {
	// Dir receives the packages. Empty means [EnginesDir].
	Dir string
	// Progress gets one line at a time, for people. Nil means silence.
	Progress func(line string)
	// Tick is the time between progress lines while npm works.
	Tick time.Duration
}

// DefaultInstallConfig installs into [EnginesDir], silently.
func DefaultInstallConfig() InstallConfig {
	return InstallConfig{Progress: func(string) {}, Tick: 3 * time.Second}
}

// Validate reports every fault of the configuration.
func (c InstallConfig) Validate() error {
	if c.Tick <= 0 {
		return errors.New("tick: must be above zero")
	}
	return nil
}

// What an installation costs, for the first progress line. Measured on linux/amd64.
const installSize = "about 200 MB to download, 600 MB on disk"

// Install fetches the pinned packages with npm, checks their hashes (npm does, against the lock file) and
// makes them ready to run. It is a matter of milliseconds when they are there already, and safe to call
// from several processes at once: one installs, the others wait for it. A half-done installation is never
// seen under the final name.
func Install(ctx context.Context, cfg InstallConfig) (Packages, error) {
	if err := cfg.Validate(); err != nil {
		return Packages{}, err
	}
	cfg.Progress = oneAtATime(cfg.Progress)
	dir, err := enginesDirOr(cfg.Dir)
	if err != nil {
		return Packages{}, err
	}
	cfg.Dir = dir
	in := &installation{cfg: cfg, platform: thisPlatform()}
	in.engines, err = installable(in.platform)
	if err != nil {
		return Packages{}, err
	}
	return in.run(ctx)
}

// installable lists the engines with a package for the platform; an error if there is none at all.
func installable(p platform) ([]Engine, error) {
	var engines []Engine
	var faults []error
	for _, e := range []Engine{ClickHouse, Postgres} {
		if _, err := packageOf(e, p); err != nil {
			faults = append(faults, err)
			continue
		}
		engines = append(engines, e)
	}
	if len(engines) == 0 {
		return nil, errors.Join(faults...)
	}
	return engines, nil
}

type installation struct {
	cfg      InstallConfig
	platform platform
	engines  []Engine
}

func (in *installation) locate() (Packages, error) {
	return locate(in.cfg.Dir, in.platform, in.engines)
}

func (in *installation) run(ctx context.Context) (Packages, error) {
	if found, err := in.locate(); err == nil {
		return found, nil
	}
	if err := checkNPM(ctx); err != nil {
		return Packages{}, err
	}
	if err := makeReadableDirs(filepath.Dir(in.cfg.Dir)); err != nil {
		return Packages{}, fmt.Errorf("make the engines' directory: %w; name another one in %s", err, embedded.DirEnv)
	}
	lock, err := in.lock(ctx)
	if err != nil {
		return Packages{}, err
	}
	defer lock.release()
	if found, err := in.locate(); err == nil {
		return found, nil // another process was faster
	}
	if err := in.fetch(ctx); err != nil {
		return Packages{}, err
	}
	return in.locate()
}

// lock waits until no other process installs into the same directory.
func (in *installation) lock(ctx context.Context) (*fileLock, error) {
	retry := time.NewTicker(200 * time.Millisecond)
	defer retry.Stop()
	for told := false; ; told = true {
		lock, err := tryLock(in.cfg.Dir + ".lock")
		var held *lockedError
		if !errors.As(err, &held) {
			return lock, err
		}
		if !told {
			in.cfg.Progress(fmt.Sprintf("Process %d is installing the engines; waiting for it", held.pid))
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for process %d to install the engines: %w", held.pid, ctx.Err())
		case <-retry.C:
		}
	}
}

// fetch installs into a directory of its own and renames it when complete. Only the lock's owner calls it,
// so directories that an interrupted installation left behind can be removed.
func (in *installation) fetch(ctx context.Context) error {
	stale, _ := filepath.Glob(in.cfg.Dir + ".part-*")
	for _, dir := range stale {
		os.RemoveAll(dir)
	}
	part, err := os.MkdirTemp(filepath.Dir(in.cfg.Dir), filepath.Base(in.cfg.Dir)+".part-")
	if err != nil {
		return fmt.Errorf("make the engines' directory: %w", err)
	}
	defer os.RemoveAll(part) // nothing is left under this name after the rename
	started := time.Now()
	in.cfg.Progress(fmt.Sprintf("Fetching %s into %s (%s)", in.what(), in.cfg.Dir, installSize))
	output, err := in.npm(ctx, part)
	if err != nil {
		return npmFault(err, output)
	}
	if err := in.finish(part); err != nil {
		if errors.Is(err, ErrMissing) {
			return npmFault(errors.New("npm left packages out"), output)
		}
		return err
	}
	if err := replaceDir(part, in.cfg.Dir); err != nil {
		return err
	}
	in.cfg.Progress(fmt.Sprintf("Engines are ready: %s in %.1f s", megabytes(dirSize(in.cfg.Dir)), time.Since(started).Seconds()))
	return nil
}

// what names the engines with their versions.
func (in *installation) what() string {
	var parts []string
	for _, e := range in.engines {
		name, _ := packageOf(e, in.platform)
		version, _ := lockedVersion(name)
		parts = append(parts, fmt.Sprintf("%s %s", e, version))
	}
	return strings.Join(parts, " and ")
}

// finish does what npm does not: Postgres's symbolic links, modes that another user can read, and the
// check that all is there (npm ends with success when an optional package could not be fetched).
func (in *installation) finish(part string) error {
	found, err := locate(part, in.platform, in.engines)
	if err != nil {
		return err
	}
	if found.PostgresDir != "" {
		if err := linkPostgres(filepath.Dir(found.PostgresDir)); err != nil {
			return err
		}
	}
	return makeReadable(part)
}

// replaceDir puts from in the place of to, which is missing or incomplete.
func replaceDir(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return fmt.Errorf("remove incomplete engines: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("put the engines in place: %w", err)
	}
	return nil
}

// makeReadableDirs makes dir and its missing parents with mode 0755 whatever the umask says, because
// Postgres may run as another user than the one who installs.
func makeReadableDirs(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeReadableDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// makeReadable gives everybody the right to read and, where the owner has it, to execute.
func makeReadable(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o644
		if entry.IsDir() || mode&0o100 != 0 || strings.HasSuffix(filepath.Dir(path), "/native/bin") {
			mode |= 0o755
		}
		return os.Chmod(path, mode)
	})
}

func dirSize(root string) int64 {
	var total int64
	filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // npm moves files while we look
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n/1_000_000) }

// writePins puts package.json and package-lock.json where npm looks for them.
func writePins(dir string) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := embedded.Files.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// lookPath reports whether the program can be found.
func lookPath(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

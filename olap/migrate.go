package olap

import (
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migration is one numbered step of the schema.
type Migration struct {
	Version  uint32
	Name     string // the file's name without number and extension
	Checksum string // SHA-256 of the file, in hex
	sql      string
}

// String is the name of the migration's file, without the extension.
func (m Migration) String() string { return fmt.Sprintf("%04d_%s", m.Version, m.Name) }

// Migrations lists the schema's steps, in order.
func Migrations() ([]Migration, error) { return readMigrations(migrationFiles) }

// Migrate brings the schema up to date and returns what it applied now.
//
// ClickHouse has no transactions for DDL. Therefore every statement is written
// so that it may run again (IF NOT EXISTS), and a step is recorded after its
// last statement. Two processes that migrate at once both succeed, and a
// process that died half-way is completed by the next one.
//
// A step that was changed after it was applied, or one that this program does
// not know, is an error: the program is older than the database.
func (s *Store) Migrate(ctx context.Context) ([]Migration, error) {
	known, err := Migrations()
	if err != nil {
		return nil, err
	}
	return s.migrate(ctx, known)
}

func (s *Store) migrate(ctx context.Context, known []Migration) ([]Migration, error) {
	if err := s.conn.Exec(ctx, schemaMigrations); err != nil {
		return nil, fmt.Errorf("create schema_migrations: %w", err)
	}
	applied, err := s.appliedMigrations(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkApplied(known, applied); err != nil {
		return nil, err
	}
	var done []Migration
	for _, m := range known {
		if _, ok := applied[m.Version]; ok {
			continue
		}
		if err := s.apply(ctx, m); err != nil {
			return done, fmt.Errorf("migration %s: %w", m, err)
		}
		done = append(done, m)
	}
	return done, nil
}

// schemaMigrations is ordered by version, so that two processes that record
// the same step leave one row.
const schemaMigrations = `CREATE TABLE IF NOT EXISTS schema_migrations
(
    version    UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY version`

func (s *Store) appliedMigrations(ctx context.Context) (map[uint32]Migration, error) {
	rows, err := s.conn.Query(ctx, "SELECT version, name, checksum FROM schema_migrations FINAL ORDER BY version")
	if err != nil {
		return nil, fmt.Errorf("read schema_migrations: %w", err)
	}
	defer rows.Close()
	applied := map[uint32]Migration{}
	for rows.Next() {
		var m Migration
		if err := rows.Scan(&m.Version, &m.Name, &m.Checksum); err != nil {
			return nil, fmt.Errorf("read schema_migrations: %w", err)
		}
		applied[m.Version] = m
	}
	return applied, rows.Err()
}

// checkApplied refuses a database that a newer or a different program made.
func checkApplied(known []Migration, applied map[uint32]Migration) error {
	byVersion := map[uint32]Migration{}
	for _, m := range known {
		byVersion[m.Version] = m
	}
	for _, version := range sortedKeys(applied) {
		was, m := applied[version], byVersion[version]
		switch {
		case m.Version == 0:
			return fmt.Errorf("the database has schema step %s, which this program does not know: it is older than the database; use the newer program", was)
		case m.Checksum != was.Checksum:
			return fmt.Errorf("schema step %s was changed after it was applied here (then %.12s, now %.12s): put the change into a new step", was, was.Checksum, m.Checksum)
		}
	}
	return nil
}

func (s *Store) apply(ctx context.Context, m Migration) error {
	text, err := renderMigration(m.sql, singleNode())
	if err != nil {
		return err
	}
	for _, statement := range splitStatements(text) {
		if err := s.conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{
		"version": strconv.FormatUint(uint64(m.Version), 10), "name": m.Name, "checksum": m.Checksum,
	}))
	return s.conn.Exec(ctx, "INSERT INTO schema_migrations (version, name, checksum) SELECT {version:UInt32}, {name:String}, {checksum:String}")
}

// topology is what the migrations' templates may name. One node today; a
// cluster fills the same fields with ON CLUSTER and Replicated… engines.
type topology struct {
	OnCluster            string
	MergeTree            string
	AggregatingMergeTree string
	SummingMergeTree     string
}

func singleNode() topology {
	return topology{
		MergeTree:            "MergeTree",
		AggregatingMergeTree: "AggregatingMergeTree",
		SummingMergeTree:     "SummingMergeTree",
	}
}

func renderMigration(text string, t topology) (string, error) {
	tmpl, err := template.New("migration").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := tmpl.Execute(&b, t); err != nil {
		return "", err
	}
	return b.String(), nil
}

func readMigrations(files fs.FS) ([]Migration, error) {
	paths, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var all []Migration
	for _, path := range paths {
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		m, err := parseMigration(path, string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) })
	for i, m := range all {
		if m.Version != uint32(i+1) {
			return nil, fmt.Errorf("migration %s: number %04d is missing or taken twice", m, i+1)
		}
	}
	return all, nil
}

func parseMigration(path, text string) (Migration, error) {
	base := strings.TrimSuffix(path[strings.LastIndexByte(path, '/')+1:], ".sql")
	number, name, ok := strings.Cut(base, "_")
	version, err := strconv.ParseUint(number, 10, 32)
	if !ok || err != nil || len(number) != 4 {
		return Migration{}, fmt.Errorf("migration %s: name it 0001_topic.sql", path)
	}
	sum := sha256.Sum256([]byte(text))
	return Migration{Version: uint32(version), Name: name, Checksum: hex.EncodeToString(sum[:]), sql: text}, nil
}

// splitStatements cuts a migration at semicolons that end a line, and drops
// comment lines. Migrations are ours: no string in them holds such a semicolon.
func splitStatements(text string) []string {
	var statements []string
	var current strings.Builder
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "--") {
			continue
		}
		_, ended := strings.CutSuffix(trimmed, ";")
		current.WriteString(strings.TrimRight(line, "\n;") + "\n")
		if ended {
			statements = append(statements, strings.TrimSpace(current.String()))
			current.Reset()
		}
	}
	if rest := strings.TrimSpace(current.String()); rest != "" {
		statements = append(statements, rest)
	}
	return statements
}

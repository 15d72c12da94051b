package oltp

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Errors of [Store.Migrate] that ask a person to decide.
var (
	// ErrNewerSchema means that a newer Millrace has already changed the database.
	ErrNewerSchema = errors.New("the database has a newer schema than this millrace knows")
	// ErrMigrationChanged means that an applied migration's text is not the one
	// this binary carries.
	ErrMigrationChanged = errors.New("an applied migration differs from the one in this millrace")
)

// migrationLock is the advisory lock that makes migrating processes take turns:
// "millrace" in ASCII.
const migrationLock int64 = 0x6d696c6c72616365

// Migration is one numbered step of the schema.
type Migration struct {
	Version int
	Name    string

	sql string
}

// checksum identifies the migration's text.
func (m Migration) checksum() string {
	sum := sha256.Sum256([]byte(m.sql))
	return hex.EncodeToString(sum[:])
}

// Migrate brings the schema up to date and returns what it applied now, which is
// nothing when the schema was current. Each step is a transaction of its own.
// Processes that migrate at the same time take turns.
func (s *Store) Migrate(ctx context.Context) ([]Migration, error) {
	known, err := readMigrations(migrationFiles)
	if err != nil {
		return nil, err
	}
	return s.migrate(ctx, known)
}

func (s *Store) migrate(ctx context.Context, known []Migration) (applied []Migration, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate postgres: %w", err)
	}
	defer conn.Release()
	unlock, err := lockMigrations(ctx, conn.Conn())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()

	done, err := appliedMigrations(ctx, conn.Conn())
	if err != nil {
		return nil, err
	}
	pending, err := pendingMigrations(known, done)
	if err != nil {
		return nil, err
	}
	for _, m := range pending {
		if err := applyMigration(ctx, conn.Conn(), m); err != nil {
			return applied, err
		}
		applied = append(applied, m)
	}
	return applied, nil
}

// lockMigrations takes the advisory lock. The unlock it returns works on a dead
// context too; when even that fails the connection is closed, which unlocks.
func lockMigrations(ctx context.Context, conn *pgx.Conn) (unlock func() error, err error) {
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		return nil, fmt.Errorf("wait for the migration lock: %w", err)
	}
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", migrationLock); err != nil {
			return conn.Close(ctx)
		}
		return nil
	}, nil
}

const createMigrationsTable = `CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)`

// appliedMigrations returns the checksum of each version that was applied before.
func appliedMigrations(ctx context.Context, conn *pgx.Conn) (map[int]string, error) {
	if _, err := conn.Exec(ctx, createMigrationsTable); err != nil {
		return nil, fmt.Errorf("create schema_migrations: %w", err)
	}
	rows, err := conn.Query(ctx, "SELECT version, checksum FROM schema_migrations")
	if err != nil {
		return nil, fmt.Errorf("read schema_migrations: %w", err)
	}
	done := map[int]string{}
	var version int
	var checksum string
	_, err = pgx.ForEachRow(rows, []any{&version, &checksum}, func() error {
		done[version] = checksum
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read schema_migrations: %w", err)
	}
	return done, nil
}

// pendingMigrations returns what is still to be applied, in order.
func pendingMigrations(known []Migration, done map[int]string) ([]Migration, error) {
	latest := 0
	var pending []Migration
	for _, m := range known {
		latest = m.Version
		checksum, applied := done[m.Version]
		switch {
		case !applied:
			pending = append(pending, m)
		case checksum != m.checksum():
			return nil, fmt.Errorf("postgres migration %04d_%s: %w; start the millrace that applied it, or use another database",
				m.Version, m.Name, ErrMigrationChanged)
		}
	}
	for version := range done {
		if version > latest {
			return nil, fmt.Errorf("postgres schema %d, this millrace knows %d: %w; start the newer millrace, or use another database",
				version, latest, ErrNewerSchema)
		}
	}
	return pending, nil
}

// applyMigration runs one step and records it, in one transaction.
func applyMigration(ctx context.Context, conn *pgx.Conn, m Migration) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, m.sql); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
			m.Version, m.Name, m.checksum())
		return err
	})
	if err != nil {
		return fmt.Errorf("apply postgres migration %04d_%s: %w", m.Version, m.Name, err)
	}
	return nil
}

// readMigrations reads NNNN_name.sql files and checks that they count from 1.
func readMigrations(files fs.FS) ([]Migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	var all []Migration
	for i, name := range names {
		number, title, ok := strings.Cut(strings.TrimSuffix(path.Base(name), ".sql"), "_")
		version, err := strconv.Atoi(number)
		if !ok || err != nil || version != i+1 {
			return nil, fmt.Errorf("migration file %s: expected %04d_name.sql", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		all = append(all, Migration{Version: version, Name: title, sql: string(text)})
	}
	return all, nil
}

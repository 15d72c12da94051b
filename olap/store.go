package olap

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Store is a ClickHouse database that holds events. It is safe for concurrent use.
type Store struct {
	cfg      Config
	database string
	conn     driver.Conn
	inserts  *insertPool
	live     liveCache
	missing  missingCache
	twins    twins
	keeps    atomic.Int64 // days that events are kept, 0 for ever
}

// Open connects to the server of cfg. The database need not exist yet: see
// [Store.Migrate].
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	opt, err := cfg.options()
	if err != nil {
		return nil, err
	}
	database := opt.Auth.Database
	if err := ensureDatabase(ctx, opt); err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(opt)
	if err != nil {
		return nil, fmt.Errorf("open clickhouse: %w", err)
	}
	if err := conn.Ping(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("reach clickhouse at %s: %w", opt.Addr[0], err)
	}
	inserts := newInsertPool(opt, cfg.Compression.to(opt.Addr[0]))
	return &Store{cfg: cfg, database: database, conn: conn, inserts: inserts}, nil
}

// ensureDatabase creates the database, through a connection that does not name
// it: a server refuses a session whose database is missing.
func ensureDatabase(ctx context.Context, opt *clickhouse.Options) error {
	if opt.Auth.Database == "default" {
		return nil
	}
	first := *opt
	first.Auth.Database = "default"
	conn, err := clickhouse.Open(&first)
	if err != nil {
		return fmt.Errorf("open clickhouse: %w", err)
	}
	defer conn.Close()
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteIdentifier(opt.Auth.Database)); err != nil {
		return fmt.Errorf("create database %s: %w", opt.Auth.Database, err)
	}
	return nil
}

// Close closes the connections.
func (s *Store) Close() error { return errors.Join(s.inserts.close(), s.conn.Close()) }

// Ping asks the server whether it is there.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.conn.Ping(ctx); err != nil {
		return fmt.Errorf("reach clickhouse: %w", err)
	}
	return nil
}

// Database is the name of the database that holds the tables.
func (s *Store) Database() string { return s.database }

func (s *Store) now() time.Time {
	if s.cfg.Now != nil {
		return s.cfg.Now().UTC()
	}
	return time.Now().UTC()
}

// reading is the context of one question: a deadline, and settings that hold
// the server to its limits. They are all allowed under readonly = 2.
func (s *Store) reading(ctx context.Context, more ...clickhouse.QueryOption) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	options := append([]clickhouse.QueryOption{clickhouse.WithSettings(s.settings())}, more...)
	return clickhouse.Context(ctx, options...), cancel
}

func (s *Store) settings() clickhouse.Settings {
	return clickhouse.Settings{
		"max_memory_usage":              s.cfg.QueryMemory,
		"max_execution_time":            int(s.cfg.QueryTimeout.Seconds()) + 1,
		"optimize_aggregation_in_order": 1,
	}
}

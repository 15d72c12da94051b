package oltp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrUnavailable means that the server is away, starting or stopping: the same
// call may work in a moment.
var ErrUnavailable = errors.New("postgres is unavailable")

// Store is a pool of connections to Millrace's Postgres.
type Store struct {
	pool *pgxpool.Pool
}

// Open connects and checks that the server answers. The caller closes the store.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	pc, err := pgxpool.ParseConfig(cfg.connString())
	if err != nil {
		// pgx redacts the password in this error.
		return nil, fmt.Errorf("postgres address: %w", err)
	}
	pc.MaxConns = int32(cfg.MaxConns)
	pc.ConnConfig.ConnectTimeout = cfg.ConnectTimeout
	pc.ConnConfig.RuntimeParams["application_name"] = "millrace"
	pc.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	s := &Store{pool: pool}
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Ping asks the server for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return wrap("reach postgres", err)
	}
	return nil
}

// wrap says what was being done and marks errors of a server that is away with
// [ErrUnavailable].
func wrap(doing string, err error) error {
	if isAway(err) {
		return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// isAway recognises a refused or broken connection, and the SQLSTATE classes of
// connection failures (08) and of a server that starts or stops (57P).
func isAway(err error) bool {
	var connect *pgconn.ConnectError
	var network *net.OpError
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return strings.HasPrefix(server.Code, "08") || strings.HasPrefix(server.Code, "57P")
	}
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF)
}

// Close waits for the connections in use to be given back and closes them all.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

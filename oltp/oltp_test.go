package oltp

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/internal/enginetest"
)

func TestMain(m *testing.M) { os.Exit(enginetest.Run(m)) }

// openStore opens a store on an empty database of the test's own.
func openStore(t *testing.T) *Store {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Address = enginetest.Postgres(t)
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// migratedStore is openStore with the schema in place.
func migratedStore(t *testing.T) *Store {
	t.Helper()
	s := openStore(t)
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestOpenNamesWhatIsWrong(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Address = "127.0.0.1:1"
	if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Open on a closed port: got %v, want ErrUnavailable", err)
	}
	if _, err := Open(t.Context(), Config{Address: " "}); err == nil {
		t.Error("Open with an empty config: got nil")
	}
}

func TestAddressForms(t *testing.T) {
	for address, want := range map[string]string{
		"db:5432":                  "postgres://postgres@db:5432/postgres?sslmode=disable",
		"postgres://u:p@db/x":      "postgres://u:p@db/x",
		"host=db user=u dbname=d":  "host=db user=u dbname=d",
		"postgresql://u@[::1]:1/x": "postgresql://u@[::1]:1/x",
	} {
		if got := (Config{Address: address}).connString(); got != want {
			t.Errorf("connString of %q: got %q, want %q", address, got, want)
		}
	}
}

// exec runs one statement beside the store's own.
func exec(t *testing.T, s *Store, sql string, args ...any) {
	t.Helper()
	if _, err := s.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// cursorOf reads the cursor as another process would.
func cursorOf(t *testing.T, s *Store) time.Time {
	t.Helper()
	var at time.Time
	err := s.pool.QueryRow(t.Context(), "SELECT stored_before FROM sync_state WHERE name = 'user_stats'").Scan(&at)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

// inTx runs fn in a transaction that stays open while fn runs.
func inTx(t *testing.T, s *Store, fn func(ctx context.Context, tx pgx.Tx)) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), s.pool, func(tx pgx.Tx) error {
		fn(t.Context(), tx)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

package oltp

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config says which Postgres to use and how.
type Config struct {
	// Address is a URL such as postgres://user:password@host:5432/database, a
	// list of key=value pairs as libpq takes it, or host:port, which means the
	// database and the user postgres without TLS.
	Address string
	// MaxConns bounds the connections the store holds open.
	MaxConns int
	// ConnectTimeout bounds one attempt to connect.
	ConnectTimeout time.Duration
}

// DefaultConfig returns the configuration for a Postgres on its usual port.
func DefaultConfig() Config {
	return Config{
		Address:        "127.0.0.1:5432",
		MaxConns:       8,
		ConnectTimeout: 5 * time.Second,
	}
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var faults []error
	if strings.TrimSpace(c.Address) == "" {
		faults = append(faults, errors.New("postgres address is empty: give host:port or a postgres:// URL"))
	}
	if c.MaxConns < 2 {
		faults = append(faults, fmt.Errorf("postgres max conns is %d: use at least 2, one for the sync and one for lookups", c.MaxConns))
	}
	if c.ConnectTimeout <= 0 {
		faults = append(faults, fmt.Errorf("postgres connect timeout is %s: use a positive duration such as 5s", c.ConnectTimeout))
	}
	return errors.Join(faults...)
}

// connString turns the bare host:port form into a URL.
func (c Config) connString() string {
	if strings.Contains(c.Address, "://") || strings.Contains(c.Address, "=") {
		return c.Address
	}
	return "postgres://postgres@" + c.Address + "/postgres?sslmode=disable"
}

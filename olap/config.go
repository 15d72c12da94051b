package olap

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Config says where ClickHouse is and what one question may cost.
type Config struct {
	// Address is host:port of the native protocol, or a URL
	// clickhouse://user:password@host:port/database.
	Address string
	// Database holds the tables; it is created by [Store.Migrate] where absent.
	// A database in Address wins.
	Database string
	// DialTimeout bounds connecting.
	DialTimeout time.Duration
	// WriteTimeout bounds one insert, from sending to acknowledgement, where
	// the caller's context has no earlier deadline.
	WriteTimeout time.Duration
	// QueryTimeout bounds one question.
	QueryTimeout time.Duration
	// QueryMemory is the most that the server may use for one question, in bytes.
	QueryMemory uint64
	// MaxConnections bounds connections to the server, questions and inserts together.
	MaxConnections int
	// Compression is how inserted events are packed on their way to the server.
	Compression Compression
	// Lateness is how long after its time an event may still be expected; the
	// watermark of an answer lies this far behind the newest event.
	Lateness time.Duration
	// StoredUntil tells the instant up to which everything that the broker
	// accepted is stored; false where that is not known. May be nil.
	StoredUntil func() (time.Time, bool)
	// Now is the clock that relative times are counted from. Nil means time.Now.
	Now func() time.Time
}

// DefaultConfig is a local ClickHouse and limits that suit a laptop.
func DefaultConfig() Config {
	return Config{
		Address:        "127.0.0.1:9000",
		Database:       "default",
		DialTimeout:    5 * time.Second,
		WriteTimeout:   60 * time.Second,
		QueryTimeout:   30 * time.Second,
		QueryMemory:    4 << 30,
		MaxConnections: 16,
		Compression:    CompressionAuto,
		Lateness:       10 * time.Minute,
	}
}

// Validate reports every fault at once.
func (c Config) Validate() error {
	_, err := c.options()
	return errors.Join(err, c.Compression.validate(),
		positive("DialTimeout", c.DialTimeout),
		positive("WriteTimeout", c.WriteTimeout),
		positive("QueryTimeout", c.QueryTimeout),
		positive("Lateness", c.Lateness),
		positive("QueryMemory", c.QueryMemory),
		positive("MaxConnections", c.MaxConnections),
	)
}

func positive[T ~int | ~int64 | ~uint64](field string, v T) error {
	if v <= 0 {
		return fmt.Errorf("%s must be above zero, not %v", field, v)
	}
	return nil
}

// options turns the address into the driver's terms.
func (c Config) options() (*clickhouse.Options, error) {
	opt := &clickhouse.Options{Addr: []string{c.Address}}
	if scheme, _, ok := strings.Cut(c.Address, "://"); ok {
		if scheme == "http" || scheme == "https" {
			return nil, fmt.Errorf("clickhouse address %q: Millrace speaks the native protocol; write clickhouse://user:password@host:port/database, with the native port (9000, not 8123)", redact(c.Address))
		}
		parsed, err := clickhouse.ParseDSN(c.Address)
		if err != nil {
			return nil, fmt.Errorf("clickhouse address %q: %w", redact(c.Address), err)
		}
		opt = parsed
	} else if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return nil, fmt.Errorf("clickhouse address %q: write host:port or clickhouse://user:password@host:port/database", c.Address)
	}
	if opt.Auth.Database == "" {
		opt.Auth.Database = c.Database
	}
	if opt.Auth.Database == "" {
		return nil, errors.New("clickhouse database: name one, such as default")
	}
	opt.DialTimeout = c.DialTimeout
	opt.ReadTimeout = max(c.WriteTimeout, c.QueryTimeout) + 10*time.Second
	opt.MaxOpenConns, opt.MaxIdleConns = c.MaxConnections, c.MaxConnections
	opt.ConnMaxLifetime = time.Hour
	opt.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	return opt, nil
}

// redact hides the password of a URL in an error message.
func redact(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	if at := strings.LastIndex(rest, "@"); at >= 0 { // a password may have one too
		return scheme + "://…" + rest[at:]
	}
	return address
}

package chdb

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"time"
)

// Config says which engine to load, where its data lie and where to listen.
type Config struct {
	// Library is the path of libchdb.so (.dylib) of chDB 26.7 or later.
	Library string
	// DataDir holds the tables. It belongs to one process at a time and is created when absent.
	DataDir string
	// HTTPAddr and NativeAddr are the listen addresses of the two protocols; port 0 takes a free one.
	HTTPAddr, NativeAddr string
	// User and Password are asked of every client. With an empty password only loopback addresses are allowed.
	User, Password string
	// AllowFiles lets statements reach outside of the data directory: file(), url(), s3(), INTO OUTFILE and the like.
	AllowFiles bool
	// MaxMemory bounds the engine's memory in bytes; 0 takes 60 % of the machine's.
	MaxMemory int64
	// KeepFree is the free space of the disk, in bytes, below which no insert is taken and no merge is begun;
	// 0 takes 512 MiB, or a twentieth of the disk where that is less.
	KeepFree int64
	// MaxQueries bounds the statements that run at once; one more is refused with code 202.
	MaxQueries int
	// StopTimeout bounds how long a stop waits for running statements before it kills them.
	StopTimeout time.Duration
	// Logger receives starts, stops and faults. Nil discards them.
	Logger *slog.Logger
	// OnReady, when set, is called once with the bound addresses, when both listeners accept.
	OnReady func(httpAddr, nativeAddr string)
}

// DefaultConfig listens on loopback at ClickHouse's usual ports as user default without password.
func DefaultConfig() Config {
	return Config{
		HTTPAddr:    "127.0.0.1:8123",
		NativeAddr:  "127.0.0.1:9000",
		User:        "default",
		MaxQueries:  100,
		StopTimeout: 2 * time.Second,
	}
}

// Validate names every fault at once.
func (c Config) Validate() error {
	var errs []error
	if c.Library == "" {
		errs = append(errs, errors.New("library is empty: give the path of libchdb.so; `millrace engines install` fetches it"))
	}
	if c.DataDir == "" {
		errs = append(errs, errors.New("data dir is empty: give a directory for the tables"))
	}
	if c.User == "" {
		errs = append(errs, errors.New("user is empty: use \"default\""))
	}
	if c.MaxQueries < 1 {
		errs = append(errs, fmt.Errorf("max queries is %d: at least 1 is needed", c.MaxQueries))
	}
	if c.MaxMemory < 0 {
		errs = append(errs, fmt.Errorf("max memory is %d: use 0 for 60 %% of the machine's", c.MaxMemory))
	}
	if c.KeepFree < 0 {
		errs = append(errs, fmt.Errorf("keep free is %d: use 0 for 512 MiB", c.KeepFree))
	}
	errs = append(errs, c.checkAddr("http address", c.HTTPAddr), c.checkAddr("native address", c.NativeAddr))
	return errors.Join(errs...)
}

func (c Config) checkAddr(name, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%s %q: use host:port, for example 127.0.0.1:0: %w", name, addr, err)
	}
	if c.Password == "" && !isLoopback(host) {
		return fmt.Errorf("%s %q is reachable from other machines and no password is set: set a password, or listen on 127.0.0.1", name, addr)
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (c Config) withDefaults() (Config, error) {
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return c, fmt.Errorf("data dir %q: %w", c.DataDir, err)
	}
	c.DataDir = dir
	if c.Library, err = filepath.Abs(c.Library); err != nil {
		return c, fmt.Errorf("library %q: %w", c.Library, err)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.StopTimeout <= 0 {
		c.StopTimeout = DefaultConfig().StopTimeout
	}
	return c, nil
}

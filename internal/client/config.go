package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Compression names how bodies are sent.
type Compression string

// The compressions of a body.
const (
	CompressNone Compression = "none"
	CompressGzip Compression = "gzip"
	CompressZstd Compression = "zstd"
)

// Config says where the API is and how patient the client is.
type Config struct {
	// URL is the root of the API, such as http://127.0.0.1:8080.
	URL string
	// Key is the API key, sent as a bearer token; empty for none.
	Key string
	// Compression of bodies that hold events.
	Compression Compression
	// MaxEvents and MaxBytes bound one request, before compression.
	MaxEvents int
	MaxBytes  int
	// Attempts is how often a request is tried altogether.
	Attempts int
	// MinPause and MaxPause bound the pause between two attempts where the
	// server names none. MaxRetryAfter bounds the one that it names.
	MinPause, MaxPause, MaxRetryAfter time.Duration
	// Timeout bounds one attempt.
	Timeout time.Duration
	// Transport carries the requests; nil means a transport of its own.
	Transport http.RoundTripper
}

// DefaultConfig reaches a server on this machine.
func DefaultConfig() Config {
	return Config{
		URL:           "http://127.0.0.1:8080",
		Compression:   CompressZstd,
		MaxEvents:     1000,
		MaxBytes:      1 << 20,
		Attempts:      8,
		MinPause:      100 * time.Millisecond,
		MaxPause:      5 * time.Second,
		MaxRetryAfter: time.Minute,
		Timeout:       30 * time.Second,
	}
}

// Validate reports every fault of the configuration at once.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		fault("api: %q is not a URL such as http://127.0.0.1:8080", c.URL)
	}
	switch c.Compression {
	case CompressNone, CompressGzip, CompressZstd:
	default:
		fault("compression: %q; use none, gzip or zstd", c.Compression)
	}
	if c.MaxEvents < 1 || c.MaxBytes < 1 {
		fault("request: %d events and %d bytes at most; both must be positive", c.MaxEvents, c.MaxBytes)
	}
	if c.Attempts < 1 {
		fault("attempts: %d; at least 1 is needed", c.Attempts)
	}
	if c.MinPause <= 0 || c.MaxPause < c.MinPause || c.MaxRetryAfter < 0 {
		fault("pause: %v to %v, and %v after Retry-After, is not a range", c.MinPause, c.MaxPause, c.MaxRetryAfter)
	}
	if c.Timeout <= 0 {
		fault("timeout: %v is not positive", c.Timeout)
	}
	if strings.ContainsAny(c.Key, "\r\n ") {
		fault("key: holds blanks or line breaks")
	}
	return errors.Join(faults...)
}

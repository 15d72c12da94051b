package api

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"millrace/internal/event"
)

// Config bounds what the server takes and how long it takes for it. Sizes are
// in bytes.
type Config struct {
	// AllowInsecure lets the server listen on an address that other machines
	// reach, although there are no keys yet: whoever reaches it can write and read.
	AllowInsecure bool
	// AllowedHosts are names, beside localhost and loopback addresses, that
	// requests to a loopback listener may carry in their Host header. It keeps a
	// web page that points its own name at 127.0.0.1 from reading the figures.
	AllowedHosts []string
	// TrustedProxies are the addresses whose X-Forwarded-For is believed. None are
	// by default: anybody can write that header.
	TrustedProxies []netip.Prefix
	// MaxBodyBytes bounds a request body as it is sent.
	MaxBodyBytes int
	// MaxInflatedBytes bounds a gzip or zstd body after decompression.
	MaxInflatedBytes int
	// MaxInflightBytes bounds the event bodies that wait for the broker, all
	// requests together; above it the answer is 503.
	MaxInflightBytes int
	// MaxEvents bounds the events of one request.
	MaxEvents int
	// MaxLiveClients bounds the clients of the live stream.
	MaxLiveClients int
	// Limits bound one event.
	Limits event.Limits

	// PublishTimeout bounds the wait for the broker.
	PublishTimeout time.Duration
	// QueryTimeout bounds one query, waiting included. The guard before the store
	// has bounds of its own for waiting and for running, and tells more about them:
	// this one should be above their sum.
	QueryTimeout time.Duration
	// LookupTimeout bounds the lookup of one user, and a readiness check.
	LookupTimeout time.Duration
	// ReadTimeout bounds the reading of a whole request, so its slowest upload.
	ReadTimeout time.Duration
	// IdleTimeout closes a kept-alive connection without a request.
	IdleTimeout time.Duration
	// LiveInterval is the time between two messages of the live stream.
	LiveInterval time.Duration
	// LiveHeartbeat is the longest silence on the live stream.
	LiveHeartbeat time.Duration
	// LiveWriteTimeout drops a live client that does not read.
	LiveWriteTimeout time.Duration
	// ShutdownTimeout bounds the whole of a stop.
	ShutdownTimeout time.Duration
}

// DefaultConfig returns limits for a machine with a few GiB of memory.
func DefaultConfig() Config {
	return Config{
		MaxBodyBytes:     16 << 20,
		MaxInflatedBytes: 64 << 20,
		MaxInflightBytes: 256 << 20,
		MaxEvents:        100_000,
		MaxLiveClients:   1000,
		Limits:           event.DefaultLimits(),
		PublishTimeout:   10 * time.Second,
		QueryTimeout:     45 * time.Second,
		LookupTimeout:    3 * time.Second,
		ReadTimeout:      time.Minute,
		IdleTimeout:      75 * time.Second,
		LiveInterval:     time.Second,
		LiveHeartbeat:    15 * time.Second,
		LiveWriteTimeout: 10 * time.Second,
		ShutdownTimeout:  8 * time.Second,
	}
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	faults := []error{c.Limits.Validate()}
	positive := func(name string, n int) {
		if n <= 0 {
			faults = append(faults, fmt.Errorf("api %s is %d: use a positive number", name, n))
		}
	}
	duration := func(name string, d time.Duration) {
		if d <= 0 {
			faults = append(faults, fmt.Errorf("api %s is %s: use a positive duration such as 5s", name, d))
		}
	}
	positive("max body bytes", c.MaxBodyBytes)
	positive("max inflated bytes", c.MaxInflatedBytes)
	positive("max inflight bytes", c.MaxInflightBytes)
	positive("max events", c.MaxEvents)
	positive("max live clients", c.MaxLiveClients)
	duration("publish timeout", c.PublishTimeout)
	duration("query timeout", c.QueryTimeout)
	duration("lookup timeout", c.LookupTimeout)
	duration("read timeout", c.ReadTimeout)
	duration("idle timeout", c.IdleTimeout)
	duration("live interval", c.LiveInterval)
	duration("live heartbeat", c.LiveHeartbeat)
	duration("live write timeout", c.LiveWriteTimeout)
	duration("shutdown timeout", c.ShutdownTimeout)
	if c.MaxInflightBytes < max(c.MaxBodyBytes, c.MaxInflatedBytes) {
		faults = append(faults, errors.New("api max inflight bytes is below the largest body: no such body could ever be taken"))
	}
	return errors.Join(faults...)
}

package enrich

import (
	"errors"
	"fmt"
)

// Config says what is added.
type Config struct {
	// GeoIPFile is a database in MaxMind's format (.mmdb) that has country.iso_code,
	// such as GeoLite2-Country. Empty means that countries are not looked up. The
	// file is read once, at the start.
	GeoIPFile string
	// DropIP removes the address from the event once its country is known.
	DropIP bool
	// UserAgents is how many user agents are remembered with what they mean.
	UserAgents int
	// ParsesPerSecond bounds how many unknown user agents are read per second. As
	// many again for each second of quiet, up to a minute of them, may come at once.
	ParsesPerSecond float64
}

// DefaultConfig adds everything that needs no file, and keeps the address.
func DefaultConfig() Config {
	return Config{UserAgents: 10_000, ParsesPerSecond: 100}
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var faults []error
	if c.UserAgents < 1 {
		faults = append(faults, fmt.Errorf("enrich user agents is %d: remember at least 1", c.UserAgents))
	}
	if !(c.ParsesPerSecond > 0) {
		faults = append(faults, fmt.Errorf("enrich parses per second is %v: use a positive number", c.ParsesPerSecond))
	}
	return errors.Join(faults...)
}

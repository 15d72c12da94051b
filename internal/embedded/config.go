package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// Addresses say where the servers are, whoever runs them. An empty field means: none.
type Addresses struct {
	ClickHouseHTTP   string `json:"clickhouse_http,omitempty"`   // such as http://127.0.0.1:8123
	ClickHouseNative string `json:"clickhouse_native,omitempty"` // such as 127.0.0.1:9000
	Kafka            string `json:"kafka,omitempty"`             // such as 127.0.0.1:9092
	Postgres         string `json:"postgres,omitempty"`          // such as postgres://millrace@127.0.0.1:5432/millrace?sslmode=disable
}

// has reports whether the engine has an address.
func (a Addresses) has(e Engine) bool {
	switch e {
	case ClickHouse:
		return a.ClickHouseHTTP != "" || a.ClickHouseNative != ""
	case Kafka:
		return a.Kafka != ""
	default:
		return a.Postgres != ""
	}
}

// Config says which engines run, where they keep their data and on which ports they listen.
type Config struct {
	// DataDir keeps the data of all engines. One process at a time may use it.
	DataDir string
	// EnginesDir holds the engine packages. Empty means [EnginesDir].
	EnginesDir string
	// Engines are those wanted.
	Engines []Engine
	// External are the servers that somebody else runs. Such an engine is not started, and its address
	// comes back from [Stack.Addresses] as it is here.
	External Addresses
	// Ports are the engines' ports on 127.0.0.1.
	Ports Ports
	// User and Password protect ClickHouse. Both empty means that anybody on this machine may use it;
	// it never listens elsewhere.
	User, Password string
	// KafkaInProcess runs the broker inside this process instead of a child of its own: a few
	// milliseconds faster to start, but it cannot be killed on its own and its memory counts as ours.
	KafkaInProcess bool
	// Progress gets one line at a time, for people. Nil means silence.
	Progress func(line string)
	// Logger gets what the engines report.
	Logger *slog.Logger

	restarts restarts // a policy with less patience, in tests
}

// DefaultConfig runs all engines on their usual ports, with data in ./millrace-data.
func DefaultConfig() Config {
	return Config{
		DataDir: "millrace-data",
		Engines: Engines(),
		Ports:   DefaultPorts(),
		Logger:  slog.Default(),

		restarts: newRestarts(),
	}
}

// Validate reports every fault of the configuration.
func (c Config) Validate() error {
	var faults []error
	if c.DataDir == "" && len(c.started()) > 0 {
		faults = append(faults, errors.New("data: name a directory for the engines' data"))
	}
	for _, e := range c.Engines {
		if !slices.Contains(Engines(), e) {
			faults = append(faults, fmt.Errorf("engines: %q is none of %v", e, Engines()))
		}
	}
	if c.Password != "" && c.User == "" {
		faults = append(faults, errors.New("user: a password needs a user"))
	}
	if c.Logger == nil {
		faults = append(faults, errors.New("logger: must be given"))
	}
	return errors.Join(append(faults, c.Ports.validate())...)
}

// started lists the engines that this process starts itself.
func (c Config) started() []Engine {
	return slices.DeleteFunc(slices.Clone(c.Engines), c.External.has)
}

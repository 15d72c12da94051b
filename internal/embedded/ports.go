package embedded

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
	"time"
)

// Ports are the TCP ports of the engines, on 127.0.0.1. 0 means any free one.
type Ports struct {
	ClickHouseHTTP   int
	ClickHouseNative int
	Kafka            int
	Postgres         int
}

// DefaultPorts are the ports that each engine's clients use by default.
func DefaultPorts() Ports {
	return Ports{ClickHouseHTTP: 8123, ClickHouseNative: 9000, Kafka: 9092, Postgres: 5432}
}

// AutoPorts lets every engine have any free port.
func AutoPorts() Ports { return Ports{} }

func (p Ports) validate() error {
	var faults []error
	for _, port := range []int{p.ClickHouseHTTP, p.ClickHouseNative, p.Kafka, p.Postgres} {
		if port < 0 || port > 65535 {
			faults = append(faults, fmt.Errorf("ports: %d is not between 0 (any free one) and 65535", port))
		}
	}
	return errors.Join(faults...)
}

// BusyPortError says that another program listens on a port that an engine needs.
type BusyPortError struct {
	Port   int
	Use    string // such as "ClickHouse HTTP"
	Engine Engine
}

// Error names the port, its use and three remedies.
func (e *BusyPortError) Error() string {
	return fmt.Sprintf("port %d (%s) is in use by another program: stop that program, let Millrace choose ports with --ports auto, "+
		"or use a running %s with %s ADDRESS", e.Port, e.Use, e.Engine, e.Engine.flag())
}

// portPicker turns wanted ports into ports that are free.
type portPicker struct {
	patience time.Duration // for the previous owner of a fixed port to be gone
	taken    map[int]bool  // chosen by this picker
}

func newPortPicker() *portPicker {
	// A Millrace that was killed a moment ago may leave engines that are just ending.
	return &portPicker{patience: time.Second, taken: map[int]bool{}}
}

func (p *portPicker) pick(wanted int, e Engine, use string) (int, error) {
	if wanted == 0 {
		return p.anyFree()
	}
	deadline := time.Now().Add(p.patience)
	for {
		err := probe(wanted)
		if err == nil {
			return wanted, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return 0, fmt.Errorf("port %d (%s) cannot be used: %w; choose others with --ports auto", wanted, use, err)
		}
		if time.Now().After(deadline) {
			return 0, &BusyPortError{Port: wanted, Use: use, Engine: e}
		}
		<-time.After(20 * time.Millisecond)
	}
}

// Free ports are searched below the range from which systems take the ports of outgoing connections and of
// listeners on port 0. So nobody takes one by chance between now and the engine's start, or while the
// engine is away after a kill.
const (
	lowestAuto  = 15000
	highestAuto = 32000
)

func (p *portPicker) anyFree() (int, error) {
	for range 200 {
		port := lowestAuto + rand.IntN(highestAuto-lowestAuto)
		if !p.taken[port] && probe(port) == nil {
			p.taken[port] = true
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port found between %d and %d", lowestAuto, highestAuto)
}

func probe(port int) error {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return err
	}
	return l.Close()
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

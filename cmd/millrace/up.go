package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"millrace/internal/embedded"
)

// newUpCmd starts everything.
func newUpCmd(a *app) *cobra.Command {
	var options upOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start everything: engines, ingest, sync, API and dashboard",
		Long: `Start the embedded ClickHouse, Kafka and Postgres, bring their tables up to
date, and run every stage. An engine whose address is given is not started.

When everything is ready, a table of addresses is printed, and the file
addresses.json in the data directory holds them until the stop.`,
		Example: `  millrace up
  millrace up --data /var/lib/millrace --sample-traffic 20
  millrace up --ports auto --listen 127.0.0.1:0
  millrace up --stages ingest --clickhouse ch:9000 --kafka kafka:9092 --postgres postgres://pg/millrace`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := options.validate(); err != nil {
				return usageError(err)
			}
			return a.up(cmd.Context(), options)
		},
	}
	options.register(cmd.Flags())
	return cmd
}

// up runs until ctx ends or something is lost for good.
func (a *app) up(ctx context.Context, o upOptions) (err error) {
	listener, err := listenAPI(o)
	if err != nil {
		return err
	}
	if listener != nil {
		defer listener.Close() // harmless once the API has closed it
	}
	metrics, err := listenMetrics(o)
	if err != nil {
		return err
	}
	if metrics != nil {
		defer metrics.Close()
	}
	stack, err := embedded.Start(ctx, o.stackConfig(a))
	if err != nil {
		return quietWhenStopped(ctx, err)
	}
	// Only the owner of the data directory may touch its addresses.
	defer func() { err = errors.Join(err, a.stopEngines(ctx, stack, o.stopTimeout)) }()
	if err := removeAddresses(o.data); err != nil {
		return err
	}
	defer limitMemory(o)()
	plant, err := a.openPlant(ctx, o, stack.Addresses())
	if err != nil {
		return quietWhenStopped(ctx, err)
	}
	defer plant.close()
	defer removeAddresses(o.data)
	plant.metrics = metrics
	return plant.run(ctx, listener, stack)
}

// limitMemory tells the garbage collector of --max-memory, in a process that
// does nothing but ingest: any other holds more than that flag speaks of. Who
// sets GOMEMLIMIT has decided otherwise. The returned function takes it back.
func limitMemory(o upOptions) (restore func()) {
	alone := slices.Equal(o.stages, []string{stageIngest}) && len(o.kafka) > 0
	if !alone || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	cfg := o.consumerConfig(o.kafka)
	before := debug.SetMemoryLimit(cfg.GoMemoryLimit())
	return func() { debug.SetMemoryLimit(before) }
}

// listenAPI takes the API's port first: a busy one is known at once, not after
// the engines have started. It returns nil where the API runs elsewhere.
func listenAPI(o upOptions) (net.Listener, error) {
	if !o.runs(stageAPI) {
		return nil, nil
	}
	host, port, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, usageError(err)
	}
	if !o.insecureListen && !loopback(host) {
		return nil, usageError(fmt.Errorf("--listen %s: other machines reach this address, and there are no API keys yet; listen on 127.0.0.1, or allow it with --insecure-listen", o.listen))
	}
	listener, err := net.Listen("tcp", o.listen)
	if errors.Is(err, syscall.EADDRINUSE) && o.ports == "auto" {
		listener, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--listen %s: port %s is in use by another program; choose another, such as --listen %s, or let --ports auto find free ones", o.listen, port, net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", o.listen, err)
	}
	return listener, nil
}

// loopback reports whether only this machine reaches the host.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// stopEngines gives the engines what is left of the time for stopping.
func (a *app) stopEngines(ctx context.Context, stack *embedded.Stack, timeout time.Duration) error {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if err := stack.Stop(stop); err != nil {
		return fmt.Errorf("stop the engines: %w", err)
	}
	a.log.Info("stopped")
	return nil
}

// quietWhenStopped turns an error that is only the echo of a stop into none.
func quietWhenStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

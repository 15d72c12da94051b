package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// listenMetrics takes the port of --metrics-listen, nil where it is not given.
func listenMetrics(o upOptions) (net.Listener, error) {
	if o.metricsListen == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", o.metricsListen)
	if err != nil {
		return nil, fmt.Errorf("--metrics-listen %s: %w", o.metricsListen, err)
	}
	return listener, nil
}

// serveMetrics answers GET /metrics until ctx ends, for a process that has no
// API to do so.
func (p *plant) serveMetrics(ctx context.Context, listener net.Listener) error {
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: routes, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}

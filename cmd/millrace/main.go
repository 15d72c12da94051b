package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"millrace/internal/embedded"
)

func main() {
	embedded.Main() // does not return when this process is an engine's child

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

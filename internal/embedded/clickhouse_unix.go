//go:build unix

package embedded

import (
	"context"
	"log/slog"

	"millrace/internal/chdb"
)

func (c *clickhouseChild) serve(ctx context.Context, log *slog.Logger, ready func()) error {
	cfg := chdb.DefaultConfig()
	cfg.Library, cfg.DataDir = c.Library, c.DataDir
	cfg.HTTPAddr, cfg.NativeAddr = c.HTTPAddr, c.NativeAddr
	if c.User != "" {
		cfg.User, cfg.Password = c.User, c.Password
	}
	cfg.Logger = log
	cfg.OnReady = func(_, _ string) { ready() }
	return chdb.Serve(ctx, cfg)
}

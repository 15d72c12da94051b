//go:build !unix

package embedded

import (
	"context"
	"log/slog"
)

func (c *clickhouseChild) serve(context.Context, *slog.Logger, func()) error { return ErrUnsupported }

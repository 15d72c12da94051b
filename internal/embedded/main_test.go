package embedded

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func TestChildLinesKeepTheirLevel(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	for _, line := range []string{
		`{"time":"2026-01-01T00:00:00Z","level":"WARN","msg":"slow","seconds":3}`,
		`terminate called without an active exception`, // a detail, shown at debug only
		`  `,
	} {
		forwardChild(logger, line)
	}
	if got, want := log.String(), "level=WARN msg=slow seconds=3\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPostgresLinesHaveALevel(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, line := range []string{
		"LOG:  listening", "ERROR:  duplicate key", "FATAL:  the database system is starting up",
		"FATAL:  terminating connection due to administrator command", "PANIC:  no space left",
	} {
		forwardPostgres(logger, line)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "no space left") {
		t.Errorf("got %q, want the panic alone", got)
	}
}

func TestChildEndsWithItsParent(t *testing.T) {
	stdin, parent := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	go endWithParent(stdin, stop)
	parent.Close()
	<-ctx.Done()
}

func TestChildWithoutSenseIsRefused(t *testing.T) {
	if got := serveChild("{"); got != 2 {
		t.Errorf("broken JSON: got exit code %d, want 2", got)
	}
	if err := (child{}).serve(t.Context(), slog.New(slog.DiscardHandler), func() {}); err == nil {
		t.Error("a child without an engine was served")
	}
}

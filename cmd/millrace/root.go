package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
)

// Exit codes of the command.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitRejected = 3
)

// app is what every subcommand shares.
type app struct {
	stdout io.Writer // results
	stderr io.Writer // logs, progress, errors
	log    *slog.Logger

	configFile string
	logLevel   string
	logFormat  string
}

// exitError ends the command with a code of its own.
type exitError struct {
	code int
	err  error // nil: everything has been said already
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError marks an error as the caller's way of calling.
func usageError(err error) error { return &exitError{code: exitUsage, err: err} }

// run executes the command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{stdout: stdout, stderr: stderr}
	root := newRootCmd(a)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{code: exitFailed, err: err}
	}
	if exit.err != nil {
		fmt.Fprintf(stderr, "millrace: %v\n", exit.err)
	}
	return exit.code
}

// newRootCmd builds the tree of subcommands.
func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "millrace",
		Short: "User events into ClickHouse, and answers out",
		Long: `Millrace takes user events through HTTP or Kafka, stores them in ClickHouse,
and answers questions about them.

"millrace up" starts everything on this machine: its own ClickHouse, Kafka and
Postgres, the ingest, the API and the dashboard.`,
		Example: `  millrace up --sample-traffic 20
  millrace replay events.csv.gz --wait
  millrace query "funnel view > add_to_cart > purchase within 1d last 30d"
  millrace produce --events 1000 --rate 100`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.prepare(cmd)
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config", "", "YAML file with flag names as keys (default: ./millrace.yaml where it exists)")
	flags.StringVar(&a.logLevel, "log-level", "info", "least level that is logged: debug, info, warn or error")
	flags.StringVar(&a.logFormat, "log-format", "text", "form of the log lines: text or json")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err) })
	root.AddCommand(
		newUpCmd(a),
		newProduceCmd(a),
		newReplayCmd(a),
		newQueryCmd(a),
		newTrainCmd(a),
		newDetectCmd(a),
		newMigrateCmd(a),
		newLedgerCmd(a),
		newDeadLettersCmd(a),
		newEnginesCmd(a),
		newConfigCmd(a),
	)
	return root
}

// prepare reads the environment and the file into the flags, and sets the
// logger up. It runs before every subcommand.
func (a *app) prepare(cmd *cobra.Command) error {
	if err := loadSettings(cmd.Flags(), a.configFile); err != nil {
		return usageError(err)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usageError(fmt.Errorf("--log-level: %q is not a level; use debug, info, warn or error", a.logLevel))
	}
	options := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		a.log = slog.New(slog.NewTextHandler(a.stderr, options))
	case "json":
		a.log = slog.New(slog.NewJSONHandler(a.stderr, options))
	default:
		return usageError(fmt.Errorf("--log-format: %q is not a format; use text or json", a.logFormat))
	}
	return nil
}

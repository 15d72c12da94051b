package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"millrace/internal/nearest"
)

// setting is one line of `millrace config`.
type setting struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Default string `json:"default"`
	Source  string `json:"source"` // default, flag, or the variable or file it came from
	Env     string `json:"env"`
}

// newConfigCmd shows and checks what `millrace up` would run with.
func newConfigCmd(a *app) *cobra.Command {
	var options upOptions
	var check, asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show or check the settings that `millrace up` would use",
		Long: `Show every setting of "millrace up", its value and where the value comes from.
A flag beats the environment (MILLRACE_<FLAG>), which beats the file. Passwords
in addresses are not shown.`,
		Example: `  millrace config
  MILLRACE_LISTEN=127.0.0.1:9999 millrace config --json
  millrace config --check --config /etc/millrace.yaml`,
		Args: cobra.NoArgs,
		// The settings are read here, not before, so that their source is known.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := collectSettings(cmd, a.configFile)
			if err == nil {
				err = options.validate()
			}
			if err != nil {
				return usageError(err)
			}
			switch {
			case check:
				fmt.Fprintln(a.stdout, "configuration is valid")
			case asJSON:
				encoder := json.NewEncoder(a.stdout)
				encoder.SetIndent("", "  ")
				return encoder.Encode(settings)
			default:
				return printSettings(a, settings)
			}
			return nil
		},
	}
	options.register(cmd.Flags())
	cmd.Flags().BoolVar(&check, "check", false, "only check, print nothing but the verdict; exit code 2 where something is wrong")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// collectSettings loads the settings and notes where each came from.
func collectSettings(cmd *cobra.Command, file string) ([]setting, error) {
	v, err := readSettings(cmd.Flags(), file)
	if err != nil {
		return nil, err
	}
	own := map[string]bool{"check": true, "json": true, "help": true, "version": true, "config": true}
	sources := map[string]string{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Changed:
			sources[f.Name] = "flag"
		case v.IsSet(f.Name):
			sources[f.Name] = settingSource(v, f.Name)
		default:
			sources[f.Name] = "default"
		}
	})
	faults := []error{loadSettings(cmd.Flags(), file)}
	known := knownSettings(cmd.Root())
	for _, key := range v.AllKeys() {
		if !slices.Contains(known, key) {
			faults = append(faults, fmt.Errorf("%s: unknown key %q%s", v.ConfigFileUsed(), key, nearest.Hint(key, known)))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	var settings []setting
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !own[f.Name] {
			settings = append(settings, setting{f.Name, withoutPassword(f.Value.String()), f.DefValue, sources[f.Name], envName(f.Name)})
		}
	})
	return settings, nil
}

// Where an address may hold a password: before its host, or as a parameter.
var (
	passwordOfUser      = regexp.MustCompile(`(://[^/?#:@\s]*:)\S*@`)
	passwordOfParameter = regexp.MustCompile(`(?i)(\bpassword\s*=\s*)('[^']*'|[^\s&]+)`)
)

// withoutPassword is a setting as it may be shown to others.
func withoutPassword(value string) string {
	value = passwordOfUser.ReplaceAllString(value, "$1…@")
	return passwordOfParameter.ReplaceAllString(value, "$1…")
}

// knownSettings are the flags of all subcommands: one file serves them all.
func knownSettings(root *cobra.Command) []string {
	var known []string
	note := func(f *pflag.Flag) { known = append(known, f.Name) }
	root.PersistentFlags().VisitAll(note)
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(note)
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
	slices.Sort(known)
	return slices.Compact(known)
}

// printSettings writes the table.
func printSettings(a *app, settings []setting) error {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SETTING\tVALUE\tFROM\tENVIRONMENT")
	for _, s := range settings {
		value := s.Value
		if value == "" {
			value = `""`
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.Name, value, s.Source, s.Env)
	}
	if err := table.Flush(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

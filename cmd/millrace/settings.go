package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// defaultConfigFile is read where it exists and --config is not given.
const defaultConfigFile = "millrace.yaml"

// loadSettings fills every flag that the command line left alone from the
// environment (MILLRACE_DATA for --data) or else from the file. The flags
// stay the one place that knows names, types and defaults.
func loadSettings(flags *pflag.FlagSet, file string) error {
	v, err := readSettings(flags, file)
	if err != nil {
		return err
	}
	var faults []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || !v.IsSet(f.Name) {
			return
		}
		if err := flags.Set(f.Name, settingText(v, f.Name)); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", settingSource(v, f.Name), err))
		}
	})
	return errors.Join(faults...)
}

// readSettings opens the file, if there is one, behind the environment.
func readSettings(flags *pflag.FlagSet, file string) (*viper.Viper, error) {
	v := viper.New()
	v.SetEnvPrefix("MILLRACE")
	v.SetEnvKeyReplacer(strings.NewReplacer("-", "_"))
	v.AutomaticEnv()
	v.SetConfigType("yaml")
	if file == "" {
		file = os.Getenv("MILLRACE_CONFIG")
	}
	optional := file == ""
	if optional {
		file = defaultConfigFile
	}
	v.SetConfigFile(file)
	err := v.ReadInConfig()
	if optional && errors.Is(err, os.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration file %s: %w", file, err)
	}
	return v, nil
}

// settingText is a setting in the form that a flag reads; lists join by commas.
func settingText(v *viper.Viper, name string) string {
	if list, ok := v.Get(name).([]any); ok {
		texts := make([]string, len(list))
		for i, item := range list {
			texts[i] = fmt.Sprint(item)
		}
		return strings.Join(texts, ",")
	}
	return v.GetString(name)
}

// settingSource says in words where a setting came from.
func settingSource(v *viper.Viper, name string) string {
	if key := envName(name); os.Getenv(key) != "" {
		return "environment variable " + key
	}
	return v.ConfigFileUsed()
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return "MILLRACE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

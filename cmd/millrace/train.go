package main

import "github.com/spf13/cobra"

// newTrainCmd holds one subcommand per model.
func newTrainCmd(*app) *cobra.Command {
	return &cobra.Command{
		Use:   "train MODEL",
		Short: "Train a model and report how good it is",
	}
}

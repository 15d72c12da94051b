package main

import "github.com/spf13/cobra"

// newTrainCmd holds one subcommand per model.
func newTrainCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "train MODEL",
		Short: "Train a model and report how good it is",
	}
	cmd.AddCommand(
		newTrainChurnCmd(a),
		newTrainBGNBDCmd(a),
	)
	return cmd
}

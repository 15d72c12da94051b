package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync/atomic"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"millrace/internal/churn"
)

// newTrainChurnCmd trains the logistic churn model.
func newTrainChurnCmd(a *app) *cobra.Command {
	var stores trainStores
	cfg := churn.DefaultConfig()
	var always, asJSON bool
	cmd := &cobra.Command{
		Use:   "churn",
		Short: "Train the model that tells who will stay away, and report how good it is",
		Long: `Look at users at many past dates, learn who then stayed away for the horizon,
calibrate on later dates and measure on the newest. The report stands beside what
simpler rules achieve on the same users. docs/models.md explains the figures.

The new version is kept in any case. It is put to use where its log loss on the
newest dates is below that of the version in use, on the same users.`,
		Example: `  millrace train churn
  millrace train churn --horizon-days 14 --json
  millrace train churn --clickhouse ch:9000 --postgres postgres://pg/millrace`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.Validate(); err != nil {
				return usageError(err)
			}
			events, models, err := stores.open(cmd.Context(), a)
			if err != nil {
				return err
			}
			defer events.Close()
			defer models.Close()
			progress := newTrainProgress()
			stop := (&meter{out: a.stderr, name: "train churn", read: progress.read}).start(cmd.Context())
			training := churnTraining{events: events, models: models, cfg: cfg, always: always}
			result, err := training.run(cmd.Context(), progress.step)
			stop()
			if err != nil {
				return err
			}
			return printTrained(a.stdout, result, asJSON)
		},
	}
	flags := cmd.Flags()
	stores.register(flags)
	flags.IntVar(&cfg.HorizonDays, "horizon-days", cfg.HorizonDays, "days without an event after which a user has churned")
	flags.IntVar(&cfg.ActiveWithinDays, "active-within-days", cfg.ActiveWithinDays, "look at users with an event in so many days before the date")
	flags.IntVar(&cfg.StepDays, "step-days", cfg.StepDays, "days between two dates at which users are looked at")
	flags.IntVar(&cfg.MaxDates, "max-dates", cfg.MaxDates, "most dates, the newest ones")
	flags.BoolVar(&always, "promote", false, "put the new version to use even where it is not better")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// trainProgress is how far a training is, for whoever shows it.
type trainProgress struct{ now atomic.Pointer[reading] }

func newTrainProgress() *trainProgress {
	p := &trainProgress{}
	p.now.Store(&reading{text: "looks at what is stored"})
	return p
}

// step notes what is being done now.
func (p *trainProgress) step(done, all int, what string) {
	p.now.Store(&reading{done: int64(done), total: int64(all), text: fmt.Sprintf("%s, step %d of %d", what, done+1, all)})
}

func (p *trainProgress) read() reading { return *p.now.Load() }

func printTrained(w io.Writer, t *trained, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(t)
	}
	var metrics churnMetrics
	if err := json.Unmarshal(t.Metrics, &metrics); err != nil {
		return fmt.Errorf("read the report: %w", err)
	}
	printChurnReport(w, metrics.Report)
	outcome := "is kept, and not in use"
	if t.Promoted {
		outcome = "is in use"
	}
	_, err := fmt.Fprintf(w, "\nVersion %d %s: %s.\n", t.Version, outcome, t.Reason)
	return err
}

// printChurnReport writes the tables that a person reads.
func printChurnReport(w io.Writer, r *churn.Report) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "PERIOD\tFROM\tUNTIL\tDATES\tUSERS\tCHURNED\t")
	for _, p := range []struct {
		name string
		part churn.Part
	}{{"training", r.Train}, {"calibration", r.Calibrate}, {"test", r.Test}} {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%.1f %%\t\n", p.name, p.part.From.Format("2006-01-02"), p.part.Until.Format("2006-01-02"),
			p.part.Dates, p.part.Examples, 100*p.part.ChurnRate)
	}
	fmt.Fprintln(table, "\t\t\t\t\t\t")
	fmt.Fprintln(table, "ON THE TEST\tAUC\tPR-AUC\tLOG LOSS\tBRIER\tACCURACY\t")
	line := func(name string, m churn.Metrics) {
		fmt.Fprintf(table, "%s\t%.3f\t%.3f\t%.4f\t%.4f\t%.1f %%\t\n", name, m.AUC, m.PRAUC, m.LogLoss, m.Brier, 100*m.Accuracy)
	}
	line("this model", r.Metrics)
	for _, b := range r.Baselines {
		line(b.Name, b.Metrics)
	}
	if r.Recent != nil {
		line(fmt.Sprintf("this model, seen in the last %d days", churn.RuleDays), *r.Recent)
	}
	table.Flush()
	fmt.Fprintf(w, "\nCalibration (mean distance %.3f)\n", r.CalibrationError)
	fmt.Fprintln(table, "USERS\tPREDICTED\tCHURNED\t")
	for _, bin := range r.Calibration {
		fmt.Fprintf(table, "%d\t%.1f %%\t%.1f %%\t\n", bin.Users, 100*bin.Predicted, 100*bin.Observed)
	}
	table.Flush()
	fmt.Fprintln(w, "\nTenths of the users, by falling probability")
	fmt.Fprintln(table, "TENTH\tUSERS\tCHURNED\tLIFT\tOF ALL CHURNED\t")
	for _, l := range r.Lift {
		fmt.Fprintf(table, "%d\t%d\t%.1f %%\t%.2f\t%.1f %%\t\n", l.Decile, l.Users, 100*l.ChurnRate, l.Lift, 100*l.Captured)
	}
	table.Flush()
}

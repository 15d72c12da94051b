package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"millrace/internal/lifetime"
)

// bgnbdOptions are the settings of `millrace train bgnbd`.
type bgnbdOptions struct {
	purchases      string
	calibrateUntil string
	asJSON         bool
	stores         trainStores // where no file is given
}

// newTrainBGNBDCmd fits the models of repeat purchases and spend.
func newTrainBGNBDCmd(a *app) *cobra.Command {
	var o bgnbdOptions
	cmd := &cobra.Command{
		Use:   "bgnbd",
		Short: "Who will buy again, how often and for how much (BG/NBD, Gamma-Gamma)",
		Long: `Fit BG/NBD (Fader, Hardie and Lee 2005) to repeat purchases and Gamma-Gamma
(Fader and Hardie 2013) to their values, by maximum likelihood, in weeks.
Purchases of a customer on one day count as one. What comes after
--calibrate-until is not fitted to: it is what the forecast is compared with.

Without --purchases it reads the purchases of a running Millrace, keeps the model
and puts it to use. Then, without --calibrate-until, the forecast is tried on the
newest quarter of the history, and the model kept is fitted to all of it.`,
		Example: `  millrace train bgnbd
  millrace train bgnbd --purchases orders.csv --calibrate-until 2026-06-30
  millrace train bgnbd --purchases cdnow_sample.txt.gz --calibrate-until 1997-09-30 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			until, err := o.until()
			if err != nil {
				return usageError(err)
			}
			if o.purchases == "" && !cmd.Flags().Changed("purchases") {
				return o.trainStored(cmd.Context(), a, until)
			}
			report, err := o.trainFile(until)
			if err != nil {
				return err
			}
			return o.print(a.stdout, report)
		},
	}
	flags := cmd.Flags()
	o.stores.register(flags)
	flags.StringVar(&o.purchases, "purchases", "", "file of purchases: CSV of customer,date,amount, or a published CDNOW file; gzip or plain (default: the stored purchases)")
	flags.StringVar(&o.calibrateUntil, "calibrate-until", "", "last day that is fitted to, YYYY-MM-DD (default: the last day with a purchase)")
	flags.BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

// trainStored trains on the purchases of a running Millrace.
func (o *bgnbdOptions) trainStored(ctx context.Context, a *app, until time.Time) error {
	events, models, err := o.stores.open(ctx, a)
	if err != nil {
		return err
	}
	defer events.Close()
	defer models.Close()
	progress := newTrainProgress()
	stop := (&meter{out: a.stderr, name: "train bgnbd", read: progress.read}).start(ctx)
	training := lifetimeTraining{events: events, models: models, until: until}
	result, report, err := training.run(ctx, progress.step)
	stop()
	if err != nil {
		return err
	}
	if o.asJSON {
		return printJSON(a.stdout, storedBGNBD{report, result.Version, result.Promoted})
	}
	if err := printBGNBD(a.stdout, report); err != nil {
		return err
	}
	outcome := "is kept, and not in use"
	if result.Promoted {
		outcome = "is in use"
	}
	_, err = fmt.Fprintf(a.stdout, "\nVersion %d %s: %s.\n", result.Version, outcome, result.Reason)
	return err
}

// storedBGNBD is the report of a version that was kept.
type storedBGNBD struct {
	*lifetime.Report
	Version  int  `json:"version"`
	Promoted bool `json:"promoted"`
}

func (o *bgnbdOptions) print(w io.Writer, report *lifetime.Report) error {
	if o.asJSON {
		return printJSON(w, report)
	}
	return printBGNBD(w, report)
}

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// trainFile trains on a file, and keeps nothing.
func (o *bgnbdOptions) trainFile(until time.Time) (*lifetime.Report, error) {
	purchases, err := readPurchases(o.purchases)
	if err != nil {
		return nil, err
	}
	if until.IsZero() {
		for _, p := range purchases {
			if p.Day.After(until) {
				until = p.Day
			}
		}
	}
	report, err := lifetime.Train(lifetime.DataOf(purchases, until))
	if err != nil {
		return nil, fmt.Errorf("%s, until %s: %w", filepath.Base(o.purchases), until.Format(time.DateOnly), err)
	}
	return report, nil
}

// until is the end of the calibration; zero where it was not given.
func (o *bgnbdOptions) until() (time.Time, error) {
	if o.calibrateUntil == "" {
		return time.Time{}, nil
	}
	until, err := time.ParseInLocation(time.DateOnly, o.calibrateUntil, time.UTC)
	if err != nil {
		return until, fmt.Errorf("--calibrate-until: %q is not a date; write YYYY-MM-DD, such as 1997-09-30", o.calibrateUntil)
	}
	return until, nil
}

func readPurchases(path string) ([]lifetime.Purchase, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usageError(fmt.Errorf("--purchases: %w; name a file of purchases", err))
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, usageError(fmt.Errorf("--purchases: %s is a directory; name a file of purchases", path))
	}
	return lifetime.ReadPurchases(file, filepath.Base(path))
}

package main

import (
	"encoding/json"
	"fmt"
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
--calibrate-until is not fitted to: it is what the forecast is compared with.`,
		Example: `  millrace train bgnbd --purchases orders.csv --calibrate-until 2026-06-30
  millrace train bgnbd --purchases cdnow_sample.txt.gz --calibrate-until 1997-09-30 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := o.train()
			if err != nil {
				return err
			}
			if o.asJSON {
				encoder := json.NewEncoder(a.stdout)
				encoder.SetIndent("", "  ")
				return encoder.Encode(report)
			}
			return printBGNBD(a.stdout, report)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.purchases, "purchases", "", "file of purchases: CSV of customer,date,amount, or a published CDNOW file; gzip or plain")
	flags.StringVar(&o.calibrateUntil, "calibrate-until", "", "last day that is fitted to, YYYY-MM-DD (default: the last day with a purchase)")
	flags.BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

func (o *bgnbdOptions) train() (*lifetime.Report, error) {
	until, err := o.until()
	if err != nil {
		return nil, usageError(err)
	}
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

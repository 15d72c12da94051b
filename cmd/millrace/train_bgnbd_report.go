package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"millrace/internal/lifetime"
)

// printBGNBD writes the report for people.
func printBGNBD(to io.Writer, r *lifetime.Report) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	line := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	line("Repeat purchases (BG/NBD), weeks, until %s", r.CalibrateUntil)
	line("  customers\t%.0f\t%.0f of them bought again", r.Customers, r.RepeatCustomers)
	line("  r, alpha\t%.4f, %.4f\ta customer buys %.3f times a week while one", r.R, r.Alpha, r.R/r.Alpha)
	line("  a, b\t%.4f, %.4f\tand leaves after %.0f %% of the purchases, on average", r.A, r.B, 100*r.A/(r.A+r.B))
	line("  log-likelihood\t%.1f\t", r.LogLikelihood)
	if r.AtBounds {
		line("  The purchases do not tell how much customers differ: trust totals, not single customers.")
	}
	line("")
	printSpend(line, r.Spend)
	if r.Holdout != nil {
		line("")
		printHoldout(line, r.Holdout)
	}
	return w.Flush()
}

func printSpend(line func(string, ...any), s *lifetime.SpendReport) {
	if s == nil {
		line("Spend (Gamma-Gamma): no repeat purchase has an amount above 0")
		return
	}
	line("Spend per purchase (Gamma-Gamma)")
	line("  customers\t%.0f\twith repeats that cost something", s.Customers)
	line("  p, q, v\t%.4f, %.4f, %.4f\t", s.P, s.Q, s.V)
	line("  log-likelihood\t%.1f\t", s.LogLikelihood)
}

func printHoldout(line func(string, ...any), h *lifetime.Holdout) {
	line("Forecast of the %.1f weeks after it", h.Weeks)
	line("  purchases\texpected %.0f\tactual %.0f", h.Expected, h.Actual)
	line("  all repeats to the end\texpected %.0f\tactual %.0f (%+.1f %%)", h.CumulativeExpected, h.CumulativeActual, 100*h.CumulativeError)
	line("")
	line("  repeats before\tcustomers\texpected each\tactual each")
	for i, row := range h.ByRepeats {
		more := ""
		if i == len(h.ByRepeats)-1 {
			more = "+"
		}
		line("  %d%s\t%.0f\t%.3f\t%.3f", row.Repeats, more, row.Customers, row.Expected, row.Actual)
	}
}

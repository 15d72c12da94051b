package lifetime

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// endOfCalibration of the CDNOW files: 39 weeks from 1 January 1997.
func endOfCalibration() time.Time { return time.Date(1997, 9, 30, 0, 0, 0, 0, time.UTC) }

// dataFile is a file of real data that is not part of the repository.
func dataFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI has to have %s: %v", name, err)
		}
		t.Skipf("%s is not here; this test needs real data", path)
	}
	return path
}

func readFile(t *testing.T, path string) []Purchase {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	purchases, err := ReadPurchases(file, filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	return purchases
}

// near fails unless got is within tolerance of want.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance {
		t.Errorf("%s: got %.6f, want %v ± %v", what, got, want, tolerance)
	}
}

// TestPublishedParameters holds both models against what their papers print for
// the CDNOW sample: table 1 of Fader, Hardie and Lee (2005), section 3 of Fader
// and Hardie (2013).
func TestPublishedParameters(t *testing.T) {
	data := DataOf(readFile(t, dataFile(t, "cdnow_sample.txt.gz")), endOfCalibration())
	fit, err := FitBGNBD(data.Groups)
	if err != nil {
		t.Fatal(err)
	}
	if fit.Customers != 2357 {
		t.Errorf("got %v customers, want 2357", fit.Customers)
	}
	m := fit.Model
	near(t, "r", m.R, 0.243, 0.0005)
	near(t, "alpha", m.Alpha, 4.414, 0.0005)
	near(t, "a", m.A, 0.793, 0.0005)
	near(t, "b", m.B, 2.426, 0.0005)
	near(t, "log-likelihood", fit.LogLikelihood, -9582.4, 0.05)
	if fit.AtBounds {
		t.Error("the fit is reported to be at its bounds")
	}

	spend, err := FitGammaGamma(data.Spends)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v %+v", fit, spend)
	if spend.Customers != 946 {
		t.Errorf("got %v customers with spend, want 946", spend.Customers)
	}
	near(t, "p", spend.Model.P, 6.25, 0.005)
	near(t, "q", spend.Model.Q, 3.74, 0.005)
	near(t, "gamma", spend.Model.V, 15.44, 0.01)
}

// TestPublishedForecastOfTheHoldout forecasts weeks 40 to 78. Fader, Hardie and
// Lee (2005) report that BG/NBD ends 4 % below the actual cumulative repeats at
// week 78; the bound here is what rounds to that. The conditional expectations by
// number of repeats are printed as a figure only, so the bound on them, 30 % of
// the actual mean of each row, is ours.
func TestPublishedForecastOfTheHoldout(t *testing.T) {
	groups := DataOf(readFile(t, dataFile(t, "cdnow_sample.txt.gz")), endOfCalibration()).Groups
	fit, err := FitBGNBD(groups)
	if err != nil {
		t.Fatal(err)
	}
	h := fit.Model.Compare(groups, 39)
	t.Logf("cumulative repeats until week 78: expected %.0f, actual %.0f (%+.2f %%)", h.CumulativeExpected, h.CumulativeActual, 100*h.CumulativeError)
	t.Logf("weeks 40 to 78: expected %.0f, actual %.0f", h.Expected, h.Actual)
	if !(h.CumulativeError >= -0.045 && h.CumulativeError <= 0) {
		t.Errorf("cumulative repeats at week 78 are off by %.4f, the paper's by -0.04", h.CumulativeError)
	}
	if h.CumulativeActual != 4339 || h.Actual != 1882 {
		t.Errorf("got %v repeats in all and %v in the holdout, want 4339 and 1882", h.CumulativeActual, h.Actual)
	}
	before := 0.0
	for _, row := range h.ByRepeats {
		t.Logf("%d repeats: %4.0f customers, expected %.3f, actual %.3f", row.Repeats, row.Customers, row.Expected, row.Actual)
		if row.Expected > row.Actual || row.Expected < 0.7*row.Actual || row.Expected < before {
			t.Errorf("%d repeats: expected %.3f purchases, actual %.3f", row.Repeats, row.Expected, row.Actual)
		}
		before = row.Expected
	}
}

package olap

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/internal/churn"
	"millrace/internal/lifetime"
)

var cdnowWhole = flag.Bool("cdnow-whole", false, "churn on CDNOW: all customers and dates, which prints the table of docs/models.md, not a part that suits CI")

// cdnowHorizon is how long a customer of CDNOW must buy nothing to have churned.
const cdnowHorizon = 30 * churn.Day

// cdnowChurn reads the customers of CDNOW at dates, each date once.
type cdnowChurn struct {
	t     *testing.T
	store *Store
	first time.Time
	oneIn int
	dates map[time.Time]cdnowDate
}

// cdnowDate is all customers at a date, the two lists in the same order.
type cdnowDate struct {
	customers []string
	examples  []churn.Example
}

func (c *cdnowChurn) at(date time.Time) cdnowDate {
	if known, ok := c.dates[date]; ok {
		return known
	}
	var d cdnowDate
	for row := range churnOf(c.t, c.store, churn.Names(), ChurnSelection{At: date, Until: date.Add(cdnowHorizon), OneIn: c.oneIn}) {
		d.customers = append(d.customers, row.UserID)
		d.examples = append(d.examples, churn.Example{At: date, Values: row.Values, Churned: row.Churned})
	}
	c.dates[date] = d
	return d
}

// dataFor has the date as its test, the two before as its calibration, and all
// that lie before those as its training, a horizon apart.
func (c *cdnowChurn) dataFor(date time.Time) churn.Data {
	data := churn.Data{Names: churn.Names(), Test: c.at(date).examples}
	for k := 1; ; k++ {
		before := date.Add(-time.Duration(k) * cdnowHorizon)
		switch {
		case before.Before(c.first.Add(cdnowHorizon)):
			return data
		case k <= 2:
			data.Calibrate = append(data.Calibrate, c.at(before).examples...)
		default:
			data.Train = append(data.Train, c.at(before).examples...)
		}
	}
}

// TestChurnOnCDNOW predicts from purchases alone who buys nothing in the next 30
// days, at several dates, beside BG/NBD on the same customers.
func TestChurnOnCDNOW(t *testing.T) {
	rows := cdnowRows(t)
	s := newStore(t)
	write(t, s, "cdnow", rows)
	c := &cdnowChurn{t: t, store: s, first: at("1997-01-01T00:00:00Z"), dates: map[time.Time]cdnowDate{}}
	dates := []string{"1997-10-03T00:00:00Z", "1998-01-01T00:00:00Z", "1998-04-01T00:00:00Z", "1998-05-31T00:00:00Z"}
	if !*cdnowWhole {
		c.oneIn, dates = 10, dates[1:2]
	}
	cfg := churn.DefaultConfig()
	cfg.HorizonDays, cfg.StepDays, cfg.ActiveWithinDays = 30, 30, 3650
	table := &strings.Builder{}
	fmt.Fprintln(table, "| date | customers | bought nothing | AUC: this model | recency alone | 7 days silent | BG/NBD | log loss: this model | recency alone | 7 days silent | BG/NBD | off by: this model | BG/NBD |")
	for _, text := range dates {
		date := at(text)
		_, report, err := churn.Train(cfg, c.dataFor(date))
		if err != nil {
			t.Fatal(err)
		}
		bgnbd, off := bgnbdOf(t, rows, date, c.at(date))
		baseline := map[string]churn.Metrics{}
		for _, b := range report.Baselines {
			baseline[b.Name] = b.Metrics
		}
		m, alone, rule := report.Metrics, baseline[churn.BaselineRecency], baseline[churn.BaselineRule]
		fmt.Fprintf(table, "| %s | %d | %.1f %% | %.3f | %.3f | %.3f | %.3f | %.4f | %.4f | %.4f | %.4f | %.3f | %.3f |\n",
			date.Format(time.DateOnly), m.Users, 100*m.ChurnRate, m.AUC, alone.AUC, rule.AUC, bgnbd.AUC,
			m.LogLoss, alone.LogLoss, rule.LogLoss, bgnbd.LogLoss, report.CalibrationError, off)
		if m.AUC < alone.AUC+0.01 || m.AUC < rule.AUC+0.05 || m.LogLoss > alone.LogLoss {
			t.Errorf("%s: no better than recency: %+v", text, report)
		}
	}
	t.Logf("\n%s", table)
}

// bgnbdOf fits BG/NBD to the purchases before the date, and measures how well it
// tells who buys nothing within the horizon.
func bgnbdOf(t *testing.T, rows []row, date time.Time, d cdnowDate) (m churn.Metrics, off float64) {
	var purchases []lifetime.Purchase
	for _, r := range rows {
		if r.at.Before(date) {
			amount, err := strconv.ParseFloat(r.amount, 64)
			if err != nil {
				t.Fatal(err)
			}
			purchases = append(purchases, lifetime.Purchase{Customer: r.user, Day: r.at, Amount: amount})
		}
	}
	customers := lifetime.Customers(purchases, date.Add(-churn.Day))
	fit, err := lifetime.FitBGNBD(lifetime.DataOf(purchases, date.Add(-churn.Day)).Groups)
	if err != nil {
		t.Fatal(err)
	}
	none := map[string]float64{}
	for _, c := range customers {
		none[c.ID] = 1 - fit.Model.PurchaseWithin(c.History, cdnowHorizon.Hours()/24/7)
	}
	probabilities := make([]float64, len(d.customers))
	for i, customer := range d.customers {
		p, known := none[customer]
		if !known {
			t.Fatalf("customer %s is not known to BG/NBD", customer)
		}
		probabilities[i] = p
	}
	outcomes := churn.Outcomes(d.examples)
	return churn.Evaluate(probabilities, outcomes), churn.CalibrationError(churn.Calibration(probabilities, outcomes, 10))
}

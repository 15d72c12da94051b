package lifetime

import (
	"errors"
	"time"
)

// Name is that of the models in the registry.
const Name = "bgnbd"

// Model is both models, as the registry keeps them.
type Model struct {
	BGNBD
	// Spend is nil where no repeat purchase had an amount.
	Spend *GammaGamma `json:"gamma_gamma,omitempty"`
	// Currency is that of the amounts.
	Currency string `json:"currency,omitempty"`
}

// Validate reports parameters that cannot be.
func (m Model) Validate() error {
	if m.Spend == nil {
		return m.BGNBD.Validate()
	}
	return errors.Join(m.BGNBD.Validate(), m.Spend.Validate())
}

// Data is what both models are trained on.
type Data struct {
	Groups []Group
	Spends []Spend
	// Until is the last day of the calibration.
	Until time.Time
	// HoldoutWeeks is how much of what followed is known, in the groups' Later; 0
	// for nothing.
	HoldoutWeeks float64
}

// DataOf makes the data of a list of purchases. It sorts purchases in place.
func DataOf(purchases []Purchase, until time.Time) Data {
	last := until
	for _, p := range purchases {
		if p.Day.After(last) {
			last = p.Day
		}
	}
	var c Collector
	for _, customer := range Customers(purchases, until) {
		c.Add(customer)
	}
	return c.Data(until, weeks(last.Sub(until)))
}

// Report is both models as trained, with how well they fit and forecast.
type Report struct {
	BGNBD
	LogLikelihood   float64 `json:"log_likelihood"`
	Customers       float64 `json:"customers"`
	RepeatCustomers float64 `json:"repeat_customers"`
	// CalibrateUntil is the last day of the calibration, YYYY-MM-DD.
	CalibrateUntil string `json:"calibrate_until"`
	// AtBounds is that of [Fit].
	AtBounds bool `json:"at_bounds,omitempty"`
	// Spend is nil where no repeat purchase has an amount.
	Spend *SpendReport `json:"gamma_gamma,omitempty"`
	// Holdout is nil where nothing follows the calibration.
	Holdout *Holdout `json:"holdout,omitempty"`
}

// SpendReport is the Gamma-Gamma model as trained.
type SpendReport struct {
	GammaGamma
	LogLikelihood float64 `json:"log_likelihood"`
	Customers     float64 `json:"customers"` // those with repeats that cost something
	AtBounds      bool    `json:"at_bounds,omitempty"`
}

// SpendModel is the model of spend, nil where there is none.
func (r *Report) SpendModel() *GammaGamma {
	if r.Spend == nil {
		return nil
	}
	return &r.Spend.GammaGamma
}

// Train fits both models, and compares the forecast with what is known of the
// time after the calibration.
func Train(d Data) (*Report, error) {
	fit, err := FitBGNBD(d.Groups)
	if err != nil {
		return nil, err
	}
	r := &Report{BGNBD: fit.Model, LogLikelihood: fit.LogLikelihood, Customers: fit.Customers, AtBounds: fit.AtBounds,
		CalibrateUntil: d.Until.Format(time.DateOnly)}
	for _, g := range d.Groups {
		if g.Repeats > 0 {
			r.RepeatCustomers += g.Customers
		}
	}
	spend, err := FitGammaGamma(d.Spends)
	switch {
	case err == nil:
		r.Spend = &SpendReport{spend.Model, spend.LogLikelihood, spend.Customers, spend.AtBounds}
	case !errors.Is(err, ErrNoSpend):
		return nil, err
	}
	if d.HoldoutWeeks > 0 {
		holdout := fit.Model.Compare(d.Groups, d.HoldoutWeeks)
		holdout.Until = r.CalibrateUntil
		r.Holdout = &holdout
	}
	return r, nil
}

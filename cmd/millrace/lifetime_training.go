package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"millrace/internal/lifetime"
	"millrace/olap"
	"millrace/oltp"
)

// lifetimeTraining fits the models of repeat purchases and spend to the stored
// purchases.
type lifetimeTraining struct {
	events *olap.Store
	models *oltp.Store
	// until is the last day that is fitted to; zero for the newest. Then the forecast
	// is tried on the newest quarter of the history first, with a fit that has not
	// seen it.
	until time.Time
}

// run trains, keeps the new version and puts it to use.
func (t lifetimeTraining) run(ctx context.Context, progress func(done, all int, what string)) (*trained, *lifetime.Report, error) {
	unlock, err := t.models.LockTraining(ctx, lifetime.Name)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	span, err := t.events.PurchaseSpan(ctx)
	if err != nil {
		return nil, nil, err
	}
	if span.Last.IsZero() {
		return nil, nil, fmt.Errorf("no event of type purchase is stored: send some, or give --purchases FILE: %w", lifetime.ErrNoCustomers)
	}
	report, err := t.fit(ctx, span, progress)
	if err != nil {
		return nil, nil, err
	}
	result, err := t.keep(ctx, span, report)
	return result, report, err
}

// fit makes the report of the model to be kept, with the forecast of a time that
// was not fitted to, where there is one.
func (t lifetimeTraining) fit(ctx context.Context, span olap.PurchaseSpan, progress func(done, all int, what string)) (*lifetime.Report, error) {
	if !t.until.IsZero() {
		progress(0, 1, "fit until "+t.until.Format(time.DateOnly))
		return t.fitUntil(ctx, span, t.until)
	}
	progress(0, 2, "forecast of the newest quarter")
	days := int(span.Last.Sub(span.First).Hours() / 24)
	tried, err := t.fitUntil(ctx, span, span.Last.AddDate(0, 0, -days/4))
	if err != nil && !errors.Is(err, lifetime.ErrNoCustomers) && !errors.Is(err, lifetime.ErrNoRepeats) {
		return nil, err
	}
	progress(1, 2, "fit")
	report, err := t.fitUntil(ctx, span, span.Last)
	if err == nil && tried != nil {
		report.Holdout = tried.Holdout
	}
	return report, err
}

// fitUntil fits to the purchases until a day, and compares with those after it.
func (t lifetimeTraining) fitUntil(ctx context.Context, span olap.PurchaseSpan, until time.Time) (*lifetime.Report, error) {
	var c lifetime.Collector
	for h, err := range t.events.Purchases(ctx, olap.PurchaseSelection{Until: until, End: span.Last, Currency: span.Currency}) {
		if err != nil {
			return nil, err
		}
		c.Add(lifetime.Customer{History: historyOf(h), Later: int(h.Later)})
	}
	later := span.Last.Sub(until).Hours() / 24 / lifetime.DaysPerWeek
	report, err := lifetime.Train(c.Data(until, max(0, later)))
	if err != nil {
		return nil, fmt.Errorf("stored purchases until %s: %w", until.Format(time.DateOnly), err)
	}
	return report, nil
}

// historyOf is a customer in the models' terms.
func historyOf(h olap.PurchaseHistory) lifetime.History {
	history := lifetime.History{
		Repeats: int(h.Repeats), Priced: int(h.PricedDays),
		Recency: float64(h.RecencyDays) / lifetime.DaysPerWeek, Age: float64(h.AgeDays) / lifetime.DaysPerWeek,
	}
	if h.PricedDays > 0 {
		history.MeanSpend = h.Spent / float64(h.PricedDays)
	}
	return history
}

// keep saves the new version and puts it to use: it knows the newest purchases.
// One whose fit did not come to an end does not replace another.
func (t lifetimeTraining) keep(ctx context.Context, span olap.PurchaseSpan, report *lifetime.Report) (*trained, error) {
	parameters, err := json.Marshal(lifetime.Model{BGNBD: report.BGNBD, Spend: report.SpendModel(), Currency: span.Currency})
	if err != nil {
		return nil, err
	}
	metrics, err := json.Marshal(report)
	if err != nil {
		return nil, err
	}
	until, err := time.Parse(time.DateOnly, report.CalibrateUntil)
	if err != nil {
		return nil, err
	}
	saved, err := t.models.SaveModel(ctx, oltp.Model{
		Name: lifetime.Name, TrainedFrom: span.First, TrainedUntil: until.AddDate(0, 0, 1),
		CodeVersion: version(), Parameters: parameters, Metrics: metrics,
	})
	if err != nil {
		return nil, err
	}
	result := &trained{Name: lifetime.Name, Version: saved.Version, Promoted: true, Metrics: metrics,
		Reason: "fitted to the purchases until " + report.CalibrateUntil}
	if _, err := t.models.CurrentVersion(ctx, lifetime.Name); report.AtBounds && !errors.Is(err, oltp.ErrNoModel) {
		result.Promoted, result.Reason = false, "the purchases do not tell how much customers differ, and there is a version in use"
		return result, err
	}
	_, err = t.models.PromoteModel(ctx, lifetime.Name, saved.Version, result.Reason)
	return result, err
}

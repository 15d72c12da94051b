package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/fraud"
	"millrace/oltp"
)

// fraudDrift measures again and again how far purchases are from those that the
// fraud model in use was trained on.
type fraudDrift struct {
	*scorePasses
	store    *oltp.Store
	score    prometheus.Gauge
	features *prometheus.GaugeVec
}

const (
	// driftPurchases is how many of the latest purchases are compared.
	driftPurchases = 5000
	// driftLeast is with how few nothing can be said.
	driftLeast = 200
)

func newFraudDrift(store *oltp.Store, every time.Duration, reg prometheus.Registerer, log *slog.Logger) (*fraudDrift, error) {
	failures := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "millrace_fraud_drift_failures_total", Help: "Measurements of the fraud model's drift that failed and will be repeated."})
	d := &fraudDrift{
		store: store,
		score: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "millrace_fraud_score_drift", Help: "Population stability index of the fraud score since the training."}),
		features: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "millrace_fraud_feature_drift", Help: "Population stability index of each feature of purchases since the training."}, []string{"feature"}),
	}
	for _, c := range []prometheus.Collector{failures, d.score, d.features} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register fraud metrics: %w", err)
		}
	}
	d.scorePasses = &scorePasses{
		name: "fraud-drift", model: fraud.Name, every: every, current: store.CurrentVersion, hold: store.Hold, pass: d.pass, failures: failures, log: log,
		since: time.Now(), untrained: "no version of the fraud model is registered yet",
	}
	return d, nil
}

// pass compares the latest purchases that were judged since the version was made.
func (d *fraudDrift) pass(ctx context.Context, version int, last scorePass) (scorePass, error) {
	saved, err := d.store.Model(ctx, fraud.Name, version)
	if err != nil {
		return last, err
	}
	model, err := fraud.Read(saved.Parameters, version)
	if err != nil {
		return last, err
	}
	judged, err := d.store.JudgedPurchases(ctx, saved.CreatedAt, driftPurchases)
	if err != nil {
		return last, err
	}
	purchases, _, until := learnable(judged)
	done := scorePass{version: version, asOf: until}
	if len(purchases) < driftLeast {
		done.detail = fmt.Sprintf("version %d, %d purchases since, too few to compare", version, len(purchases))
		return done, nil
	}
	drift := model.Drift(purchases)
	err = d.store.SaveDrift(ctx, oltp.Drift{
		Name: fraud.Name, Version: version, AsOf: until, Users: drift.Purchases, Score: drift.Score, Features: drift.Features,
	})
	if err != nil {
		return last, err
	}
	d.score.Set(drift.Score)
	d.features.Reset()
	for name, index := range drift.Features {
		d.features.WithLabelValues(name).Set(index)
	}
	done.detail = fmt.Sprintf("version %d, %d purchases compared as of %s", version, drift.Purchases, until.Format(time.RFC3339))
	return done, nil
}

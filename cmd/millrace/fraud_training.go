package main

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"millrace/internal/fraud"
	"millrace/oltp"
)

// fraudPurchases is how many of the latest judged purchases a model is made of: the
// shop as it is, and enough for thresholds of one in 2,000.
const fraudPurchases = 50_000

// fraudTraining makes a version of the fraud model from the store's own purchases,
// which are those that the scoring has judged. There are no labels.
type fraudTraining struct{ store *oltp.Store }

// run trains, keeps the new version, and puts it to use where it is better.
func (t fraudTraining) run(ctx context.Context, progress func(done, all int, what string)) (*trained, error) {
	unlock, err := t.store.LockTraining(ctx, fraud.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	yardstick, err := fraud.DefaultModel()
	if err != nil {
		return nil, err
	}
	number, err := t.store.CurrentVersion(ctx, fraud.Name)
	if err != nil {
		return nil, err
	}
	current, err := readFraud(ctx, t.store, number)
	if err != nil {
		return nil, err
	}
	progress(0, 2, "the latest purchases")
	judged, err := t.store.JudgedPurchases(ctx, time.Unix(0, 0), fraudPurchases)
	if err != nil {
		return nil, err
	}
	progress(1, 2, "forest and thresholds")
	purchases, from, until := learnable(judged)
	model, report, err := fraud.Retrain(current, yardstick, purchases, fraud.DefaultRates())
	if err != nil {
		return nil, err
	}
	metrics, err := json.Marshal(fraudMetrics{Retraining: report})
	if err != nil {
		return nil, err
	}
	return keepFraud(ctx, t.store, keptFraud{model, metrics, from, until, report.Better, report.Reason})
}

// learnable are the purchases with the features of this millrace, and the event
// times that they span.
func learnable(judged []oltp.JudgedPurchase) (purchases []fraud.Features, from, until time.Time) {
	for _, j := range judged {
		if len(j.Features) != fraud.FeatureCount {
			continue // an older millrace judged it
		}
		var f fraud.Features
		for i, v := range j.Features {
			f[i] = float64(v)
		}
		purchases = append(purchases, f)
	}
	if len(judged) == 0 {
		return purchases, from, until
	}
	byTime := func(a, b oltp.JudgedPurchase) int { return a.EventTime.Compare(b.EventTime) }
	return purchases, slices.MinFunc(judged, byTime).EventTime, slices.MaxFunc(judged, byTime).EventTime.Add(time.Millisecond)
}

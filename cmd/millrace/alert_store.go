package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"millrace/internal/alert"
	"millrace/oltp"
)

// alertStore gives the alert stage its store: neither package knows the other.
type alertStore struct {
	store *oltp.Store
	keys  *alert.Keys // open the secrets of channels
}

// readAlertRule reads what a rule says, as it is kept.
func readAlertRule(id string, definition []byte) (alert.Rule, error) {
	r := alert.Rule{ID: id}
	if err := json.Unmarshal(definition, &r); err != nil {
		return r, fmt.Errorf("read the alert rule %s: %w", id, err)
	}
	return r, nil
}

// alertRule is a rule with how it is kept. Its secrets stay sealed: watching needs
// none.
func alertRule(kept oltp.AlertRule) (alert.Rule, error) {
	r, err := readAlertRule(kept.ID, kept.Definition)
	r.SilencedUntil, r.CreatedAt = kept.SilencedUntil, kept.CreatedAt
	return r, err
}

func (s alertStore) TakeDueRules(ctx context.Context, limit int) ([]alert.DueRule, error) {
	kept, err := s.store.TakeDueAlertRules(ctx, limit)
	if err != nil {
		return nil, err
	}
	due := make([]alert.DueRule, len(kept))
	for i, k := range kept {
		r, err := alertRule(k.AlertRule)
		if err != nil {
			return nil, err
		}
		due[i] = alert.DueRule{Rule: r, Open: k.Open}
	}
	return due, nil
}

func (s alertStore) StepAlerts(ctx context.Context, ruleID, note string, step func([]alert.Alert) (alert.Step, error)) error {
	err := s.store.StepAlerts(ctx, ruleID, note, func(kept []oltp.Alert) (oltp.AlertStep, error) {
		open := make([]alert.Alert, len(kept))
		for i, a := range kept {
			open[i] = alert.Alert(a)
		}
		result, err := step(open)
		return alertStep(result), err
	})
	if errors.Is(err, oltp.ErrUnknownRule) {
		return nil
	}
	return err
}

func (s alertStore) TakePurchases(ctx context.Context, limit int, step func([]alert.Rule, []alert.Purchase) (alert.Step, error)) (int, error) {
	return s.store.TakeFoundPurchases(ctx, limit, func(kept []oltp.AlertRule, scores []oltp.FraudScore) (oltp.AlertStep, error) {
		rules := make([]alert.Rule, len(kept))
		for i, k := range kept {
			var err error
			if rules[i], err = alertRule(k); err != nil {
				return oltp.AlertStep{}, err
			}
		}
		purchases := make([]alert.Purchase, len(scores))
		for i, f := range scores {
			purchases[i] = foundPurchase(f)
		}
		result, err := step(rules, purchases)
		return alertStep(result), err
	})
}

func foundPurchase(f oltp.FraudScore) alert.Purchase {
	return alert.Purchase{
		EventID: f.EventID, UserID: f.UserID, Time: f.EventTime, Currency: f.Currency, Score: f.Score, Decision: f.Decision,
		Reasons: f.Reasons, ScoredAt: f.ScoredAt, Amount: f.Amount(),
	}
}

func alertStep(step alert.Step) oltp.AlertStep {
	var kept oltp.AlertStep
	for _, c := range step.Changes {
		if c.Gone {
			kept.Gone = append(kept.Gone, c.ID)
		} else {
			kept.Alerts = append(kept.Alerts, oltp.Alert(c.Alert))
		}
	}
	for _, d := range step.Deliveries {
		kept.Deliveries = append(kept.Deliveries, oltp.AlertDelivery(d))
	}
	return kept
}

func (s alertStore) TakeDeliveries(ctx context.Context, limit int, lease time.Duration) ([]alert.DueDelivery, error) {
	kept, err := s.store.TakeAlertDeliveries(ctx, limit, lease)
	if err != nil {
		return nil, err
	}
	due := make([]alert.DueDelivery, len(kept))
	for i, k := range kept {
		due[i].Delivery = alert.Delivery(k.AlertDelivery)
		if k.Definition == nil {
			continue // the rule is gone
		}
		r, err := readAlertRule(k.RuleID, k.Definition)
		if err != nil {
			return nil, err
		}
		r = s.keys.Open(r)
		due[i].To, due[i].Known = r.Channel(k.Channel)
	}
	return due, nil
}

func (s alertStore) EndAttempt(ctx context.Context, end alert.AttemptEnd) error {
	return s.store.EndAlertAttempt(ctx, oltp.AlertAttemptEnd(end))
}

func (s alertStore) Backlog(ctx context.Context) (int64, time.Time, error) {
	return s.store.AlertBacklog(ctx)
}

func (s alertStore) Forget(ctx context.Context, before time.Time) error {
	return s.store.ForgetAlerts(ctx, before)
}

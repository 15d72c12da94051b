package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Purchase is one that the scoring has found.
type Purchase struct {
	EventID  string
	UserID   string
	Time     time.Time
	Amount   *string // a decimal
	Currency string
	Score    float64
	Decision string // review or block
	// Reasons is a JSON array.
	Reasons  []byte
	ScoredAt time.Time
}

// TransactionAction is what a receiver needs in order to block a transaction, or
// to look at it.
type TransactionAction struct {
	Do        string          `json:"do"` // block_transaction or review_transaction
	UserID    string          `json:"user_id"`
	EventID   string          `json:"event_id"`
	Timestamp time.Time       `json:"timestamp"`
	Amount    *string         `json:"amount"`
	Currency  string          `json:"currency"`
	Score     float64         `json:"score"`
	Reasons   json.RawMessage `json:"reasons"`
}

func (s *Stage) lookAtPurchases(ctx context.Context) (bool, error) {
	now := time.Now()
	var all Step
	n, err := s.deps.Store.TakePurchases(ctx, purchasesAtOnce, func(rules []Rule, purchases []Purchase) (Step, error) {
		for _, r := range rules {
			step, err := r.carryOut(r.found(purchases, now), now, s.metrics)
			if err != nil {
				return Step{}, err
			}
			all.Changes = append(all.Changes, step.Changes...)
			all.Deliveries = append(all.Deliveries, step.Deliveries...)
		}
		return all, nil
	})
	if err == nil {
		s.written(all)
	}
	return n == purchasesAtOnce, err
}

// found are the alerts of the purchases that the rule watches: each fires and is
// over at once. Those of a silence are kept, and never told.
func (r *Rule) found(purchases []Purchase, now time.Time) []Change {
	var changes []Change
	for i := range purchases {
		p := &purchases[i]
		if !slices.Contains(r.Watch.Decisions, p.Decision) || p.Score < r.Watch.MinScore || p.ScoredAt.Before(r.CreatedAt) {
			continue
		}
		a := r.newAlert(Observation{Key: p.EventID}, now)
		a.State, a.FiredAt, a.Value = Firing, now, &p.Score
		a.Summary, a.Action = p.summary(), p.action()
		tell := r.tell(&a, now)
		changes = append(changes, Change{Alert: a, Tell: tell, Moment: true})
	}
	return changes
}

func (p *Purchase) summary() string {
	money := "an unknown amount"
	if p.Amount != nil {
		money = *p.Amount + " " + p.Currency
	}
	return fmt.Sprintf("user %s, purchase %s of %s: %s, score %.2f", p.UserID, p.EventID, money, p.Decision, p.Score)
}

func (p *Purchase) action() []byte {
	reasons := json.RawMessage(p.Reasons)
	if len(reasons) == 0 {
		reasons = json.RawMessage("[]")
	}
	text, _ := json.Marshal(TransactionAction{ // of strings and numbers: it cannot fail
		Do: p.Decision + "_transaction", UserID: p.UserID, EventID: p.EventID, Timestamp: stamp(p.Time),
		Amount: p.Amount, Currency: p.Currency, Score: p.Score, Reasons: reasons,
	})
	return text
}

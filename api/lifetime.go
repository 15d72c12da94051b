package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"millrace/internal/churn"
	"millrace/internal/lifetime"
	"millrace/oltp"
)

// UserLifetime is what the model of repeat purchases says of a customer.
type UserLifetime struct {
	PAlive float64 `json:"p_alive" doc:"The probability that the customer will buy again some day. One who bought on a single day has 1: see purchase_probability_30d."`
	LifetimeDetails
	AsOf  time.Time `json:"as_of" doc:"Events before this instant were looked at."`
	Model ModelUsed `json:"model"`
}

// LifetimeDetails are what is kept with a prediction of the model.
type LifetimeDetails struct {
	PurchaseProbability30d float64  `json:"purchase_probability_30d" doc:"That there is a purchase within 30 days."`
	ExpectedPurchases30d   float64  `json:"expected_purchases_30d" doc:"Days with a purchase to expect within 30 days."`
	ExpectedPurchases90d   float64  `json:"expected_purchases_90d" doc:"The same within 90 days."`
	ExpectedSpend          *float64 `json:"expected_spend" doc:"Value of the next purchase day to expect; null where no repeat purchase had an amount."`
	ExpectedValue365d      *float64 `json:"expected_value_365d" doc:"Value of all purchases to expect within 365 days, discounted by 10 % a year: the lifetime value of the next year."`
	Currency               string   `json:"currency" doc:"Of the two fields above." example:"USD"`
}

// LifetimeDetailsOf is a score as the contract writes it.
func LifetimeDetailsOf(s lifetime.Score, currency string) LifetimeDetails {
	return LifetimeDetails{
		PurchaseProbability30d: s.PurchaseShort,
		ExpectedPurchases30d:   s.PurchasesShort, ExpectedPurchases90d: s.PurchasesLong,
		ExpectedSpend: known(s.Spend), ExpectedValue365d: known(s.Value), Currency: currency,
	}
}

// known is nil for what is not a number.
func known(value float64) *float64 {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return nil
	}
	return &value
}

// UserChurn is what the churn model says of a user.
type UserChurn struct {
	ChurnProbability float64       `json:"churn_probability" doc:"That the user has no event within the model's horizon, 7 days unless trained otherwise."`
	Reasons          []ChurnReason `json:"reasons" nullable:"false" doc:"The features with the strongest effect, the strongest first."`
	AsOf             time.Time     `json:"as_of" doc:"Events before this instant were looked at."`
	Model            ModelUsed     `json:"model"`
}

// addScores completes a user with what the models say.
func (s *Server) addScores(ctx context.Context, u *User) error {
	bought, err := s.prediction(ctx, lifetime.Name, u.UserID)
	if err != nil {
		return err
	}
	if bought != nil {
		u.Lifetime = &UserLifetime{PAlive: bought.Score, AsOf: milliseconds(bought.AsOf), Model: ModelUsed{lifetime.Name, bought.Version}}
		if err := json.Unmarshal(bought.Details, &u.Lifetime.LifetimeDetails); err != nil {
			return fmt.Errorf("read the prediction of %s: %w", lifetime.Name, err)
		}
	}
	left, err := s.prediction(ctx, churn.Name, u.UserID)
	if err != nil || left == nil {
		return err
	}
	var details ChurnDetails
	if err := json.Unmarshal(left.Details, &details); err != nil {
		return fmt.Errorf("read the prediction of %s: %w", churn.Name, err)
	}
	u.Churn = &UserChurn{ChurnProbability: left.Score, Reasons: details.Reasons, AsOf: milliseconds(left.AsOf), Model: ModelUsed{churn.Name, left.Version}}
	return nil
}

// prediction is what a model says of a user, nil where it says nothing.
func (s *Server) prediction(ctx context.Context, model, user string) (*oltp.Prediction, error) {
	p, err := s.deps.Scores.Prediction(ctx, model, user)
	if errors.Is(err, oltp.ErrUnknownUser) {
		return nil, nil
	}
	return &p, err
}

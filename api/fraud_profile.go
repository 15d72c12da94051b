package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millrace/internal/fraud"
)

// FraudProfile is the answer of GET /v1/users/{id}/fraud-profile.
type FraudProfile struct {
	UserID        string     `json:"user_id" example:"u1"`
	FirstSeen     time.Time  `json:"first_seen" doc:"Time of the earliest event that the scoring has seen of the user."`
	LastPurchase  *time.Time `json:"last_purchase" doc:"Time of the latest payment that was not declined; null for none."`
	Purchases     int        `json:"purchases_known" doc:"Purchases that the profile has learnt from; with few, everybody's count too. Blocked ones teach nothing."`
	UsualAmount   string     `json:"usual_amount" doc:"What the user's purchases are compared with, in about US dollars: a decimal that serves to compare, never to account." example:"24.50"`
	LargestAmount *string    `json:"largest_amount" doc:"Of the last 32 purchases, in about US dollars; null for none." example:"31.00"`
	Attempts      int        `json:"attempts_known" doc:"Payments tried that are remembered, 32 at most."`
	Declined      int        `json:"declined_known" doc:"Those of them that were declined."`
	Countries     []string   `json:"countries" nullable:"false" doc:"Familiar countries, those of most hours first; six at most."`
	Devices       int        `json:"devices_known" doc:"Familiar devices, six at most. They are kept as numbers that name nothing."`
	Presence      int        `json:"presence_hours" doc:"Hours in which the user was there."`
	Hours         []int      `json:"hours" nullable:"false" minItems:"24" maxItems:"24" doc:"The same by hour of the day in UTC, from 0 to 23."`
}

func getFraudProfileOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/users/{id}/fraud-profile", OperationID: "get-fraud-profile", Tags: []string{tagFraud},
		Summary: "What a user's purchases are compared with",
		Description: "What the scoring in the stream remembers of the user, up to the events of a fraction of a second ago. " +
			"404 for somebody of whom it has seen nothing.",
	}
}

// getFraudProfile shows what is remembered of one user.
func (s *Server) getFraudProfile(ctx context.Context, in *userInput) (*answer[FraudProfile], error) {
	id, err := pathText(in.ID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	profile, population, known, err := s.fraudProfile(ctx, id)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, newProblem(http.StatusNotFound, codeUnknownUser,
			"The scoring has seen nothing of this user yet. A profile begins with the first event after the stage score was started; check the spelling of the id otherwise.")
	}
	return &answer[FraudProfile]{Body: fraudProfileOf(id, profile.Summary(population))}, nil
}

// fraudProfile reads what is remembered of a user and of everybody. known is
// false for somebody new.
func (s *Server) fraudProfile(ctx context.Context, user string) (profile *fraud.Profile, population *fraud.Population, known bool, err error) {
	state, everybody, err := s.deps.Fraud.FraudProfile(ctx, user)
	if err != nil {
		return nil, nil, false, err
	}
	profile, population = new(fraud.Profile), new(fraud.Population)
	if state != nil {
		err = profile.UnmarshalBinary(state)
	}
	if everybody != nil && err == nil {
		err = population.UnmarshalBinary(everybody)
	}
	if err != nil {
		return nil, nil, false, fmt.Errorf("what is known of user %q: %w", user, err)
	}
	return profile, population, state != nil, nil
}

func fraudProfileOf(user string, s fraud.Summary) FraudProfile {
	p := FraudProfile{
		UserID: user, FirstSeen: s.FirstSeen, LastPurchase: timeOrNull(s.LastPurchase), Purchases: s.Purchases, UsualAmount: cents(s.Usual),
		Attempts: s.Attempts, Declined: s.Declined, Countries: append([]string{}, s.Countries...), Devices: s.Devices, Presence: s.Presence, Hours: s.Hours[:],
	}
	if s.Purchases > 0 {
		largest := cents(s.Largest)
		p.LargestAmount = &largest
	}
	return p
}

// cents writes an amount that was compared with as a decimal.
func cents(amount float64) string {
	return strconv.FormatFloat(math.Round(100*amount)/100, 'f', 2, 64)
}

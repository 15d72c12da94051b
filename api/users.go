package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"millrace/oltp"
)

// User is the answer of GET /v1/users/{id}.
type User struct {
	UserID            string            `json:"user_id" example:"u1"`
	FirstSeen         time.Time         `json:"first_seen" doc:"Time of the user's first event."`
	LastSeen          time.Time         `json:"last_seen" doc:"Time of the user's latest event."`
	Events            uint64            `json:"events" doc:"Events of all types."`
	EventsByType      map[string]uint64 `json:"events_by_type" doc:"Events of each type."`
	Sessions          uint64            `json:"sessions"`
	ActiveDays        uint64            `json:"active_days" doc:"UTC days with an event."`
	Orders            uint64            `json:"orders" doc:"Purchases."`
	RevenueByCurrency map[string]string `json:"revenue_by_currency" doc:"Decimals by ISO currency code."`
	LargestOrder      map[string]string `json:"largest_order" doc:"Decimals by ISO currency code."`
	AverageOrder      map[string]string `json:"average_order" doc:"Decimals by ISO currency code, over the purchases with an amount."`
	RefundsByCurrency map[string]string `json:"refunds_by_currency" doc:"Decimals by ISO currency code."`
	ValueByCurrency   map[string]string `json:"value_by_currency" doc:"Lifetime value so far: revenue less refunds, decimals by ISO currency code."`
	FavouriteCategory string            `json:"favourite_category" doc:"Empty where unknown, like the fields below." example:"books"`
	Country           string            `json:"country" example:"IN"`
	Device            string            `json:"device" example:"phone"`
	Platform          string            `json:"platform" example:"ios"`
	Lifetime          *UserLifetime     `json:"lifetime" doc:"What the model of repeat purchases (BG/NBD, Gamma-Gamma) says; null for who has not bought, and while there is no model."`
	Churn             *UserChurn        `json:"churn" doc:"What the churn model says; null for who was not active lately, and while there is no model."`
}

type userInput struct {
	ID string `path:"id" maxLength:"2048" doc:"The user's id, percent-encoded."`
}

// getUser looks one user up.
func (s *Server) getUser(ctx context.Context, in *userInput) (*answer[User], error) {
	id, err := pathText(in.ID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	stats, err := s.deps.Users.UserStats(ctx, id)
	if err != nil {
		return nil, err
	}
	user := userOf(stats)
	if err := s.addScores(ctx, &user); err != nil {
		return nil, err
	}
	return &answer[User]{Body: user}, nil
}

// pathText decodes a path segment. Fiber leaves it encoded, so that an id may
// hold a slash.
func pathText(segment string) (string, error) {
	text, err := url.PathUnescape(segment)
	if err != nil {
		p := newProblem(http.StatusBadRequest, codeInvalidParameter, "id: "+err.Error()+". Percent-encode the id.")
		p.Parameter = "id"
		return "", p
	}
	return text, nil
}

func userOf(u oltp.UserStats) User {
	return User{
		UserID:            u.UserID,
		FirstSeen:         u.FirstSeen,
		LastSeen:          u.LastSeen,
		Events:            u.Events,
		EventsByType:      u.EventsByType,
		Sessions:          u.Sessions,
		ActiveDays:        u.ActiveDays,
		Orders:            u.Orders,
		RevenueByCurrency: u.RevenueByCurrency,
		LargestOrder:      u.LargestOrder,
		AverageOrder:      u.AverageOrder,
		RefundsByCurrency: u.RefundsByCurrency,
		ValueByCurrency:   u.ValueByCurrency,
		FavouriteCategory: u.FavouriteCategory,
		Country:           u.Country,
		Device:            u.Device,
		Platform:          u.Platform,
	}
}

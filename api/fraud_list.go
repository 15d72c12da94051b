package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"millrace/internal/fraud"
	"millrace/olap"
	"millrace/oltp"
)

// FraudPage is the answer of GET /v1/fraud.
type FraudPage struct {
	Purchases  []FraudScore `json:"purchases" doc:"By the time of the purchase, newest first."`
	NextCursor *string      `json:"next_cursor" doc:"Send it back as cursor for the page before; null at the oldest."`
}

// FraudScore is a purchase that was judged in the stream.
type FraudScore struct {
	EventID    string        `json:"event_id"`
	UserID     string        `json:"user_id" example:"u1"`
	Timestamp  time.Time     `json:"timestamp" doc:"When the purchase happened."`
	Amount     *string       `json:"amount" doc:"A decimal; null where the event has none." example:"499"`
	Currency   string        `json:"currency" example:"INR"`
	Country    string        `json:"country" example:"IN"`
	Score      float64       `json:"score" minimum:"0" maximum:"1"`
	Decision   string        `json:"decision" enum:"allow,review,block"`
	Base       float64       `json:"base" doc:"Log-odds that the effects are added to."`
	Reasons    []FraudReason `json:"reasons" doc:"What speaks against it, the greatest effect first."`
	Model      int           `json:"model_version"`
	ReceivedAt time.Time     `json:"received_at"`
	ScoredAt   time.Time     `json:"scored_at"`
}

type fraudInput struct {
	Decision []string `query:"decision,explode" doc:"allow, review or block; may be repeated. Without it: review and block."`
	User     string   `query:"user" maxLength:"1024" doc:"Only this user's."`
	From     string   `query:"from" doc:"Happened at or after: RFC 3339, a date, or relative such as -7d."`
	To       string   `query:"to" doc:"Happened before."`
	MinScore float64  `query:"min_score" minimum:"0" maximum:"1" doc:"Only scores of at least this."`
	Limit    int      `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"Purchases on the page."`
	Cursor   string   `query:"cursor" maxLength:"4096" doc:"next_cursor of the page after; without it the newest come."`
}

// getFraud reads one page of what the scoring has found.
func (s *Server) getFraud(ctx context.Context, in *fraudInput) (*answer[FraudPage], error) {
	filter, err := in.filter(time.Now())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	scores, err := s.deps.Fraud.FraudScores(ctx, filter, in.Limit+1) // one more tells whether this page is the last
	if err != nil {
		return nil, err
	}
	var page FraudPage
	if len(scores) > in.Limit {
		scores = scores[:in.Limit]
		cursor := fraudCursor(scores[in.Limit-1].Cursor())
		page.NextCursor = &cursor
	}
	if page.Purchases, err = fraudScores(scores); err != nil {
		return nil, err
	}
	return &answer[FraudPage]{Body: page}, nil
}

// filter is the parameters in the store's terms.
func (in *fraudInput) filter(now time.Time) (f oltp.FraudFilter, err error) {
	if err := checkDecisions(in.Decision); err != nil {
		return f, err
	}
	f = oltp.FraudFilter{Decisions: in.Decision, UserID: in.User, MinScore: in.MinScore}
	if len(f.Decisions) == 0 {
		f.Decisions = []string{string(fraud.Review), string(fraud.Block)}
	}
	if in.From != "" {
		if f.From, err = olap.ParseTime(in.From, now); err != nil {
			return f, badParameter("from", err)
		}
	}
	if in.To != "" {
		if f.To, err = olap.ParseTime(in.To, now); err != nil {
			return f, badParameter("to", err)
		}
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return f, badParameter("to", fmt.Errorf("%q is not after from (%q)", in.To, in.From))
	}
	if f.Before, err = parseFraudCursor(in.Cursor); err != nil {
		return f, badParameter("cursor", err)
	}
	return f, nil
}

// fraudCursor is a place in the list as text; its form is nobody's business.
func fraudCursor(c oltp.FraudCursor) string {
	text, _ := json.Marshal(c) // strings and a time: it cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

func parseFraudCursor(text string) (c oltp.FraudCursor, err error) {
	if text == "" {
		return c, nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(decoded, &c) != nil || c.EventTime.IsZero() {
		return c, errors.New("this is no cursor; send next_cursor of an earlier answer as it came")
	}
	return c, nil
}

func fraudScores(stored []oltp.FraudScore) ([]FraudScore, error) {
	scores := make([]FraudScore, len(stored))
	for i, f := range stored {
		scores[i] = FraudScore{
			EventID: f.EventID, UserID: f.UserID, Timestamp: f.EventTime, Currency: f.Currency, Country: f.Country, Amount: f.Amount(),
			Score: f.Score, Decision: f.Decision, Base: f.Base, Model: f.Model, ReceivedAt: f.ReceivedAt, ScoredAt: f.ScoredAt,
		}
		if err := json.Unmarshal(f.Reasons, &scores[i].Reasons); err != nil {
			return nil, fmt.Errorf("reasons of purchase %q: %w", f.EventID, err)
		}
	}
	return scores, nil
}

package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"millrace/internal/event"
	"millrace/internal/fraud"
	"millrace/oltp"
)

// Fraud knows what the scoring has found and remembers. *oltp.Store is one.
type Fraud interface {
	// FraudProfile returns the binary forms of a user's profile, nil for somebody
	// new, and of the population that he is compared with, nil for none.
	FraudProfile(ctx context.Context, userID string) (profile, population []byte, err error)
	// FraudScores lists up to limit scores, newest first.
	FraudScores(ctx context.Context, f oltp.FraudFilter, limit int) ([]oltp.FraudScore, error)
}

// Transaction is the body of POST /v1/score/fraud.
type Transaction struct {
	UserID      string          `json:"user_id,omitempty" doc:"Who pays; or anonymous_id." example:"u1"`
	AnonymousID string          `json:"anonymous_id,omitempty"`
	Amount      string          `json:"amount" doc:"A decimal above 0, as a string or a number." example:"499.00"`
	Currency    string          `json:"currency" doc:"ISO 4217." example:"INR"`
	Timestamp   *time.Time      `json:"timestamp,omitempty" doc:"Now, where absent."`
	Context     json.RawMessage `json:"context,omitempty" doc:"As in an event: ip, user_agent, country, platform, device, os, browser."`
}

// FraudVerdict is the answer of POST /v1/score/fraud.
type FraudVerdict struct {
	UserID   string             `json:"user_id" example:"u1"`
	Score    float64            `json:"score" minimum:"0" maximum:"1" doc:"From 0, usual, to 1. No probability: decisions are made by its thresholds." example:"0.97"`
	Decision string             `json:"decision" enum:"allow,review,block"`
	Base     float64            `json:"base" doc:"Log-odds that the effects are added to; the score is the logistic function of the sum."`
	Reasons  []FraudReason      `json:"reasons" doc:"What speaks against it, the greatest effect first."`
	Features map[string]float64 `json:"features" doc:"What the reasons were made of."`
	// Purchases tells how well the user is known.
	Purchases int        `json:"purchases_known" doc:"Purchases that the user's profile has learnt from; with few, everybody's count too."`
	AsOf      time.Time  `json:"as_of" doc:"The transaction's time."`
	Model     FraudModel `json:"model"`
}

// FraudReason is one thing that speaks against a purchase.
type FraudReason struct {
	Reason string  `json:"reason" example:"huge_too_soon"`
	Effect float64 `json:"effect" doc:"What it adds to the log-odds of the score." example:"3.1"`
	Detail string  `json:"detail" doc:"A sentence for people." example:"500000.00 INR is 410 times what is usual for this user, within one second of the last purchase"`
}

// FraudModel says what judged.
type FraudModel struct {
	Name    string  `json:"name" example:"fraud"`
	Version int     `json:"version" example:"1"`
	Review  float64 `json:"review" doc:"The score from which a purchase is to be reviewed." example:"0.5"`
	Block   float64 `json:"block" doc:"The score from which it is to be blocked." example:"0.97"`
}

// postScoreFraud judges a transaction that was not made yet. Nothing is stored
// and no profile changes.
func (s *Server) postScoreFraud(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), s.cfg.LookupTimeout)
	defer cancel()
	body, release, err := s.questionBody(c)
	if err != nil {
		return err
	}
	defer release()
	ev, err := s.readTransaction(body)
	if err != nil {
		return err
	}
	in := []incoming{{ev: *ev}}
	s.link(ctx, in)
	if s.deps.Enricher != nil {
		s.deps.Enricher.Enrich(&in[0].ev, s.originOf(c))
	}
	verdict, err := s.judge(ctx, &in[0].ev)
	if err != nil {
		return err
	}
	return c.JSON(verdict)
}

// readTransaction reads the body as the purchase that it is about to become, so
// that the one decoder of events checks it.
func (s *Server) readTransaction(body []byte) (*event.Event, error) {
	var user, anonymous, amount, currency, at, from json.RawMessage
	err := readMembers(body, "", map[string]any{
		"user_id": &user, "anonymous_id": &anonymous, "amount": &amount, "currency": &currency, "timestamp": &at, "context": &from,
	})
	if err != nil {
		return nil, err
	}
	if len(amount) == 0 {
		return nil, badField("amount", `amount is missing. Send the amount as a decimal, such as "499.00".`)
	}
	var code string
	if json.Unmarshal(currency, &code) != nil || len(code) != 3 {
		return nil, badField("currency", "currency is missing or no code of ISO 4217, such as INR.")
	}
	text := []byte(`{"type":"purchase","properties":{"amount":`)
	text = append(append(append(append(text, amount...), `,"currency":`...), currency...), '}')
	for _, member := range []struct {
		name  string
		value json.RawMessage
	}{{"user_id", user}, {"anonymous_id", anonymous}, {"timestamp", at}, {"context", from}} {
		if len(member.value) > 0 {
			text = append(append(append(append(text, `,"`...), member.name...), `":`...), member.value...)
		}
	}
	dec := s.decoders.Get().(*event.Decoder)
	defer s.decoders.Put(dec)
	ev := new(event.Event)
	if refused := dec.Decode(ev, append(text, '}')); refused != nil {
		return nil, refused
	}
	return ev, nil
}

// badField is the fault of one field of a body.
func badField(name, detail string) *Problem {
	return withField("/"+name, newProblem(http.StatusBadRequest, codeInvalidField, detail))
}

// judge asks the model, with what is remembered of the user.
func (s *Server) judge(ctx context.Context, ev *event.Event) (*FraudVerdict, error) {
	if ev.Timestamp.IsZero() {
		ev.Timestamp = time.Now().UTC().Truncate(time.Millisecond)
	}
	batch := s.batches.Get().(*event.Batch)
	defer s.batches.Put(batch)
	batch.Reset()
	if refused := batch.AppendEvent(ev, event.Position{}); refused != nil {
		return nil, refused
	}
	e := fraud.EventOf(batch, 0)
	e.ID = "" // it has none yet, so it is nothing that was tried before
	if !batch.HasAmount[0] || e.Amount <= 0 {
		return nil, badField("amount", `amount is not a decimal above 0, such as "499.00".`)
	}
	user := ev.Key()
	profile, population, _, err := s.fraudProfile(ctx, user)
	if err != nil {
		return nil, err
	}
	model := s.deps.FraudModel()
	return verdictOf(user, &e, profile, model.Params(), model.Judge(&e, profile, population)), nil
}

func verdictOf(user string, e *fraud.Event, p *fraud.Profile, params fraud.Params, v fraud.Verdict) *FraudVerdict {
	answer := &FraudVerdict{
		UserID: user, Score: v.Score, Decision: string(v.Decision), Base: v.Base, Features: map[string]float64{},
		Reasons:   convert(v.Reasons, func(r fraud.Reason) FraudReason { return FraudReason{r.Name, r.Effect, r.Detail} }),
		Purchases: p.Purchases(), AsOf: time.UnixMilli(e.At).UTC(),
		Model: FraudModel{Name: fraud.Name, Version: params.Version, Review: params.Review, Block: params.Block},
	}
	for f := range fraud.Feature(fraud.FeatureCount) {
		answer.Features[f.Name()] = v.Features[f]
	}
	return answer
}

// decisions are those that GET /v1/fraud lists.
func decisions() []string {
	return []string{string(fraud.Allow), string(fraud.Review), string(fraud.Block)}
}

// checkDecisions refuses what is no decision.
func checkDecisions(given []string) error {
	for _, d := range given {
		if !slices.Contains(decisions(), d) {
			return badParameter("decision", fmt.Errorf("%q is none of allow, review and block", d))
		}
	}
	return nil
}

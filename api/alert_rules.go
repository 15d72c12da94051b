package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"millrace/internal/alert"
	"millrace/olap"
	"millrace/oltp"
)

// Alerts keeps rules, and what they have found. *oltp.Store is one.
type Alerts interface {
	AlertRules(ctx context.Context) ([]oltp.AlertRule, error)
	// The next four return oltp.ErrUnknownRule where there is no such rule, and
	// oltp.ErrRuleName where another has the name.
	AlertRule(ctx context.Context, id string) (oltp.AlertRule, error)
	UpdateAlertRule(ctx context.Context, r oltp.AlertRule) (oltp.AlertRule, error)
	SilenceAlertRule(ctx context.Context, id string, until time.Time) (oltp.AlertRule, error)
	DeleteAlertRule(ctx context.Context, id string) error
	CreateAlertRule(ctx context.Context, r oltp.AlertRule) (oltp.AlertRule, error)
	AddAlertDeliveries(ctx context.Context, deliveries []oltp.AlertDelivery) error
	RuleDeliveries(ctx context.Context, ruleID string, limit int) ([]oltp.AlertDeliveryStatus, error)
	Alerts(ctx context.Context, f oltp.AlertFilter, limit int) ([]oltp.Alert, error)
	// AlertDeliveries returns oltp.ErrUnknownAlert where there is no such alert.
	AlertDeliveries(ctx context.Context, alertID string) ([]oltp.AlertDeliveryStatus, error)
}

// AlertRuleInput is the body that makes or changes a rule.
type AlertRuleInput struct {
	Name          string              `json:"name" doc:"By which people know it; no two rules share one." example:"Few purchases"`
	Watch         alert.Watch         `json:"watch" doc:"What to watch; the fields go with kind, see docs/alerts.md."`
	Every         string              `json:"every,omitempty" default:"1m" doc:"Time between two looks, 1s to 1d."`
	For           string              `json:"for,omitempty" default:"0s" doc:"How long the condition has to hold before the alert fires."`
	KeepFiringFor string              `json:"keep_firing_for,omitempty" default:"0s" doc:"How long it has to be gone before the alert is resolved."`
	Missing       string              `json:"missing,omitempty" default:"keep" enum:"keep,fire,resolve" doc:"What happens while nothing is known: the alert stays as it is, fires, or is resolved."`
	Severity      string              `json:"severity,omitempty" default:"warning" enum:"info,warning,critical"`
	Channels      []AlertChannelInput `json:"channels,omitempty" nullable:"false" doc:"Whom to tell, at most 10."`
	Labels        map[string]string   `json:"labels,omitempty" doc:"Carried with every message, at most 20."`
}

// AlertChannelInput is a receiver.
type AlertChannelInput struct {
	Name   string   `json:"name,omitempty" doc:"Tells the rule's channels apart; the kind, where absent." example:"ops"`
	Kind   string   `json:"kind" enum:"webhook,slack,email"`
	URL    string   `json:"url,omitempty" doc:"Of webhook and slack. A change of the rule may leave out that of slack, and then keeps it." example:"https://ops.example.com/alerts"`
	Secret string   `json:"secret,omitempty" doc:"Of webhook: 16 bytes or more, which sign each message. It is never shown; a change of the rule may leave it out, and then keeps it."`
	To     []string `json:"to,omitempty" nullable:"false" doc:"Of email: the addresses."`
}

// AlertRule is a rule with how it is doing.
type AlertRule struct {
	ID            string            `json:"id"`
	Name          string            `json:"name"`
	Watch         alert.Watch       `json:"watch"`
	Every         string            `json:"every"`
	For           string            `json:"for"`
	KeepFiringFor string            `json:"keep_firing_for"`
	Missing       string            `json:"missing" enum:"keep,fire,resolve"`
	Severity      string            `json:"severity" enum:"info,warning,critical"`
	Channels      []AlertChannel    `json:"channels" nullable:"false"`
	Labels        map[string]string `json:"labels"`
	SilencedUntil *time.Time        `json:"silenced_until" doc:"Nobody is told before that its alerts fire; null for no silence."`
	LookedAt      *time.Time        `json:"looked_at" doc:"When what it watches was looked at last; null where that was never, and of purchases, which are taken as they come."`
	Problem       string            `json:"problem,omitempty" doc:"Why the latest look has failed."`
	CreatedAt     time.Time         `json:"created_at"`
	UpdatedAt     time.Time         `json:"updated_at"`
}

// AlertChannel is a receiver as it is shown: without secrets.
type AlertChannel struct {
	Name      string   `json:"name"`
	Kind      string   `json:"kind" enum:"webhook,slack,email"`
	URL       string   `json:"url,omitempty" doc:"Of slack only its host: the rest is a secret."`
	SecretSet bool     `json:"secret_set"`
	To        []string `json:"to,omitempty" nullable:"false"`
}

// AlertRuleList is the answer of GET /v1/alert-rules.
type AlertRuleList struct {
	Rules []AlertRule `json:"rules" nullable:"false" doc:"By name."`
}

type alertRuleInput struct {
	ID string `path:"id" maxLength:"100" doc:"Id of the rule."`
}

func (s *Server) getAlertRules(ctx context.Context, _ *struct{}) (*answer[AlertRuleList], error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	kept, err := s.deps.Alerts.AlertRules(ctx)
	if err != nil {
		return nil, err
	}
	rules := AlertRuleList{Rules: make([]AlertRule, len(kept))}
	for i, k := range kept {
		if rules.Rules[i], err = alertRuleOf(k); err != nil {
			return nil, err
		}
	}
	return &answer[AlertRuleList]{Body: rules}, nil
}

func (s *Server) getAlertRule(ctx context.Context, in *alertRuleInput) (*answer[AlertRule], error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	kept, err := s.deps.Alerts.AlertRule(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	rule, err := alertRuleOf(kept)
	return &answer[AlertRule]{Body: rule}, err
}

func (s *Server) deleteAlertRule(ctx context.Context, in *alertRuleInput) (*struct{}, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	return nil, s.deps.Alerts.DeleteAlertRule(ctx, in.ID)
}

// postAlertRule makes a rule.
func (s *Server) postAlertRule(c *fiber.Ctx) error {
	return s.saveAlertRule(c, http.StatusCreated, func(ctx context.Context, r alert.Rule) (oltp.AlertRule, error) {
		return s.keepAlertRule(ctx, alert.NewRuleID(), r, s.deps.Alerts.CreateAlertRule)
	})
}

// putAlertRule changes a rule.
func (s *Server) putAlertRule(c *fiber.Ctx) error {
	id := c.Params("id")
	return s.saveAlertRule(c, http.StatusOK, func(ctx context.Context, r alert.Rule) (oltp.AlertRule, error) {
		kept, err := s.deps.Alerts.AlertRule(ctx, id)
		if err != nil {
			return kept, err
		}
		var before alert.Rule
		if err := json.Unmarshal(kept.Definition, &before); err != nil {
			return kept, fmt.Errorf("read alert rule %s: %w", id, err)
		}
		r.KeepSecrets(&before)
		return s.keepAlertRule(ctx, id, r, s.deps.Alerts.UpdateAlertRule)
	})
}

func (s *Server) saveAlertRule(c *fiber.Ctx, status int, save func(context.Context, alert.Rule) (oltp.AlertRule, error)) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), s.cfg.LookupTimeout)
	defer cancel()
	body, release, err := s.questionBody(c)
	if err != nil {
		return err
	}
	defer release()
	rule, err := alert.ParseRule(body)
	if err != nil {
		return problemOfRule(err)
	}
	kept, err := save(ctx, rule)
	if err != nil {
		return err
	}
	saved, err := alertRuleOf(kept)
	if err != nil {
		return err
	}
	return c.Status(status).JSON(saved)
}

// keepAlertRule checks a rule and hands it to the store.
func (s *Server) keepAlertRule(ctx context.Context, id string, r alert.Rule, keep func(context.Context, oltp.AlertRule) (oltp.AlertRule, error)) (oltp.AlertRule, error) {
	if err := r.Validate(); err != nil {
		return oltp.AlertRule{}, problemOfRule(err)
	}
	if err := checkAlertQuestion(&r.Watch); err != nil {
		return oltp.AlertRule{}, err
	}
	definition, err := json.Marshal(r)
	if err != nil {
		return oltp.AlertRule{}, err
	}
	return keep(ctx, oltp.AlertRule{ID: id, Name: r.Name, Kind: r.Watch.Kind, Definition: definition, Every: time.Duration(r.Every)})
}

// checkAlertQuestion refuses a question that would never be answered.
func checkAlertQuestion(w *alert.Watch) error {
	if w.Kind != alert.Query {
		return nil
	}
	q, err := olap.ParseQuery(w.Query)
	var fault *olap.QueryError
	if errors.As(err, &fault) {
		return withField("/watch/query"+fault.Field, problemOf(fault))
	}
	if err != nil {
		return err
	}
	var compare struct{ Compare string }
	_ = json.Unmarshal(q.JSON(), &compare) // it was parsed before
	if w.Of != "value" && (q.Kind() != "trends" || compare.Compare != "previous") {
		return badField("watch/of", w.Of+` compares with the period before: ask trends with "compare":"previous".`)
	}
	return nil
}

// problemOfRule shows the first fault, with the field, and all of them in words.
func problemOfRule(err error) error {
	var fault *alert.Fault
	if !errors.As(err, &fault) {
		return err
	}
	code := codeInvalidField
	if fault.Unknown {
		code = string(olap.CodeUnknownField)
	}
	detail := fault.Detail
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		if rest := len(flatten(all.Unwrap())) - 1; rest > 0 {
			detail += fmt.Sprintf(" (%d more faults follow this one.)", rest)
		}
	}
	return withField(fault.Field, newProblem(http.StatusBadRequest, code, detail))
}

// flatten lists the faults of joined errors.
func flatten(errs []error) (all []error) {
	for _, err := range errs {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			all = append(all, flatten(joined.Unwrap())...)
		} else {
			all = append(all, err)
		}
	}
	return all
}

// alertRuleOf shows a rule without its secrets.
func alertRuleOf(kept oltp.AlertRule) (AlertRule, error) {
	var r alert.Rule
	if err := json.Unmarshal(kept.Definition, &r); err != nil {
		return AlertRule{}, fmt.Errorf("read alert rule %s: %w", kept.ID, err)
	}
	shown := AlertRule{
		ID: kept.ID, Name: r.Name, Watch: r.Watch, Every: r.Every.String(), For: r.For.String(), KeepFiringFor: r.KeepFiringFor.String(),
		Missing: r.Missing, Severity: r.Severity, Labels: r.Labels, Channels: convert(r.Channels, alertChannel), Problem: kept.Note,
		SilencedUntil: timeOrNull(kept.SilencedUntil), LookedAt: timeOrNull(kept.LookedAt),
		CreatedAt: milliseconds(kept.CreatedAt), UpdatedAt: milliseconds(kept.UpdatedAt),
	}
	return shown, nil
}

func alertChannel(c alert.Channel) AlertChannel {
	shown := AlertChannel{Name: c.Name, Kind: c.Kind, URL: c.URL, SecretSet: c.Secret != "" || c.Kind == alert.Slack, To: c.To}
	if c.Kind == alert.Slack {
		shown.URL = "" // where it is sealed by a key that is not here
		if u, err := url.Parse(c.URL); err == nil && u.Host != "" {
			shown.URL = u.Scheme + "://" + u.Host
		}
	}
	return shown
}

// timeOrNull is a time as the contract writes it, null for none.
func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = milliseconds(t)
	return &t
}

// isAlertError tells whether problemOfAlert knows the error.
func isAlertError(err error) bool {
	known := []error{oltp.ErrUnknownRule, oltp.ErrRuleName, oltp.ErrUnknownAlert}
	return slices.ContainsFunc(known, func(e error) bool { return errors.Is(err, e) })
}

func problemOfAlert(err error) *Problem {
	switch {
	case errors.Is(err, oltp.ErrUnknownRule):
		return newProblem(http.StatusNotFound, codeUnknownRule, "There is no alert rule of this id. GET /v1/alert-rules lists those that there are.")
	case errors.Is(err, oltp.ErrRuleName):
		return withField("/name", newProblem(http.StatusConflict, codeRuleName, "Another rule has this name. Choose another, or change that rule."))
	}
	return newProblem(http.StatusNotFound, codeUnknownAlert, "There is no alert of this id. GET /v1/alerts lists those that there are.")
}

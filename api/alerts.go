package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"millrace/internal/alert"
	"millrace/oltp"
)

// AlertPage is the answer of GET /v1/alerts.
type AlertPage struct {
	Alerts     []Alert `json:"alerts" nullable:"false" doc:"By when they started, the newest first."`
	NextCursor *string `json:"next_cursor" doc:"Send it back as cursor for the page before; null at the oldest."`
}

// Alert is one episode of a rule's condition.
type Alert struct {
	ID         string            `json:"id"`
	RuleID     string            `json:"rule_id"`
	Rule       string            `json:"rule" doc:"Name of the rule when the alert began."`
	Kind       string            `json:"kind" enum:"query,churn,fraud,incident,drift,pipeline"`
	Key        string            `json:"key" doc:"What of the rule it is: a user, a purchase, a breakdown value, a stage; empty where the rule watches one thing."`
	State      string            `json:"state" enum:"pending,firing,resolved"`
	Severity   string            `json:"severity" enum:"info,warning,critical"`
	Summary    string            `json:"summary" doc:"A sentence for people."`
	Value      *float64          `json:"value" doc:"The figure when the alert last changed."`
	Told       bool              `json:"told" doc:"Its channels were told that it fires; false while pending, and where it was silenced."`
	Labels     map[string]string `json:"labels"`
	Action     json.RawMessage   `json:"action" doc:"What to do, and all that is needed for it, see docs/alerts.md; null where nothing is."`
	StartedAt  time.Time         `json:"started_at" doc:"Since when the condition holds."`
	FiredAt    *time.Time        `json:"fired_at"`
	ResolvedAt *time.Time        `json:"resolved_at"`
}

type alertsInput struct {
	State    []string `query:"state,explode" doc:"pending, firing or resolved; may be repeated. Without it: all."`
	Severity []string `query:"severity,explode" doc:"info, warning or critical; may be repeated. Without it: all."`
	Rule     string   `query:"rule" maxLength:"100" doc:"Only those of the rule with this id."`
	Limit    int      `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"Alerts on the page."`
	Cursor   string   `query:"cursor" maxLength:"1000" doc:"next_cursor of the page after; without it the newest come."`
}

// getAlerts reads one page of what rules have found.
func (s *Server) getAlerts(ctx context.Context, in *alertsInput) (*answer[AlertPage], error) {
	filter := oltp.AlertFilter{States: in.State, Severities: in.Severity, RuleID: in.Rule}
	err := errors.Join(
		oneOfEach("state", in.State, alert.Pending, alert.Firing, alert.Resolved),
		oneOfEach("severity", in.Severity, alert.Info, alert.Warning, alert.Critical),
	)
	if err != nil {
		return nil, err
	}
	if filter.Before, err = parseAlertCursor(in.Cursor); err != nil {
		return nil, badParameter("cursor", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	found, err := s.deps.Alerts.Alerts(ctx, filter, in.Limit+1) // one more tells whether this page is the last
	if err != nil {
		return nil, err
	}
	var page AlertPage
	if len(found) > in.Limit {
		found = found[:in.Limit]
		last := found[in.Limit-1]
		cursor := alertCursor(oltp.AlertCursor{StartedAt: last.StartedAt, ID: last.ID})
		page.NextCursor = &cursor
	}
	page.Alerts = convert(found, alertOf)
	return &answer[AlertPage]{Body: page}, nil
}

// oneOfEach refuses a value of a parameter that is no choice.
func oneOfEach(parameter string, given []string, choices ...string) error {
	for _, g := range given {
		known := false
		for _, c := range choices {
			known = known || c == g
		}
		if !known {
			return badParameter(parameter, fmt.Errorf("%q is none of %s", g, strings.Join(choices, ", ")))
		}
	}
	return nil
}

// alertCursor is a place in the list as text; its form is nobody's business.
func alertCursor(c oltp.AlertCursor) string {
	text, _ := json.Marshal(c) // a string and a time: it cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

func parseAlertCursor(text string) (c oltp.AlertCursor, err error) {
	if text == "" {
		return c, nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(decoded, &c) != nil || c.StartedAt.IsZero() {
		return c, errors.New("this is no cursor; send next_cursor of an earlier answer as it came")
	}
	return c, nil
}

func alertOf(a oltp.Alert) Alert {
	return Alert{
		ID: a.ID, RuleID: a.RuleID, Rule: a.Rule, Kind: a.Kind, Key: a.Key, State: a.State, Severity: a.Severity, Summary: a.Summary,
		Value: a.Value, Told: a.Told != "", Labels: a.Labels, Action: a.Action, StartedAt: milliseconds(a.StartedAt),
		FiredAt: timeOrNull(a.FiredAt), ResolvedAt: timeOrNull(a.ResolvedAt),
	}
}

// AlertDeliveries is what was, or is to be, told.
type AlertDeliveries struct {
	Deliveries []AlertDelivery `json:"deliveries" nullable:"false"`
}

// AlertDelivery is one message for one channel, and how it went.
type AlertDelivery struct {
	ID          string         `json:"id" doc:"The idempotency key, which every attempt carries."`
	AlertID     string         `json:"alert_id,omitempty" doc:"Absent for a test."`
	Channel     string         `json:"channel" doc:"Its name in the rule."`
	Kind        string         `json:"kind" enum:"webhook,slack,email"`
	Event       string         `json:"event" enum:"alert.firing,alert.resolved,alert.test"`
	State       string         `json:"state" enum:"waiting,delivered,dead" doc:"dead: it was tried as often as it ever will be."`
	Body        string         `json:"body" doc:"What is sent, byte for byte."`
	CreatedAt   time.Time      `json:"created_at"`
	NextAt      *time.Time     `json:"next_at" doc:"Of the next attempt; of one under way, when it is given up. null once it is over."`
	DeliveredAt *time.Time     `json:"delivered_at"`
	Attempts    int            `json:"attempts" doc:"Those begun."`
	LastFault   string         `json:"last_fault,omitempty"`
	Log         []AlertAttempt `json:"log" nullable:"false" doc:"Attempts that have ended, in order."`
}

// AlertAttempt is one attempt that has ended.
type AlertAttempt struct {
	Attempt   int       `json:"attempt" doc:"From 1."`
	At        time.Time `json:"at"`
	ElapsedMS float64   `json:"elapsed_ms"`
	Fault     string    `json:"fault" doc:"Empty where the receiver has acknowledged."`
}

type alertInput struct {
	ID string `path:"id" maxLength:"100" doc:"Id of the alert."`
}

func (s *Server) getAlertDeliveries(ctx context.Context, in *alertInput) (*answer[AlertDeliveries], error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	found, err := s.deps.Alerts.AlertDeliveries(ctx, in.ID)
	return &answer[AlertDeliveries]{Body: AlertDeliveries{convert(found, alertDelivery)}}, err
}

type ruleDeliveriesInput struct {
	ID    string `path:"id" maxLength:"100" doc:"Id of the rule."`
	Limit int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"Deliveries to list."`
}

func (s *Server) getRuleDeliveries(ctx context.Context, in *ruleDeliveriesInput) (*answer[AlertDeliveries], error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	if _, err := s.deps.Alerts.AlertRule(ctx, in.ID); err != nil {
		return nil, err
	}
	found, err := s.deps.Alerts.RuleDeliveries(ctx, in.ID, in.Limit)
	return &answer[AlertDeliveries]{Body: AlertDeliveries{convert(found, alertDelivery)}}, err
}

func alertDelivery(d oltp.AlertDeliveryStatus) AlertDelivery {
	shown := AlertDelivery{
		ID: d.ID, AlertID: d.AlertID, Channel: d.Channel, Kind: d.Kind, Event: d.Event, Body: string(d.Body), CreatedAt: milliseconds(d.CreatedAt),
		DeliveredAt: timeOrNull(d.DeliveredAt), Attempts: d.Attempts, LastFault: d.LastFault,
		Log: convert(d.Log, func(a oltp.AlertAttempt) AlertAttempt { return AlertAttempt{a.Attempt, a.At, a.Milliseconds, a.Fault} }),
	}
	switch {
	case !d.DeliveredAt.IsZero():
		shown.State = "delivered"
	case !d.DiedAt.IsZero():
		shown.State = "dead"
	default:
		shown.State, shown.NextAt = "waiting", timeOrNull(d.NextAt)
	}
	return shown
}

// testAlertRule sends a marked message to each channel of a rule, on the same way
// as every other.
func (s *Server) testAlertRule(ctx context.Context, in *alertRuleInput) (*answer[AlertDeliveries], error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	kept, err := s.deps.Alerts.AlertRule(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var rule alert.Rule
	if err := json.Unmarshal(kept.Definition, &rule); err != nil {
		return nil, fmt.Errorf("read alert rule %s: %w", in.ID, err)
	}
	if len(rule.Channels) == 0 {
		return nil, newProblem(http.StatusConflict, codeNoChannels, "The rule has no channels. Add one with PUT /v1/alert-rules/{id}, then test it.")
	}
	rule.ID = kept.ID
	messages, err := rule.Test(time.Now(), alert.NewDeliveryID)
	if err != nil {
		return nil, err
	}
	deliveries := convert(messages, func(d alert.Delivery) oltp.AlertDelivery { return oltp.AlertDelivery(d) })
	if err := s.deps.Alerts.AddAlertDeliveries(ctx, deliveries); err != nil {
		return nil, err
	}
	return &answer[AlertDeliveries]{Body: AlertDeliveries{convert(deliveries, func(d oltp.AlertDelivery) AlertDelivery {
		return alertDelivery(oltp.AlertDeliveryStatus{AlertDelivery: d, NextAt: d.CreatedAt})
	})}}, nil
}

// AlertSilence is the body of POST /v1/alert-rules/{id}/silence.
type AlertSilence struct {
	For string `json:"for" doc:"How long nobody is told, from now, up to 30d; 0s ends a silence." example:"2h"`
}

// silenceAlertRule silences a rule, or ends a silence.
func (s *Server) silenceAlertRule(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), s.cfg.LookupTimeout)
	defer cancel()
	body, release, err := s.questionBody(c)
	if err != nil {
		return err
	}
	defer release()
	var text string
	if err := readMembers(body, "", map[string]any{"for": &text}); err != nil {
		return err
	}
	var length alert.Duration
	const most = alert.Duration(30 * 24 * time.Hour)
	if err := length.UnmarshalText([]byte(text)); err != nil || length < 0 || length > most {
		return badField("for", fmt.Sprintf("%q is no duration from 0s to 30d, such as 2h.", text))
	}
	var until time.Time
	if length > 0 {
		until = time.Now().Add(time.Duration(length))
	}
	kept, err := s.deps.Alerts.SilenceAlertRule(ctx, c.Params("id"), until)
	if err != nil {
		return err
	}
	shown, err := alertRuleOf(kept)
	if err != nil {
		return err
	}
	return c.JSON(shown)
}

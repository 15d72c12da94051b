package alert

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The events that channels are told of.
const (
	EventFiring   = "alert.firing"
	EventResolved = "alert.resolved"
	EventTest     = "alert.test"
)

// Delivery is one message for one channel.
type Delivery struct {
	// ID is the idempotency key.
	ID string
	// AlertID is empty for a test.
	AlertID string
	RuleID  string
	// Channel is the channel's name in the rule, Kind its kind.
	Channel string
	Kind    string
	Event   string
	// Body is what is sent, byte for byte the same with every attempt.
	Body      []byte
	CreatedAt time.Time
	// Attempts counts those that were begun.
	Attempts int
}

// Message is the body of a webhook.
type Message struct {
	// ID is the idempotency key.
	ID    string `json:"id"`
	Event string `json:"event"`
	// Test tells a message that the test button has sent.
	Test   bool         `json:"test"`
	SentBy string       `json:"sent_by"`
	Alert  MessageAlert `json:"alert"`
	// Action is what to do and all that is needed for it; null where nothing is.
	Action json.RawMessage `json:"action"`
}

// MessageAlert is the alert in a message.
type MessageAlert struct {
	ID         string            `json:"id"`
	RuleID     string            `json:"rule_id"`
	Rule       string            `json:"rule"`
	Kind       string            `json:"kind"`
	Key        string            `json:"key"`
	State      string            `json:"state"`
	Severity   string            `json:"severity"`
	Summary    string            `json:"summary"`
	Value      *float64          `json:"value"`
	Labels     map[string]string `json:"labels"`
	StartedAt  time.Time         `json:"started_at"`
	FiredAt    *time.Time        `json:"fired_at"`
	ResolvedAt *time.Time        `json:"resolved_at"`
}

// Deliveries are what the rule's channels are told of the alert's state. newID
// makes an idempotency key.
func (r *Rule) Deliveries(a *Alert, event string, now time.Time, newID func() string) ([]Delivery, error) {
	deliveries := make([]Delivery, 0, len(r.Channels))
	for _, c := range r.Channels {
		d := Delivery{ID: newID(), AlertID: a.ID, RuleID: r.ID, Channel: c.Name, Kind: c.Kind, Event: event, CreatedAt: now}
		var err error
		if d.Body, err = bodyOf(&d, a); err != nil {
			return nil, fmt.Errorf("write the message for channel %q: %w", c.Name, err)
		}
		deliveries = append(deliveries, d)
	}
	return deliveries, nil
}

// Test are the messages of the test button: those of an alert that never was.
func (r *Rule) Test(now time.Time, newID func() string) ([]Delivery, error) {
	a := Alert{
		RuleID: r.ID, Rule: r.Name, Kind: r.Watch.Kind, Severity: r.Severity, Labels: r.Labels, State: Firing,
		Summary: "This is a test of the rule's channels. Nothing is wrong.", StartedAt: now, FiredAt: now,
	}
	return r.Deliveries(&a, EventTest, now, newID)
}

func bodyOf(d *Delivery, a *Alert) ([]byte, error) {
	switch d.Kind {
	case Slack:
		return slackBody(d, a)
	case Email:
		return []byte(title(d, a) + "\n" + details(a)), nil
	}
	return json.Marshal(Message{
		ID: d.ID, Event: d.Event, Test: d.Event == EventTest, SentBy: "millrace", Action: a.Action,
		Alert: MessageAlert{
			ID: a.ID, RuleID: a.RuleID, Rule: a.Rule, Kind: a.Kind, Key: a.Key, State: a.State, Severity: a.Severity,
			Summary: a.Summary, Value: a.Value, Labels: a.Labels, StartedAt: stamp(a.StartedAt),
			FiredAt: stampOrNil(a.FiredAt), ResolvedAt: stampOrNil(a.ResolvedAt),
		},
	})
}

// title is one line: the subject of a mail.
func title(d *Delivery, a *Alert) string {
	state := strings.ToUpper(a.State)
	if d.Event == EventTest {
		state = "TEST"
	}
	line := fmt.Sprintf("[%s] %s: %s", state, a.Severity, a.Rule)
	if a.Key != "" {
		line += " (" + a.Key + ")"
	}
	return strings.Join(strings.Fields(line), " ")
}

// details are the lines below the title.
func details(a *Alert) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\nSince %s.", a.Summary, stamp(a.StartedAt).Format(time.RFC3339))
	if !a.ResolvedAt.IsZero() {
		fmt.Fprintf(&text, " Over at %s.", stamp(a.ResolvedAt).Format(time.RFC3339))
	}
	text.WriteString("\n")
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		fmt.Fprintf(&text, "%s: %s\n", name, a.Labels[name])
	}
	if len(a.Action) > 0 {
		fmt.Fprintf(&text, "%s\n", a.Action)
	}
	return text.String()
}

func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func stampOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = stamp(t)
	return &t
}

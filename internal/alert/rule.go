package alert

import (
	"encoding/json"
	"time"
)

// What a rule can watch.
const (
	Query    = "query"    // a figure of a question, as to POST /v1/query
	Churn    = "churn"    // users whose churn probability is high
	Fraud    = "fraud"    // purchases that the scoring has found
	Incident = "incident" // anomalies of the figures
	Drift    = "drift"    // users unlike those that a model was trained on
	Pipeline = "pipeline" // stages that are failing, behind or late
)

// How much an alert matters.
const (
	Info     = "info"
	Warning  = "warning"
	Critical = "critical"
)

// What happens to an alert while nothing is known of what it watches.
const (
	MissingKeep    = "keep"    // it stays as it is
	MissingFire    = "fire"    // as if the condition held
	MissingResolve = "resolve" // as if it did not
)

// Rule says what to watch, when that is an alert, and whom to tell.
type Rule struct {
	// ID is the store's; it is not part of what clients write.
	ID   string `json:"-"`
	Name string `json:"name"`
	// Watch is what is looked at.
	Watch Watch `json:"watch"`
	// Every is the time between two looks.
	Every Duration `json:"every"`
	// For is how long the condition has to hold before the alert fires.
	For Duration `json:"for"`
	// KeepFiringFor is how long it has to be gone before the alert is resolved: a
	// condition that flaps is one alert.
	KeepFiringFor Duration          `json:"keep_firing_for"`
	Missing       string            `json:"missing"`
	Severity      string            `json:"severity"`
	Channels      []Channel         `json:"channels"`
	Labels        map[string]string `json:"labels"`
	// SilencedUntil holds firing back; what fires and is resolved before is never
	// told. Zero for no silence. It is kept beside the definition.
	SilencedUntil time.Time `json:"-"`
	// CreatedAt is when the rule was made: purchases judged before are not its own.
	CreatedAt time.Time `json:"-"`
}

// Watch is what a rule looks at. Which fields count is said by Kind.
type Watch struct {
	Kind string `json:"kind"`

	// Query is a question, as to POST /v1/query.
	Query json.RawMessage `json:"query,omitempty"`
	// Series names one series or formula of trends; empty for the first.
	Series string `json:"series,omitempty"`
	// Figure is a JSON pointer to a number in the result, for questions other than
	// trends; empty for the last step's rate_from_first of a funnel.
	Figure string `json:"figure,omitempty"`
	// Of is value, change (minus the period before) or change_ratio (that, over
	// the period before: 0.5 is half as much again).
	Of string `json:"of,omitempty"`
	// Is compares the figure to Threshold: > >= < <= = !=.
	Is string `json:"is,omitempty"`
	// Threshold is in the figure's unit; of drift, the stability index.
	Threshold *float64 `json:"threshold,omitempty"`

	// Probability is the churn probability from which a user is an alert.
	Probability float64 `json:"probability,omitempty"`
	// Limit is how many users are looked at, those most at risk first.
	Limit int `json:"limit,omitempty"`

	// Decisions are those of the fraud scoring: review, block.
	Decisions []string `json:"decisions,omitempty"`
	// MinScore is the least fraud score.
	MinScore float64 `json:"min_score,omitempty"`

	// Severities are those of incidents; empty for all.
	Severities []string `json:"severities,omitempty"`

	// Model is the model whose drift is meant.
	Model string `json:"model,omitempty"`

	// Stages are names as in GET /v1/status; empty for all.
	Stages []string `json:"stages,omitempty"`
	// States are failing and behind.
	States []string `json:"states,omitempty"`
	// LagSeconds is the lag above which a stage is an alert whatever its state; 0
	// for none.
	LagSeconds float64 `json:"lag_seconds,omitempty"`
}

// The kinds of channels.
const (
	Webhook = "webhook" // a signed POST
	Slack   = "slack"   // a POST in the format of Slack's incoming webhooks
	Email   = "email"   // a mail, over the server's SMTP settings
)

// Channel is one receiver.
type Channel struct {
	// Name tells the channels of a rule apart.
	Name string `json:"name"`
	Kind string `json:"kind"`
	// URL of a webhook or of Slack. That of Slack is a secret by itself.
	URL string `json:"url,omitempty"`
	// Secret signs a webhook.
	Secret string `json:"secret,omitempty"`
	// To are the addresses of a mail.
	To []string `json:"to,omitempty"`
}

// silenced tells whether nothing is to be told at this time.
func (r *Rule) silenced(now time.Time) bool { return now.Before(r.SilencedUntil) }

// Channel finds a channel by its name.
func (r *Rule) Channel(name string) (Channel, bool) {
	for _, c := range r.Channels {
		if c.Name == name {
			return c, true
		}
	}
	return Channel{}, false
}

// Compare tells whether a figure meets the watch's threshold.
func (w *Watch) Compare(figure float64) bool {
	if w.Threshold == nil {
		return false
	}
	t := *w.Threshold
	switch w.Is {
	case ">":
		return figure > t
	case ">=":
		return figure >= t
	case "<":
		return figure < t
	case "<=":
		return figure <= t
	case "=":
		return figure == t
	case "!=":
		return figure != t
	}
	return false
}

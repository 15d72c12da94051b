package alert

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
)

// Validate reports every fault of a rule as a [*Fault], joined.
func (r *Rule) Validate() error {
	var faults []error
	fault := func(at, format string, args ...any) {
		faults = append(faults, &Fault{Field: at, Detail: fmt.Sprintf(format, args...)})
	}
	if strings.TrimSpace(r.Name) == "" || len(r.Name) > mostText {
		fault("/name", "A rule needs a name of 1 to %d bytes, by which people know it.", mostText)
	}
	for _, d := range []struct {
		at          string
		given       Duration
		least, most Duration
	}{{"/every", r.Every, everyLeast, everyMost}, {"/for", r.For, 0, forMost}, {"/keep_firing_for", r.KeepFiringFor, 0, forMost}} {
		if d.given < d.least || d.given > d.most {
			fault(d.at, "%s is outside %s to %s.", d.given, d.least, d.most)
		}
	}
	choice := func(at, given string, choices ...string) {
		if !slices.Contains(choices, given) {
			faults = append(faults, oneOf(at, given, choices))
		}
	}
	choice("/missing", r.Missing, MissingKeep, MissingFire, MissingResolve)
	choice("/severity", r.Severity, Info, Warning, Critical)
	if len(r.Labels) > mostLabels {
		fault("/labels", "%d labels are more than %d.", len(r.Labels), mostLabels)
	}
	for name, value := range r.Labels {
		if name == "" || len(name)+len(value) > mostText {
			fault("/labels", "The label %q is empty or, with its value, longer than %d bytes.", name, mostText)
		}
	}
	if r.Watch.Kind == Fraud && r.For+r.KeepFiringFor > 0 {
		fault("/for", "A purchase is judged once and has no duration. Leave out for and keep_firing_for.")
	}
	if r.Watch.Kind == Incident && r.For > 0 {
		fault("/for", "An incident is found when its day is over. Leave out for.")
	}
	return errors.Join(append(faults, r.Watch.validate(), r.validateChannels())...)
}

// String writes a duration as clients do.
func (d Duration) String() string {
	text, _ := d.MarshalText() // it cannot fail
	return string(text)
}

func (w *Watch) validate() error {
	var faults []error
	fault := func(name, format string, args ...any) {
		faults = append(faults, &Fault{Field: "/watch/" + name, Detail: fmt.Sprintf(format, args...)})
	}
	subset := func(name string, given []string, choices ...string) {
		for i, g := range given {
			if !slices.Contains(choices, g) {
				faults = append(faults, oneOf(fmt.Sprintf("/watch/%s/%d", name, i), g, choices))
			}
		}
	}
	switch w.Kind {
	case Query:
		if len(w.Query) == 0 {
			fault("query", "query is missing. Send a question, as to POST /v1/query.")
		}
		if w.Threshold == nil {
			fault("threshold", "threshold is missing. Send the number that the figure is compared to.")
		}
		if choices := []string{">", ">=", "<", "<=", "=", "!="}; !slices.Contains(choices, w.Is) {
			faults = append(faults, oneOf("/watch/is", w.Is, choices))
		}
		if choices := []string{"value", "change", "change_ratio"}; !slices.Contains(choices, w.Of) {
			faults = append(faults, oneOf("/watch/of", w.Of, choices))
		}
		if w.Figure != "" && !strings.HasPrefix(w.Figure, "/") {
			fault("figure", "%q is no JSON pointer into the result, such as /steps/2/count.", w.Figure)
		}
	case Churn:
		if w.Probability <= 0 || w.Probability > 1 {
			fault("probability", "%v is no probability above 0 and up to 1, such as 0.8.", w.Probability)
		}
		if w.Limit < 1 || w.Limit > churnLimitMax {
			fault("limit", "%d is outside 1 to %d.", w.Limit, churnLimitMax)
		}
	case Fraud:
		subset("decisions", w.Decisions, "review", "block")
		if w.MinScore < 0 || w.MinScore > 1 {
			fault("min_score", "%v is no score from 0 to 1.", w.MinScore)
		}
	case Incident:
		subset("severities", w.Severities, "low", "medium", "high")
	case Drift:
		if *w.Threshold <= 0 {
			fault("threshold", "%v is not above 0; 0.1 is some drift, 0.25 is much.", *w.Threshold)
		}
	case Pipeline:
		subset("states", w.States, "failing", "behind")
		if w.LagSeconds < 0 {
			fault("lag_seconds", "%v is negative.", w.LagSeconds)
		}
	}
	return errors.Join(faults...)
}

func (r *Rule) validateChannels() error {
	var faults []error
	if len(r.Channels) > mostChannels {
		faults = append(faults, &Fault{Field: "/channels", Detail: fmt.Sprintf("%d channels are more than %d.", len(r.Channels), mostChannels)})
	}
	seen := map[string]bool{}
	for i, c := range r.Channels {
		at := fmt.Sprintf("/channels/%d", i)
		if seen[c.Name] {
			faults = append(faults, &Fault{Field: at + "/name", Detail: fmt.Sprintf("Two channels are named %q. Give each a name of its own.", c.Name)})
		}
		seen[c.Name] = true
		faults = append(faults, c.validate(at))
	}
	return errors.Join(faults...)
}

func (c *Channel) validate(at string) error {
	var faults []error
	fault := func(name, format string, args ...any) {
		faults = append(faults, &Fault{Field: at + "/" + name, Detail: fmt.Sprintf(format, args...)})
	}
	switch c.Kind {
	case Webhook, Slack:
		if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			fault("url", "This is not the http or https address of a receiver, without a password in it.")
		}
		if c.Kind == Webhook && len(c.Secret) < secretLeast {
			fault("secret", "A webhook is signed: send a secret of at least %d bytes that the receiver knows too.", secretLeast)
		}
	case Email:
		if len(c.To) == 0 {
			fault("to", "to is missing. Send the addresses that the mail goes to.")
		}
		for i, to := range c.To {
			if a, err := mail.ParseAddress(to); err != nil || a.Address != to {
				fault(fmt.Sprintf("to/%d", i), "%q is not a bare mail address, such as ops@example.com.", to)
			}
		}
	default:
		faults = append(faults, oneOf(at+"/kind", c.Kind, []string{Webhook, Slack, Email}))
	}
	return errors.Join(faults...)
}

// list writes choices for people.
func list(choices []string) string { return strings.Join(choices, ", ") }

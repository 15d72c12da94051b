package alert

import (
	"encoding/json"
	"slices"
	"time"
)

// The states of an alert.
const (
	Pending  = "pending"  // the condition holds, but not for long enough
	Firing   = "firing"   // it has held for long enough
	Resolved = "resolved" // it is over
)

// Alert is one episode of a rule's condition, for one key.
type Alert struct {
	ID     string
	RuleID string
	// Rule and Kind are the rule's name and what it watches.
	Rule string
	Kind string
	// Key tells a rule's alerts apart: a user, a breakdown value, a stage; empty
	// where the rule watches one thing.
	Key      string
	Severity string
	State    string
	// Told is the state that the channels were told last; empty for none.
	Told string
	// Value is the figure seen last; nil where there is none.
	Value *float64
	// Summary is a sentence for people.
	Summary string
	Labels  map[string]string
	// Action is what a receiver needs in order to act, a JSON object or nil.
	Action []byte
	// StartedAt is since when the condition holds, SeenAt when it was last known,
	// ClearSince since when it is gone while the alert is kept. Zero where not.
	StartedAt, SeenAt, FiredAt, ClearSince, ResolvedAt time.Time
}

// Observation is what was seen of one key of a rule.
type Observation struct {
	Key string
	// Known is false where nothing could be seen; then the rule's Missing decides.
	Known bool
	// Holds tells whether the condition holds.
	Holds   bool
	Value   *float64
	Summary string
	Action  json.RawMessage
}

// Change is what a step does to an alert.
type Change struct {
	Alert
	// Gone tells that a pending alert is over: it was none.
	Gone bool
	// Tell tells that the channels are to be told the alert's state.
	Tell bool
	// Moment tells that the alert is resolved as soon as it has fired.
	Moment bool
}

// Step moves the open alerts of a rule on by what was seen, and opens new ones.
// It returns those that have changed. An open alert whose key was not seen is one
// of which nothing is known.
func (r *Rule) Step(open []Alert, seen []Observation, now time.Time) []Change {
	var changes []Change
	taken := map[string]bool{}
	for _, o := range seen {
		if taken[o.Key] {
			continue
		}
		taken[o.Key] = true
		i := slices.IndexFunc(open, func(a Alert) bool { return a.Key == o.Key })
		var before Alert
		if i >= 0 {
			before = open[i]
		}
		changes = r.step(changes, before, o, now)
	}
	for _, a := range open {
		if !taken[a.Key] {
			changes = r.step(changes, a, Observation{Key: a.Key}, now)
		}
	}
	return changes
}

// step appends the change of one alert, if there is one. An alert without a state
// does not exist yet.
func (r *Rule) step(changes []Change, before Alert, o Observation, now time.Time) []Change {
	holds, keep := o.Holds, false
	if !o.Known {
		holds, keep = r.Missing == MissingFire, r.Missing == MissingKeep
	}
	if before.State == "" && (!holds || keep) {
		return changes
	}
	after := before
	if before.State == "" {
		after = r.newAlert(o, now)
	}
	if !keep {
		r.look(&after, o, holds, now)
	}
	if after.State == Pending && !keep && !holds {
		return append(changes, Change{Alert: after, Gone: true})
	}
	tell := r.tell(&after, now)
	if tell || differs(&before, &after) {
		changes = append(changes, Change{Alert: after, Tell: tell})
	}
	return changes
}

func (r *Rule) newAlert(o Observation, now time.Time) Alert {
	return Alert{
		RuleID: r.ID, Rule: r.Name, Kind: r.Watch.Kind, Key: o.Key, Severity: r.Severity, Labels: r.Labels,
		State: Pending, StartedAt: now, SeenAt: now,
	}
}

// look moves the state by what was seen.
func (r *Rule) look(a *Alert, o Observation, holds bool, now time.Time) {
	if o.Known && holds {
		a.Value, a.Summary, a.Action = o.Value, o.Summary, o.Action
	} else if a.Summary == "" {
		a.Summary = "nothing is known of what is watched"
	}
	switch {
	case a.State == Pending && holds:
		// A stretch in which nobody looked does not count: the condition may have
		// been gone in between.
		if gap := max(3*time.Duration(r.Every), time.Minute); now.Sub(a.SeenAt) > gap {
			a.StartedAt = now
		}
		a.SeenAt = now
		if now.Sub(a.StartedAt) >= time.Duration(r.For) {
			a.State, a.FiredAt = Firing, now
		}
	case a.State == Firing && holds:
		a.ClearSince = time.Time{}
	case a.State == Firing:
		if a.ClearSince.IsZero() {
			a.ClearSince = now
		}
		if now.Sub(a.ClearSince) >= time.Duration(r.KeepFiringFor) {
			a.State, a.ResolvedAt = Resolved, now
		}
	}
}

// tell notes what the channels are told now, if anything. A silence holds back
// that an alert fires, until it ends or the alert does. The end of what they were
// told is never held back.
func (r *Rule) tell(a *Alert, now time.Time) bool {
	switch {
	case a.State == Firing && a.Told == "" && !r.silenced(now), a.State == Resolved && a.Told == Firing:
		a.Told = a.State
		return true
	}
	return false
}

// differs tells whether an alert has to be written again. The figure of an alert
// that stays as it is would be written with every look, which nobody needs.
func differs(a, b *Alert) bool {
	return a.State != b.State || !a.SeenAt.Equal(b.SeenAt) || !a.ClearSince.Equal(b.ClearSince) || a.Told != b.Told
}

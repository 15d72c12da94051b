package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"millrace/api"
	"millrace/internal/alert"
	"millrace/internal/churn"
	"millrace/internal/fraud"
	"millrace/olap"
	"millrace/oltp"
)

// alertSources see what rules watch.
func (p *plant) alertSources() map[string]alert.Source {
	return map[string]alert.Source{
		alert.Query:    p.seeFigure,
		alert.Churn:    p.seeChurn,
		alert.Drift:    p.seeDrift,
		alert.Incident: p.seeIncidents,
		alert.Pipeline: p.seePipeline,
	}
}

// figureLag is by how much the stored events may lag behind the end of a
// question's range before its figure is not known: what is late in the pipeline
// is not missing in the world.
const figureLag = time.Minute

// seeFigure asks the rule's question.
func (p *plant) seeFigure(ctx context.Context, due alert.DueRule) ([]alert.Observation, error) {
	w := due.Watch
	q, err := olap.ParseQuery(w.Query)
	if err != nil {
		return nil, err
	}
	answer, err := p.guard.Ask(ctx, olap.Caller{Name: "alerts"}, q)
	if err != nil {
		return nil, err
	}
	if late, err := storedTooLittle(answer.Meta, time.Now()); err != nil || late {
		return []alert.Observation{{}}, err
	}
	result, err := json.Marshal(answer.Result)
	if err != nil {
		return nil, err
	}
	return w.Figures(answer.Kind, result, due.Open)
}

// storedTooLittle tells whether events of the answer's range are still on their
// way into the store.
func storedTooLittle(meta olap.Meta, now time.Time) (bool, error) {
	if meta.StoredUntil == nil {
		return true, nil
	}
	stored, err := time.Parse(time.RFC3339, *meta.StoredUntil)
	if err != nil {
		return false, fmt.Errorf("read stored_until: %w", err)
	}
	to, err := time.Parse(time.RFC3339, meta.To)
	if err != nil {
		return false, fmt.Errorf("read the end of the range: %w", err)
	}
	if to.After(now) {
		to = now
	}
	return stored.Before(to.Add(-figureLag)), nil
}

// seeChurn looks at the users most at risk, and at those who were.
func (p *plant) seeChurn(ctx context.Context, due alert.DueRule) ([]alert.Observation, error) {
	w := due.Watch
	most, err := p.users.Predictions(ctx, churn.Name, oltp.PredictionFilter{Min: w.Probability, Max: 1, Limit: w.Limit})
	if err != nil {
		return nil, err
	}
	var seen []alert.Observation
	for _, m := range most {
		seen = append(seen, churnObservation(m, true))
	}
	for _, user := range due.Open {
		if slices.ContainsFunc(most, func(m oltp.Prediction) bool { return m.UserID == user }) {
			continue
		}
		m, err := p.users.Prediction(ctx, churn.Name, user)
		switch {
		case errors.Is(err, oltp.ErrUnknownUser): // the model says nothing of him any more
			seen = append(seen, alert.Observation{Key: user, Known: true})
		case err != nil:
			return nil, err
		default:
			seen = append(seen, churnObservation(m, m.Score >= w.Probability))
		}
	}
	return seen, nil
}

func churnObservation(m oltp.Prediction, holds bool) alert.Observation {
	var details api.ChurnDetails
	_ = json.Unmarshal(m.Details, &details) // without reasons, the probability alone is worth telling
	return alert.AtRisk(alert.UserAtRisk{
		UserID: m.UserID, Probability: m.Score, AsOf: m.AsOf, ModelVersion: m.Version, Reasons: details.Reasons,
	}, holds)
}

// seeDrift looks at how far users, or purchases, are from those that the model in
// use was trained on.
func (p *plant) seeDrift(ctx context.Context, due alert.DueRule) ([]alert.Observation, error) {
	w := due.Watch
	version, err := p.users.CurrentVersion(ctx, w.Model)
	if err != nil {
		return nil, err
	}
	drift, known, err := p.users.Drift(ctx, w.Model, version)
	if err != nil || !known {
		return []alert.Observation{{}}, err
	}
	compared := "users"
	if w.Model == fraud.Name {
		compared = "purchases"
	}
	return []alert.Observation{{
		Known: true, Holds: w.Compare(drift.Score), Value: &drift.Score,
		Summary: fmt.Sprintf("the scores of model %s, version %d, have a stability index of %.3f since the training, %d %s compared",
			w.Model, version, drift.Score, drift.Users, compared),
	}}, nil
}

// seeIncidents looks at incidents that the rule has no alert of yet, and at those
// whose alerts are open. One that is over when it is found fires all the same, and
// is resolved with the next look.
func (p *plant) seeIncidents(ctx context.Context, due alert.DueRule) ([]alert.Observation, error) {
	found, err := p.users.AnomaliesForRule(ctx, due.ID, due.CreatedAt)
	if err != nil {
		return nil, err
	}
	var seen []alert.Observation
	for _, a := range found {
		isOpen := slices.Contains(due.Open, a.ID)
		if !isOpen && len(due.Watch.Severities) > 0 && !slices.Contains(due.Watch.Severities, a.Severity) {
			continue
		}
		o := alert.Observation{Key: a.ID, Known: true, Holds: a.Ongoing || !isOpen, Value: &a.Seen}
		o.Summary = fmt.Sprintf("%s incident since %s: %s is %.4g where %.4g to %.4g was expected", a.Severity, a.StartedAt.UTC().Format(time.DateOnly), a.Measure, a.Seen, a.Low, a.High)
		if a.Property != "" {
			o.Summary += fmt.Sprintf(", mostly of %s = %s", a.Property, a.Value)
		}
		seen = append(seen, o)
	}
	for _, id := range due.Open { // what was withdrawn is over
		if !slices.ContainsFunc(found, func(a oltp.Anomaly) bool { return a.ID == id }) {
			seen = append(seen, alert.Observation{Key: id, Known: true})
		}
	}
	return seen, nil
}

// seePipeline looks at the stages of this process, and at what they say of others.
func (p *plant) seePipeline(_ context.Context, due alert.DueRule) ([]alert.Observation, error) {
	w := due.Watch
	var seen []alert.Observation
	for _, see := range p.stages() {
		stage := see()
		if len(w.Stages) > 0 && !slices.Contains(w.Stages, stage.Name) {
			continue
		}
		late := w.LagSeconds > 0 && stage.LagSeconds != nil && *stage.LagSeconds > w.LagSeconds
		o := alert.Observation{Key: stage.Name, Known: true, Holds: late || slices.Contains(w.States, string(stage.State)), Value: stage.LagSeconds}
		o.Summary = fmt.Sprintf("stage %s is %s", stage.Name, stage.State)
		if stage.LagSeconds != nil {
			o.Summary += fmt.Sprintf(", %.1f s late", *stage.LagSeconds)
		}
		if stage.Detail != "" {
			o.Summary += ": " + stage.Detail
		}
		seen = append(seen, o)
	}
	return seen, nil
}

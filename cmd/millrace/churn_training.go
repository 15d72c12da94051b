package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"millrace/internal/churn"
	"millrace/olap"
	"millrace/oltp"
)

// churnTraining trains a version of the churn model from the stored events.
type churnTraining struct {
	events *olap.Store
	models *oltp.Store
	cfg    churn.Config
	// always promotes the new version whether or not it is better.
	always bool
}

// churnMetrics are what the registry keeps of a version beside its parameters.
type churnMetrics struct {
	*churn.Report
	// Against compares the version with the one that was in use, on the same users
	// and dates; null where there was none, or none that can be compared.
	Against *churnContest `json:"against"`
}

// churnContest is two versions on the same rows.
type churnContest struct {
	Version int           `json:"version"`
	Before  churn.Metrics `json:"before"` // of the version in use
	After   churn.Metrics `json:"after"`  // of the new one
}

// trained is how a training ended.
type trained struct {
	Name     string          `json:"name"`
	Version  int             `json:"version"`
	Promoted bool            `json:"promoted"`
	Reason   string          `json:"reason"`
	Metrics  json.RawMessage `json:"metrics"`
}

// run trains, keeps the new version, and puts it to use where it is better than
// the one in use. progress is told what is being done; done and all count steps.
func (t churnTraining) run(ctx context.Context, progress func(done, all int, what string)) (*trained, error) {
	unlock, err := t.models.LockTraining(ctx, churn.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	data, history, err := t.read(ctx, progress)
	if err != nil {
		return nil, err
	}
	model, report, err := churn.Train(t.cfg, data)
	if err != nil {
		return nil, err
	}
	return t.keep(ctx, model, report, data, history)
}

// read takes the features of users at all dates.
func (t churnTraining) read(ctx context.Context, progress func(done, all int, what string)) (data churn.Data, history olap.History, err error) {
	within := time.Duration(t.cfg.ActiveWithinDays) * churn.Day
	if history, err = t.events.History(ctx, within); err != nil {
		return data, history, err
	}
	if history.Newest.IsZero() {
		return data, history, fmt.Errorf("%w: no event is stored yet", churn.ErrTooLittleHistory)
	}
	periods, err := t.cfg.Plan().Dates(history.First, history.Newest)
	if err != nil {
		return data, history, err
	}
	data.Names = churn.Names()
	dates := slices.Concat(periods.Train, periods.Calibrate, periods.Test)
	oneIn := 1 + int(history.Users)*len(dates)/t.cfg.MaxExamples
	for i, date := range dates {
		progress(i, len(dates)+1, "users on "+date.Format(time.DateOnly))
		examples, err := t.examples(ctx, data.Names, date, oneIn)
		if err != nil {
			return data, history, err
		}
		switch {
		case i < len(periods.Train):
			data.Train = append(data.Train, examples...)
		case i < len(periods.Train)+len(periods.Calibrate):
			data.Calibrate = append(data.Calibrate, examples...)
		default:
			data.Test = append(data.Test, examples...)
		}
	}
	progress(len(dates), len(dates)+1, "fit")
	return data, history, nil
}

func (t churnTraining) examples(ctx context.Context, names []string, date time.Time, oneIn int) ([]churn.Example, error) {
	selection := olap.ChurnSelection{
		At: date, Until: date.Add(t.cfg.Plan().Horizon),
		ActiveSince: date.Add(-time.Duration(t.cfg.ActiveWithinDays) * churn.Day),
		OneIn:       oneIn,
	}
	var examples []churn.Example
	for row, err := range t.events.ChurnFeatures(ctx, names, selection) {
		if err != nil {
			return nil, err
		}
		examples = append(examples, churn.Example{At: date, Values: row.Values, Churned: row.Churned})
	}
	return examples, nil
}

// keep saves the new version, and promotes it where that is deserved.
func (t churnTraining) keep(ctx context.Context, model *churn.Model, report *churn.Report, data churn.Data, history olap.History) (*trained, error) {
	promote, reason, contest, err := t.judge(ctx, model, data)
	if err != nil {
		return nil, err
	}
	parameters, err := json.Marshal(model)
	if err != nil {
		return nil, err
	}
	metrics, err := json.Marshal(churnMetrics{report, contest})
	if err != nil {
		return nil, err
	}
	saved, err := t.models.SaveModel(ctx, oltp.Model{
		Name: churn.Name, TrainedFrom: history.First, TrainedUntil: report.Calibrate.Until,
		CodeVersion: version(), Parameters: parameters, Metrics: metrics,
	})
	if err != nil {
		return nil, err
	}
	if promote {
		if _, err := t.models.PromoteModel(ctx, churn.Name, saved.Version, reason); err != nil {
			return nil, err
		}
	}
	return &trained{Name: churn.Name, Version: saved.Version, Promoted: promote, Reason: reason, Metrics: metrics}, nil
}

// judge compares the new model with the one in use on the newest dates, of which
// neither has seen anything.
func (t churnTraining) judge(ctx context.Context, model *churn.Model, data churn.Data) (promote bool, reason string, contest *churnContest, err error) {
	current, err := t.models.CurrentModel(ctx, churn.Name)
	if errors.Is(err, oltp.ErrNoModel) {
		return true, "the first version", nil, nil
	}
	if err != nil {
		return false, "", nil, err
	}
	if contest, err = compare(current, model, data); errors.Is(err, churn.ErrOtherFeatures) {
		return true, fmt.Sprintf("version %d needs features that are no longer computed", current.Version), nil, nil
	}
	if err != nil {
		return false, "", nil, err
	}
	promote, reason = verdict(current.Version, contest)
	if t.always && !promote {
		return true, "asked for, although " + reason, contest, nil
	}
	return promote, reason, contest, nil
}

// compare measures both on the users and dates of the test that lie after what the
// version in use has learnt from. Without any, the contest is nil.
func compare(current oltp.Model, model *churn.Model, data churn.Data) (*churnContest, error) {
	var before churn.Model
	if err := json.Unmarshal(current.Parameters, &before); err != nil {
		return nil, fmt.Errorf("read the parameters of version %d: %w", current.Version, err)
	}
	was, err := before.For(data.Names)
	if err != nil {
		return nil, err
	}
	is, err := model.For(data.Names)
	if err != nil {
		return nil, err
	}
	unseen := slices.DeleteFunc(slices.Clone(data.Test), func(e churn.Example) bool { return e.At.Before(current.TrainedUntil) })
	if !churn.Mixed(unseen) {
		return nil, nil
	}
	return &churnContest{Version: current.Version, Before: was.Evaluate(unseen), After: is.Evaluate(unseen)}, nil
}

// verdict is whether the new version takes over, in words for people.
func verdict(current int, c *churnContest) (promote bool, reason string) {
	if c == nil {
		return false, fmt.Sprintf("there is no date that version %d has not seen to compare them on", current)
	}
	word := "is not below"
	if promote = c.After.LogLoss < c.Before.LogLoss; promote {
		word = "is below"
	}
	return promote, fmt.Sprintf("its log loss of %.4f %s the %.4f of version %d on the same %d users",
		c.After.LogLoss, word, c.Before.LogLoss, current, c.After.Users)
}

// churnConfigInUse is the default with what was chosen for the version in use: a
// retraining answers the same question.
func churnConfigInUse(ctx context.Context, models *oltp.Store) (churn.Config, error) {
	cfg := churn.DefaultConfig()
	current, err := models.CurrentModel(ctx, churn.Name)
	if errors.Is(err, oltp.ErrNoModel) {
		return cfg, nil
	}
	if err != nil {
		return cfg, err
	}
	var model churn.Model
	if err := json.Unmarshal(current.Parameters, &model); err != nil {
		return cfg, fmt.Errorf("read the parameters of version %d: %w", current.Version, err)
	}
	cfg.HorizonDays, cfg.ActiveWithinDays, cfg.StepDays, cfg.Threshold = model.HorizonDays, model.ActiveWithinDays, model.StepDays, model.Threshold
	return cfg, nil
}

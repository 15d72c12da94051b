package main

import (
	"context"
	"time"

	"millrace/api"
	"millrace/internal/alert"
	"millrace/oltp"
)

// openAlerts builds the stage that watches rules and delivers alerts.
func (p *plant) openAlerts() (err error) {
	p.alerts, err = alert.NewStage(p.options.alertConfig(), alert.Deps{
		Store: alertStore{p.users, p.rules.keys}, Sources: p.alertSources(), Registerer: p.registry, Logger: p.app.log,
		Together: func(ctx context.Context, looks func(context.Context) error) error { // an erasure waits for them
			return p.users.Hold(ctx, oltp.LookingAtRules, looks)
		},
	})
	return err
}

// alertConfig is the part that the alert stage needs.
func (o *upOptions) alertConfig() alert.Config {
	cfg := alert.DefaultConfig()
	cfg.SMTP, cfg.SMTPFrom = o.smtp, o.smtpFrom
	return cfg
}

// alertStage is the watching of rules, as GET /v1/status shows it.
func (p *plant) alertStage() api.Stage {
	since, failing := p.alerts.Failing()
	stage := api.Stage{Name: stageAlert, State: api.StageOK, Since: since}
	if failing != nil {
		stage.State, stage.Detail = api.StageFailing, failing.Error()
		return stage
	}
	waiting, oldest := p.alerts.Backlog()
	stage.LagRecords = &waiting
	const slow = time.Minute
	if waiting > 0 && time.Since(oldest) > slow {
		age := time.Since(oldest).Seconds()
		stage.State, stage.LagSeconds, stage.Detail = api.StageBehind, &age, "deliveries wait for receivers that do not take them"
	}
	return stage
}

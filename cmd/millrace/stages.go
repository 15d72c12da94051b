package main

import (
	"sync"
	"time"

	"millrace/api"
)

// stages tell GET /v1/status how each stage of this process is doing.
func (p *plant) stages() []api.StageFunc {
	stages := []api.StageFunc{sinceChange(p.ingestStage)}
	if p.backfill != nil {
		stages = append(stages, sinceChange(p.backfillStage))
	}
	if p.syncer != nil {
		stages = append(stages, p.syncStage)
	}
	if p.scorer != nil {
		stages = append(stages, sinceChange(p.scoreStage))
	}
	if p.churnScores != nil {
		stages = append(stages, p.churnScores.stage, p.lifetimeScores.stage, p.fraudDrift.stage)
	}
	if p.incidents != nil {
		stages = append(stages, sinceChange(p.incidents.stage))
	}
	if p.alerts != nil {
		stages = append(stages, sinceChange(p.alertStage))
	}
	return stages
}

// ingestStage judges by the broker's side, so it also works where the ingest
// runs in another process.
func (p *plant) ingestStage() api.Stage {
	lag := p.progress.Lag()
	stage := api.Stage{Name: "ingest", State: api.StageOK, LagRecords: &lag}
	until, known := p.progress.StoredUntil()
	if known {
		age := time.Since(until).Seconds()
		stage.LagSeconds = &age
	}
	const slow = 10 * time.Second
	switch err := p.progress.Err(); {
	case err != nil:
		stage.State, stage.Detail = api.StageFailing, err.Error()
	case lag > 0 && (!known || time.Since(until) > slow):
		stage.State, stage.Detail = api.StageBehind, "records wait in Kafka to be stored"
	}
	return stage
}

// backfillStage is history on its way into the store. It gives way to live
// events, so a backlog is how it works, not a fault.
func (p *plant) backfillStage() api.Stage {
	lag := p.backfill.Lag()
	stage := api.Stage{Name: "backfill", State: api.StageOK, LagRecords: &lag}
	if err := p.backfill.Err(); err != nil {
		stage.State, stage.Detail = api.StageFailing, err.Error()
	} else if lag > 0 {
		stage.Detail = "history waits in Kafka to be stored behind live events; it is not part of stored_until"
	}
	return stage
}

// syncStage is the copy of user statistics to Postgres.
func (p *plant) syncStage() api.Stage {
	state := p.syncer.State()
	lag := p.syncer.Lag().Seconds()
	stage := api.Stage{Name: "sync", State: api.StageOK, Since: state.Since, LagSeconds: &lag}
	if state.Failing != nil {
		stage.State, stage.Detail = api.StageFailing, state.Failing.Error()
	}
	return stage
}

// sinceChange remembers since when a stage has been in its state.
func sinceChange(stage func() api.Stage) api.StageFunc {
	var mu sync.Mutex
	var state api.StageState
	var since time.Time
	return func() api.Stage {
		now := stage()
		mu.Lock()
		defer mu.Unlock()
		if now.State != state {
			state, since = now.State, time.Now()
		}
		now.Since = since
		return now
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"millrace/internal/fraud"
	"millrace/oltp"
)

// fraudModel is the version of the fraud model that is in use, for who judges
// purchases in this process. There always is one: that which the binary brings is
// registered where none is.
type fraudModel struct {
	store   *oltp.Store
	log     *slog.Logger
	current atomic.Pointer[fraud.Model]
	number  int // of current in the registry, 0 before it was read; of one goroutine at a time: that which opens, then Run's
}

// fraudModelLook is how often it is seen whether another version is in use.
const fraudModelLook = 5 * time.Second

// newFraudModel registers the model of the binary where there is none yet, and
// reads the one in use.
func newFraudModel(ctx context.Context, store *oltp.Store, log *slog.Logger) (*fraudModel, error) {
	brought, err := fraud.DefaultModel()
	if err != nil {
		return nil, err
	}
	m := &fraudModel{store: store, log: log}
	m.current.Store(brought)
	if err := registerFraud(ctx, store, brought); err != nil {
		return nil, err
	}
	m.look(ctx)
	return m, nil
}

// registerFraud makes the binary's model the first version. Where another process
// is about to, it leaves it to that one.
func registerFraud(ctx context.Context, store *oltp.Store, brought *fraud.Model) error {
	_, err := store.CurrentVersion(ctx, fraud.Name)
	if !errors.Is(err, oltp.ErrNoModel) {
		return err
	}
	unlock, err := store.LockTraining(ctx, fraud.Name)
	if errors.Is(err, oltp.ErrTraining) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := store.CurrentVersion(ctx, fraud.Name); !errors.Is(err, oltp.ErrNoModel) {
		return err
	}
	params := brought.Params()
	metrics, err := json.Marshal(fraudMetrics{Brought: &params})
	if err != nil {
		return err
	}
	made := time.Unix(0, 0) // of no event of this store
	_, err = keepFraud(ctx, store, keptFraud{brought, metrics, made, made, true, "comes with millrace, fitted to generated traffic"})
	return err
}

// fraudMetrics are what the registry keeps of a version beside the model.
type fraudMetrics struct {
	// Brought are the numbers of a model that came with the binary, with the rates
	// and the seeds that it was fitted to; docs/fraud.md says how good it is.
	Brought *fraud.Params `json:"brought,omitempty"`
	// Retraining is how a model of the shop's own purchases was made.
	Retraining *fraud.Retraining `json:"retraining,omitempty"`
}

// keptFraud is a version about to be kept.
type keptFraud struct {
	model       *fraud.Model
	metrics     json.RawMessage
	from, until time.Time
	promote     bool
	reason      string
}

func keepFraud(ctx context.Context, store *oltp.Store, k keptFraud) (*trained, error) {
	parameters, err := json.Marshal(k.model)
	if err != nil {
		return nil, err
	}
	saved, err := store.SaveModel(ctx, oltp.Model{
		Name: fraud.Name, TrainedFrom: k.from, TrainedUntil: k.until, CodeVersion: version(), Parameters: parameters, Metrics: k.metrics,
	})
	if err == nil && k.promote {
		_, err = store.PromoteModel(ctx, fraud.Name, saved.Version, k.reason)
	}
	return &trained{Name: fraud.Name, Version: saved.Version, Promoted: k.promote, Reason: k.reason, Metrics: k.metrics}, err
}

// Current is the model to judge by.
func (m *fraudModel) Current() *fraud.Model { return m.current.Load() }

// Run follows the registry until ctx ends.
func (m *fraudModel) Run(ctx context.Context) error {
	tick := time.NewTicker(fraudModelLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			m.look(ctx)
		}
	}
}

// look reads the version in use where it is another one. What cannot be read
// leaves the one before in use: to judge by an old model is better than not to.
func (m *fraudModel) look(ctx context.Context) {
	number, err := m.store.CurrentVersion(ctx, fraud.Name)
	if errors.Is(err, oltp.ErrNoModel) || err == nil && number == m.number {
		return
	}
	var model *fraud.Model
	if err == nil {
		model, err = readFraud(ctx, m.store, number)
	}
	if err != nil {
		if ctx.Err() == nil {
			m.log.Warn("the fraud model in use cannot be read, the one before stays", "version", number, "error", err)
		}
		return
	}
	m.current.Store(model)
	m.number = number
	m.log.Info("purchases are judged by a version of the registry", "version", number)
}

// readFraud reads one version.
func readFraud(ctx context.Context, store *oltp.Store, number int) (*fraud.Model, error) {
	saved, err := store.Model(ctx, fraud.Name, number)
	if err != nil {
		return nil, err
	}
	model, err := fraud.Read(saved.Parameters, number)
	if err != nil {
		return nil, fmt.Errorf("%s version %d: %w", fraud.Name, number, err)
	}
	return model, nil
}

package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"millrace/internal/nearest"
	"millrace/oltp"
)

// Models keeps trained models. *oltp.Store is one.
type Models interface {
	// Models lists the versions of a name, or of all where it is empty, the newest
	// first, without parameters.
	Models(ctx context.Context, name string) ([]oltp.Model, error)
	// Model returns oltp.ErrUnknownModel where there is no such version.
	Model(ctx context.Context, name string, version int) (oltp.Model, error)
	// CurrentVersion returns oltp.ErrNoModel where none is in use.
	CurrentVersion(ctx context.Context, name string) (int, error)
	PromoteModel(ctx context.Context, name string, version int, reason string) (oltp.Promotion, error)
	Promotions(ctx context.Context, name string) ([]oltp.Promotion, error)
	Drift(ctx context.Context, name string, version int) (d oltp.Drift, known bool, err error)
}

// Trainer trains one model in the background.
type Trainer interface {
	// Start returns oltp.ErrTraining where a training is under way.
	Start() error
	State() Training
}

// TrainingState is the condition of a training.
type TrainingState string

// The conditions of a training.
const (
	TrainingIdle    TrainingState = "idle"    // none since the process started
	TrainingRunning TrainingState = "running" // one is under way
	TrainingDone    TrainingState = "done"    // the latest made a version
	TrainingFailed  TrainingState = "failed"  // the latest made none
)

// Training is the latest training of a model in the process that answers.
type Training struct {
	State     TrainingState `json:"state" enum:"idle,running,done,failed" doc:"idle: none since this server started. done made a version, failed made none."`
	StartedAt *time.Time    `json:"started_at,omitempty"`
	EndedAt   *time.Time    `json:"ended_at,omitempty"`
	Version   int           `json:"version,omitempty" doc:"The version that it made."`
	Detail    string        `json:"detail,omitempty" doc:"What it is doing, how it ended, or why it failed, for people."`
}

// ModelList is the answer of GET /v1/models.
type ModelList struct {
	Models []ModelEntry `json:"models" nullable:"false"`
}

// ModelEntry is a model with its versions.
type ModelEntry struct {
	Name     string         `json:"name" example:"churn"`
	Current  *int           `json:"current" doc:"Version in use; null while none is."`
	Training Training       `json:"training" doc:"The latest training asked of this server, or made on its schedule."`
	Versions []ModelVersion `json:"versions" nullable:"false" doc:"The newest first."`
}

// ModelVersion is one trained version, in short.
type ModelVersion struct {
	Version      int        `json:"version"`
	Current      bool       `json:"current" doc:"It is the one in use."`
	CreatedAt    time.Time  `json:"created_at"`
	TrainedFrom  time.Time  `json:"trained_from" doc:"It learnt from events of [trained_from, trained_until)."`
	TrainedUntil time.Time  `json:"trained_until"`
	CodeVersion  string     `json:"code_version" doc:"The millrace that trained it."`
	PromotedAt   *time.Time `json:"promoted_at" doc:"When it was put to use last; null where it never was."`
}

// ModelDetails is the answer of GET /v1/models/{name}/versions/{version}.
type ModelDetails struct {
	Name string `json:"name" example:"churn"`
	ModelVersion
	Metrics    json.RawMessage  `json:"metrics" doc:"What was measured of it, with baselines and calibration; the fields are the model's own, see docs/models.md."`
	Parameters json.RawMessage  `json:"parameters" doc:"What it predicts with; the fields are the model's own."`
	Drift      *ModelDrift      `json:"drift" doc:"How far today's users, or purchases, are from those of the training; null while that was not measured."`
	Promotions []ModelPromotion `json:"promotions" nullable:"false" doc:"When this version was put to use, the latest first."`
}

// ModelDrift is how far users are from those of the training.
type ModelDrift struct {
	AsOf     time.Time          `json:"as_of" doc:"Events before this instant were looked at."`
	Users    int                `json:"users" doc:"Users that were compared; of the fraud model, purchases."`
	Score    float64            `json:"score" doc:"Population stability index of the score: below 0.1 little has changed, above 0.25 much."`
	Features map[string]float64 `json:"features" doc:"The same of each feature."`
}

// ModelPromotion is one time that a version was put to use.
type ModelPromotion struct {
	Version int       `json:"version"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason" doc:"Why, for people."`
}

// getModels lists every model that this server has or can train.
func (s *Server) getModels(ctx context.Context, _ *struct{}) (*answer[ModelList], error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	all, err := s.deps.Models.Models(ctx, "")
	if err != nil {
		return nil, err
	}
	entries := map[string]*ModelEntry{}
	entry := func(name string) *ModelEntry {
		if entries[name] == nil {
			entries[name] = &ModelEntry{Name: name, Training: Training{State: TrainingIdle}, Versions: []ModelVersion{}}
		}
		return entries[name]
	}
	for name, trainer := range s.deps.Trainers {
		entry(name).Training = trainer.State()
	}
	for _, m := range all {
		e := entry(m.Name)
		e.Versions = append(e.Versions, modelVersion(m))
		if m.Current {
			e.Current = &m.Version
		}
	}
	list := ModelList{Models: []ModelEntry{}}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		list.Models = append(list.Models, *entries[name])
	}
	return &answer[ModelList]{Body: list}, nil
}

func modelVersion(m oltp.Model) ModelVersion {
	v := ModelVersion{
		Version: m.Version, Current: m.Current, CreatedAt: milliseconds(m.CreatedAt),
		TrainedFrom: milliseconds(m.TrainedFrom), TrainedUntil: milliseconds(m.TrainedUntil), CodeVersion: m.CodeVersion,
	}
	if !m.PromotedAt.IsZero() {
		at := milliseconds(m.PromotedAt)
		v.PromotedAt = &at
	}
	return v
}

type modelInput struct {
	Name string `path:"name" maxLength:"100" doc:"Name of the model." example:"churn"`
}

type modelVersionInput struct {
	Name    string `path:"name" maxLength:"100" doc:"Name of the model." example:"churn"`
	Version int    `path:"version" minimum:"1" doc:"Number of the version."`
}

// getModelVersion shows all that is known of one version.
func (s *Server) getModelVersion(ctx context.Context, in *modelVersionInput) (*answer[ModelDetails], error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	m, err := s.deps.Models.Model(ctx, in.Name, in.Version)
	if err != nil {
		return nil, err
	}
	drift, measured, err := s.deps.Models.Drift(ctx, in.Name, in.Version)
	if err != nil {
		return nil, err
	}
	history, err := s.deps.Models.Promotions(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	history = slices.DeleteFunc(history, func(p oltp.Promotion) bool { return p.Version != in.Version })
	details := ModelDetails{
		Name: m.Name, ModelVersion: modelVersion(m), Metrics: m.Metrics, Parameters: m.Parameters, Promotions: convert(history, modelPromotion),
	}
	if measured {
		details.Drift = &ModelDrift{milliseconds(drift.AsOf), drift.Users, drift.Score, drift.Features}
	}
	return &answer[ModelDetails]{Body: details}, nil
}

func modelPromotion(p oltp.Promotion) ModelPromotion {
	return ModelPromotion{p.Version, milliseconds(p.At), p.Reason}
}

// trainingAnswer is a Training with status 202.
type trainingAnswer struct {
	Status int
	Body   Training
}

// postTrain starts a training.
func (s *Server) postTrain(_ context.Context, in *modelInput) (*trainingAnswer, error) {
	trainer := s.deps.Trainers[in.Name]
	if trainer == nil {
		return nil, s.unknownModel(in.Name)
	}
	if err := trainer.Start(); err != nil {
		return nil, err
	}
	return &trainingAnswer{http.StatusAccepted, trainer.State()}, nil
}

// unknownModel names the models that can be trained here.
func (s *Server) unknownModel(name string) *Problem {
	known := slices.Sorted(maps.Keys(s.deps.Trainers))
	if len(known) == 0 {
		return newProblem(http.StatusNotFound, codeUnknownModel, "This server trains no models.")
	}
	return newProblem(http.StatusNotFound, codeUnknownModel, fmt.Sprintf("This server trains no model called %q%s It trains %s.",
		name, endSentence(nearest.Hint(name, known)), strings.Join(known, ", ")))
}

// postPromote puts a version to use, be it new or old.
func (s *Server) postPromote(ctx context.Context, in *modelVersionInput) (*answer[ModelPromotion], error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	promotion, err := s.deps.Models.PromoteModel(ctx, in.Name, in.Version, "asked for through the API")
	if err != nil {
		return nil, err
	}
	return &answer[ModelPromotion]{Body: modelPromotion(promotion)}, nil
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"millrace/internal/churn"
	"millrace/olap"
	"millrace/oltp"
)

// Scores keeps what the models say of users. *oltp.Store is one.
type Scores interface {
	// ChurnFeatures returns oltp.ErrUnknownUser where none are kept.
	ChurnFeatures(ctx context.Context, userID string) (oltp.ChurnFeatures, error)
	// ChurnPass returns the latest pass over all users, and the instant before which
	// stored events are part of the user statistics.
	ChurnPass(ctx context.Context) (p oltp.ChurnPass, statsStoredBefore time.Time, err error)
	// Prediction returns oltp.ErrUnknownUser where the model says nothing of the user.
	Prediction(ctx context.Context, model, userID string) (oltp.Prediction, error)
	Predictions(ctx context.Context, model string, f oltp.PredictionFilter) ([]oltp.Prediction, error)
	CountPredictions(ctx context.Context, model string, minimum, maximum float64) (int, error)
}

// ChurnQuestion is the body of POST /v1/predict/churn.
type ChurnQuestion struct {
	UserID string `json:"user_id" doc:"Whom the prediction is about." example:"user_123"`
}

// ChurnPrediction is the answer of POST /v1/predict/churn.
type ChurnPrediction struct {
	UserID           string             `json:"user_id"`
	ChurnProbability float64            `json:"churn_probability" doc:"That the user has no event within the model's horizon, 7 days unless trained otherwise."`
	Churned          bool               `json:"churned" doc:"The probability is at or above the model's threshold, 0.5 unless trained otherwise."`
	AsOf             time.Time          `json:"as_of" doc:"Events before this instant were looked at."`
	StoredBefore     time.Time          `json:"stored_before" doc:"Events stored before this instant are part of the features: their age."`
	FeaturesFrom     FeaturesFrom       `json:"features_from" enum:"events,statistics" doc:"events: computed from the user's events in the latest pass over all active users. statistics: estimated from the user's totals, of users whom that pass did not see: who came since, or was not active for long."`
	Model            ModelUsed          `json:"model"`
	Features         map[string]float64 `json:"features" doc:"What the model knows of the user; docs/models.md tells what each means."`
	Reasons          []ChurnReason      `json:"reasons" nullable:"false" doc:"The features with the strongest effect, the strongest first."`
}

// FeaturesFrom is where the features of a prediction come from.
type FeaturesFrom string

// Where features come from.
const (
	FeaturesFromEvents     FeaturesFrom = "events"     // kept by the latest pass
	FeaturesFromStatistics FeaturesFrom = "statistics" // estimated from user statistics
)

// ModelUsed names the version that made a prediction.
type ModelUsed struct {
	Name    string `json:"name" example:"churn"`
	Version int    `json:"version"`
}

// ChurnReason is what one feature does to a prediction.
type ChurnReason struct {
	Feature string  `json:"feature" example:"days_since_last_event"`
	Effect  float64 `json:"effect" doc:"What it adds to the log-odds, compared to the average user of the training: above 0 it speaks for churn, below 0 against it."`
}

// ChurnDetails are what is kept with a prediction.
type ChurnDetails struct {
	Reasons []ChurnReason `json:"reasons"`
}

// ChurnReasons are reasons as the contract writes them.
func ChurnReasons(reasons []churn.Reason) []ChurnReason {
	return convert(reasons, func(r churn.Reason) ChurnReason { return ChurnReason(r) })
}

// churnReasonsShown is how many reasons a prediction gives.
const churnReasonsShown = 5

// churnModel remembers the version in use: it is read anew only when another one
// is put to use.
type churnModel struct {
	mu      sync.Mutex
	version int
	scorer  *churn.Scorer
}

// current returns the version in use, ready to score.
func (m *churnModel) current(ctx context.Context, models Models) (*churn.Scorer, int, error) {
	version, err := models.CurrentVersion(ctx, churn.Name)
	if err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.version == version {
		return m.scorer, version, nil
	}
	saved, err := models.Model(ctx, churn.Name, version)
	if err != nil {
		return nil, 0, err
	}
	var model churn.Model
	if err := json.Unmarshal(saved.Parameters, &model); err != nil {
		return nil, 0, fmt.Errorf("read the parameters of %s version %d: %w", churn.Name, version, err)
	}
	scorer, err := model.For(churn.Names())
	if err != nil {
		return nil, 0, err
	}
	m.version, m.scorer = version, scorer
	return scorer, version, nil
}

// postPredictChurn answers for one user.
func (s *Server) postPredictChurn(c *fiber.Ctx) error {
	body, release, err := s.questionBody(c)
	if err != nil {
		return err
	}
	defer release()
	var q ChurnQuestion
	if err := readMembers(body, "", map[string]any{"user_id": &q.UserID}); err != nil {
		return err
	}
	if q.UserID == "" {
		return withField("/user_id", newProblem(http.StatusBadRequest, string(olap.CodeMissingField), `user_id is missing. Send {"user_id":"…"}.`))
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), s.cfg.QueryTimeout)
	defer cancel()
	prediction, err := s.predictChurn(ctx, q.UserID)
	if err != nil {
		return err
	}
	return c.JSON(prediction)
}

func (s *Server) predictChurn(ctx context.Context, user string) (*ChurnPrediction, error) {
	scorer, version, err := s.churn.current(ctx, s.deps.Models)
	if err != nil {
		return nil, err
	}
	known, err := s.churnKnown(ctx, user)
	if err != nil {
		return nil, err
	}
	probability, reasons := scorer.Probability(known.values), scorer.Reasons(known.values)
	return &ChurnPrediction{
		UserID: user, ChurnProbability: probability, Churned: scorer.Churned(probability),
		AsOf: milliseconds(known.asOf), StoredBefore: milliseconds(known.storedBefore), FeaturesFrom: known.from,
		Model: ModelUsed{churn.Name, version}, Features: byName(known.values),
		Reasons: ChurnReasons(reasons[:min(len(reasons), churnReasonsShown)]),
	}, nil
}

// churnKnown are a user's features in the order of churn.Names, and their age.
type churnKnown struct {
	values             []float64
	asOf, storedBefore time.Time
	from               FeaturesFrom
}

// churnKnown returns the features that the latest pass has kept, else those that
// the user's statistics give. Both lie in Postgres: computing them from the events
// takes a hundred times as long.
func (s *Server) churnKnown(ctx context.Context, user string) (churnKnown, error) {
	kept, err := s.deps.Scores.ChurnFeatures(ctx, user)
	if errors.Is(err, oltp.ErrUnknownUser) {
		return s.churnEstimated(ctx, user)
	}
	if err != nil {
		return churnKnown{}, err
	}
	known := churnKnown{asOf: kept.AsOf, storedBefore: kept.StoredBefore, from: FeaturesFromEvents}
	for _, name := range churn.Names() {
		known.values = append(known.values, kept.Features[name])
	}
	return known, nil
}

// churnEstimated makes features of the user's statistics. Now is when it was for
// the latest pass, or for the user's latest event, if that is later.
func (s *Server) churnEstimated(ctx context.Context, user string) (churnKnown, error) {
	stats, err := s.deps.Users.UserStats(ctx, user)
	if err != nil {
		return churnKnown{}, err
	}
	pass, storedBefore, err := s.deps.Scores.ChurnPass(ctx)
	if err != nil {
		return churnKnown{}, err
	}
	asOf := pass.AsOf
	if last := stats.LastSeen.Add(time.Millisecond); last.After(asOf) {
		asOf = last
	}
	totals := churn.Totals{
		First: stats.FirstSeen, Last: stats.LastSeen, ByType: stats.EventsByType,
		Sessions: stats.Sessions, ActiveDays: stats.ActiveDays, Revenue: inAveragePurchases(stats, pass.AveragePurchase),
	}
	return churnKnown{values: totals.Values(asOf), asOf: asOf, storedBefore: storedBefore, from: FeaturesFromStatistics}, nil
}

// inAveragePurchases is the user's revenue of all currencies.
func inAveragePurchases(u oltp.UserStats, average map[string]float64) (sum float64) {
	for currency, text := range u.RevenueByCurrency {
		if amount, err := strconv.ParseFloat(text, 64); err == nil && average[currency] > 0 {
			sum += amount / average[currency]
		}
	}
	return sum
}

func byName(values []float64) map[string]float64 {
	features := make(map[string]float64, len(values))
	for i, name := range churn.Names() {
		features[name] = values[i]
	}
	return features
}

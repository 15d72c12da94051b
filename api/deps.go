package api

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/enrich"
	"millrace/internal/event"
	"millrace/internal/fraud"
	"millrace/olap"
	"millrace/oltp"
)

// Deps is what the server works with.
type Deps struct {
	Publisher Publisher
	Asker     Asker
	Catalog   Catalog
	Users     Users
	Timeline  Timeline
	Anomalies Anomalies
	// AnomalyPoints reads the figure of an incident anew.
	AnomalyPoints AnomalyPoints
	Figures       Figures
	Progress      Progress
	// DeadLetters holds what could not become an event.
	DeadLetters DeadLetters
	Ledger      Ledger
	// Fraud and FraudModel judge purchases; the model is that in use by now.
	Fraud      Fraud
	FraudModel func() *fraud.Model
	// Rejections keeps how many events were refused; nil means that only metrics
	// count them.
	Rejections RejectionLog
	// Identities turns ids into the users that they mean by now; nil means that
	// every id means itself.
	Identities Identities
	// Enricher adds what can be known to events; nil means that they stay as they
	// came.
	Enricher Enricher
	// Models and Scores are what predictions are made of.
	Models Models
	Scores Scores
	// Erasures keeps which users are to be erased.
	Erasures Erasures
	// Alerts keeps rules and what they have found.
	Alerts Alerts
	// Trainers are the models that can be trained here, by name.
	Trainers map[string]Trainer
	// Checks are asked, all at once, by GET /readyz.
	Checks []Check
	// Stages are asked, in this order, by GET /v1/status.
	Stages []StageFunc
	// Dashboard is the built dashboard with index.html at its root; without
	// that file, / says how to build it.
	Dashboard fs.FS
	Registry  *prometheus.Registry
	Logger    *slog.Logger
	// Version is that of the binary, for the OpenAPI document.
	Version string
}

// Validate reports every dependency that is missing.
func (d Deps) Validate() error {
	var faults []error
	missing := func(absent bool, name string) {
		if absent {
			faults = append(faults, errors.New("api dependency is missing: "+name))
		}
	}
	missing(d.Publisher == nil, "Publisher")
	missing(d.Asker == nil, "Asker")
	missing(d.Catalog == nil, "Catalog")
	missing(d.Users == nil, "Users")
	missing(d.Timeline == nil, "Timeline")
	missing(d.Anomalies == nil, "Anomalies")
	missing(d.AnomalyPoints == nil, "AnomalyPoints")
	missing(d.Figures == nil, "Figures")
	missing(d.Progress == nil, "Progress")
	missing(d.DeadLetters == nil, "DeadLetters")
	missing(d.Ledger == nil, "Ledger")
	missing(d.Fraud == nil, "Fraud")
	missing(d.FraudModel == nil, "FraudModel")
	missing(d.Models == nil, "Models")
	missing(d.Scores == nil, "Scores")
	missing(d.Erasures == nil, "Erasures")
	missing(d.Alerts == nil, "Alerts")
	missing(d.Dashboard == nil, "Dashboard")
	missing(d.Registry == nil, "Registry")
	missing(d.Logger == nil, "Logger")
	return errors.Join(faults...)
}

// Record is one event on its way to the broker.
type Record struct {
	// Key decides the partition: the event's user, or its anonymous visitor.
	Key []byte
	// Value is the event's JSON envelope, with event_id and timestamp.
	Value []byte
	// ReceivedAt is when the request was read.
	ReceivedAt time.Time
}

// Publisher hands records to the broker, in order.
type Publisher interface {
	// Publish returns nil once all in-sync replicas hold every record. After an
	// error some may have been taken. The records' bytes are never changed.
	Publish(ctx context.Context, records []Record) error
}

// Identities knows which ids mean which user. *oltp.Identities is one.
type Identities interface {
	// Resolve returns the users that ids mean; an id that is not in the map means
	// itself. After an error the map holds what is known without the database.
	Resolve(ctx context.Context, ids []oltp.Identity) (map[oltp.Identity]string, error)
	// Link records links, in order, and how each ended.
	Link(ctx context.Context, links []oltp.IdentityLink) ([]oltp.LinkResult, error)
}

// Enricher adds to an event what can be known of it. *enrich.Enricher is one.
type Enricher interface {
	// Enrich reports whether the event has changed. What the client sent stands.
	Enrich(ev *event.Event, from enrich.Origin) bool
}

// Asker answers questions, in turn and within budgets. *olap.Guard is one.
type Asker interface {
	Ask(ctx context.Context, caller olap.Caller, q olap.Query) (*olap.Answer, error)
	// Preview tells what the question would read.
	Preview(ctx context.Context, caller olap.Caller, q olap.Query) (*olap.Preview, error)
	// People lists at most limit of the users behind one number, after the given one.
	People(ctx context.Context, caller olap.Caller, q olap.Query, cell json.RawMessage, after string, limit int) (*olap.People, error)
}

// Catalog says which events and properties are stored. *olap.Guard is one.
type Catalog interface {
	Catalog(ctx context.Context, filter olap.CatalogFilter) (*olap.Catalog, error)
}

// Users looks one user up. *oltp.Store is one.
type Users interface {
	// UserStats returns oltp.ErrUnknownUser where there is no such user.
	UserStats(ctx context.Context, userID string) (oltp.UserStats, error)
}

// Timeline reads a user's events, newest first. *olap.Store is one.
type Timeline interface {
	UserEvents(ctx context.Context, userID string, before olap.Cursor, limit int) ([]olap.StoredEvent, error)
}

// Figures computes the numbers of the live stream. *olap.Store is one.
type Figures interface {
	Live(ctx context.Context) (olap.Live, error)
}

// Progress says how far the stored events reach. *ingest.Progress is one.
type Progress interface {
	// StoredUntil is the instant before which everything accepted is stored, if
	// it is known.
	StoredUntil() (time.Time, bool)
	// Lag is the number of records accepted and not yet stored.
	Lag() int64
}

// Check is one thing the server needs to be ready.
type Check struct {
	Name string
	// Ready returns why it is not, or nil. It respects ctx.
	Ready func(ctx context.Context) error
}

// StageFunc says how one stage of the path of an event is doing, at once and
// from memory.
type StageFunc func() Stage

// StageState is the condition of a stage.
type StageState string

// The conditions of a stage.
const (
	StageOK      StageState = "ok"      // works and keeps up
	StageBehind  StageState = "behind"  // works, and has a backlog
	StageFailing StageState = "failing" // does not work, keeps trying
)

// Stage is one stage of the path of an event, as GET /v1/status shows it.
type Stage struct {
	Name       string     `json:"name" doc:"Name of the stage." example:"ingest"`
	State      StageState `json:"state" enum:"ok,behind,failing" doc:"ok works and keeps up; behind works and has a backlog; failing does not work and keeps trying."`
	Since      time.Time  `json:"since" doc:"Since when it is in this state."`
	Detail     string     `json:"detail,omitempty" doc:"What is wrong, for people."`
	LagRecords *int64     `json:"lag_records,omitempty" doc:"Records this stage has still to do, where it counts records."`
	LagSeconds *float64   `json:"lag_seconds,omitempty" doc:"Age of what this stage has done, where it counts time."`
}

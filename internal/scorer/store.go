package scorer

import (
	"context"
	"errors"
	"time"
)

// ErrMoved means that the partition's state in the store is not the one that a
// step was made from.
var ErrMoved = errors.New("the partition's scoring has moved on")

// Store keeps scores, profiles and how far each partition has come.
type Store interface {
	// State returns where the partition stands; Next is -1 where nothing is known.
	State(ctx context.Context, topic string, partition int32) (State, error)
	// Profiles returns those that exist, in no particular order.
	Profiles(ctx context.Context, topic string, partition int32, users []string) ([]Profile, error)
	// Save writes the step whole or nothing of it, and only onto the state that
	// it was made from, while no profile of the partition was erased: else it
	// returns ErrMoved. A purchase that has a score keeps it.
	Save(ctx context.Context, step Step) error
}

// State says how far a partition has come.
type State struct {
	// Next is the offset that comes next.
	Next int64
	// ReceivedAt is the latest instant at which an event so far was received.
	ReceivedAt time.Time
	// Population is the binary form of the partition's [fraud.Population].
	Population []byte
	// Erasures counts how often profiles of the partition were erased.
	Erasures int64
}

// Profile is the binary form of a user's [fraud.Profile].
type Profile struct {
	UserID string
	State  []byte
}

// Step takes a partition from one state to the next.
type Step struct {
	Topic     string
	Partition int32
	From      int64 // the Next of the state before
	To        State // with the Erasures of the state before
	// History tells that the topic is that of the backfill: no purchase in it is
	// judged, and profiles from it count for who has no other.
	History  bool
	Scores   []Score
	Profiles []Profile
}

// Score is the judgement of one purchase.
type Score struct {
	EventID   string
	UserID    string
	EventTime time.Time
	// AmountMicros is in millionths of Currency; nil where the event has none.
	AmountMicros *int64
	Currency     string
	Country      string
	Score        float64
	Decision     string
	// Base is the log-odds that the reasons' effects are added to.
	Base float64
	// Reasons is a JSON array of [fraud.Reason].
	Reasons    []byte
	Features   []float32
	Model      int
	Topic      string
	Partition  int32
	Offset     int64
	ReceivedAt time.Time
	ScoredAt   time.Time // set by the store
}

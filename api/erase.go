package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"millrace/oltp"
)

// Erasures keeps which users are to be erased. *oltp.Store is one; whoever does the
// work is elsewhere.
type Erasures interface {
	// RequestErasure returns the erasure of the user that is under way, or a new
	// one of this id; an *oltp.LinkedUserError for an id that means another user.
	RequestErasure(ctx context.Context, id, userID string) (oltp.Erasure, error)
	// Erasure returns oltp.ErrUnknownErasure where there is none of this id.
	Erasure(ctx context.Context, id string) (oltp.Erasure, error)
}

// Erasure is the answer of DELETE /v1/users/{id}.
type Erasure struct {
	ErasureID   string         `json:"erasure_id" example:"er_0190a1b2-0000-7000-8000-000000000000"`
	UserID      *string        `json:"user_id" doc:"Null once it is done: nobody remembers who it was."`
	State       string         `json:"state" enum:"waiting,erasing,done" doc:"waiting for what was accepted before the request to be stored and scored; erasing; done."`
	RequestedAt time.Time      `json:"requested_at"`
	FinishedAt  *time.Time     `json:"finished_at"`
	Note        string         `json:"note,omitempty" doc:"What it waits for, or what went wrong last; it is tried again."`
	IDs         int            `json:"ids" doc:"How many ids meant the user: his own, and those that were linked to it."`
	Places      []ErasurePlace `json:"places" nullable:"false" doc:"Empty while waiting."`
}

// ErasurePlace counts the rows of one table that tell of the user.
type ErasurePlace struct {
	Place  string `json:"place" doc:"Store and table." example:"clickhouse.events"`
	Before int64  `json:"before"`
	After  *int64 `json:"after" doc:"Null until it is done. More than 0 where events of the user came in meanwhile."`
}

type erasureInput struct {
	ID string `path:"id" maxLength:"100" doc:"Id of the erasure."`
}

// erasureAnswer is an Erasure, with status 202 while it is not done.
type erasureAnswer struct {
	Status   int
	Location string `header:"Location" doc:"Where it can be asked about."`
	Body     Erasure
}

// How long DELETE waits for the end of an erasure, and how often it looks.
const (
	erasureWait = 10 * time.Second
	erasureLook = 200 * time.Millisecond
)

// deleteUser asks for an erasure and waits a while for its end.
func (s *Server) deleteUser(ctx context.Context, in *userInput) (*erasureAnswer, error) {
	id, err := pathText(in.ID)
	if err != nil {
		return nil, err
	}
	e, err := s.deps.Erasures.RequestErasure(ctx, "er_"+uuid.Must(uuid.NewV7()).String(), id)
	if err != nil {
		return nil, problemOfErasure(err)
	}
	ctx, cancel := context.WithTimeout(ctx, erasureWait)
	defer cancel()
	look := time.NewTicker(erasureLook)
	defer look.Stop()
	for e.State != oltp.ErasureDone {
		select {
		case <-ctx.Done():
			return erasureAnswerOf(e), nil
		case <-look.C:
		}
		if now, err := s.deps.Erasures.Erasure(ctx, e.ID); err == nil { // it is written down: an error now changes nothing
			e = now
		}
	}
	return erasureAnswerOf(e), nil
}

// getErasure tells how an erasure goes.
func (s *Server) getErasure(ctx context.Context, in *erasureInput) (*answer[Erasure], error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	e, err := s.deps.Erasures.Erasure(ctx, in.ID)
	if err != nil {
		return nil, problemOfErasure(err)
	}
	return &answer[Erasure]{Body: erasureOf(e)}, nil
}

func erasureAnswerOf(e oltp.Erasure) *erasureAnswer {
	a := &erasureAnswer{Status: http.StatusAccepted, Location: "/v1/erasures/" + e.ID, Body: erasureOf(e)}
	if e.State == oltp.ErasureDone {
		a.Status = http.StatusOK
	}
	return a
}

func erasureOf(e oltp.Erasure) Erasure {
	shown := Erasure{
		ErasureID: e.ID, State: e.State, RequestedAt: milliseconds(e.RequestedAt), FinishedAt: timeOrNull(e.FinishedAt), Note: e.Note, IDs: e.IDs,
		Places: []ErasurePlace{},
	}
	if e.UserID != "" {
		shown.UserID = &e.UserID
	}
	for _, place := range slices.Sorted(maps.Keys(e.Before)) {
		p := ErasurePlace{Place: place, Before: e.Before[place]}
		if after, counted := e.After[place]; counted {
			p.After = &after
		}
		shown.Places = append(shown.Places, p)
	}
	return shown
}

func problemOfErasure(err error) error {
	var linked *oltp.LinkedUserError
	switch {
	case errors.As(err, &linked):
		return newProblem(http.StatusConflict, codeLinkedUser,
			fmt.Sprintf("This id was linked to the user %q, and its events are that user's. Erase that user.", linked.User))
	case errors.Is(err, oltp.ErrUnknownErasure):
		return newProblem(http.StatusNotFound, codeUnknownErasure, "There is no erasure of this id. DELETE /v1/users/{id} answers with the id of one.")
	}
	return err
}

func deleteUserOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodDelete, Path: "/v1/users/{id}", OperationID: "erase-user", Tags: []string{tagUsers},
		Summary: "Erase a user",
		Description: "Removes everything that tells of the user, under all ids that mean him, and counts the rows before and after: see docs/erasing.md for what stays, and why. " +
			"Everything that was accepted before the request is erased; what comes later is new. Usually done within seconds; else the answer is 202, and GET /v1/erasures/{id} says how it goes.",
	}
}

func getErasureOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/erasures/{id}", OperationID: "get-erasure", Tags: []string{tagUsers},
		Summary: "How the erasure of a user goes", Description: "It stays as a receipt, which does not say who it was.",
	}
}

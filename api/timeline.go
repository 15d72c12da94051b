package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"millrace/olap"
	"millrace/oltp"
)

// TimelinePage is the answer of GET /v1/users/{id}/events.
type TimelinePage struct {
	Events     []TimelineEvent `json:"events" doc:"Newest first."`
	NextCursor *string         `json:"next_cursor" doc:"Send it back as cursor for the page before; null at the user's first event."`
}

// TimelineEvent is one event as it is stored.
type TimelineEvent struct {
	EventID     string          `json:"event_id"`
	Type        string          `json:"type" example:"purchase"`
	UserID      string          `json:"user_id" doc:"The anonymous_id where the event had no user_id."`
	AnonymousID string          `json:"anonymous_id,omitempty"`
	SessionID   string          `json:"session_id,omitempty"`
	Timestamp   time.Time       `json:"timestamp" doc:"When it happened."`
	ReceivedAt  time.Time       `json:"received_at" doc:"When the broker got it."`
	StoredAt    time.Time       `json:"stored_at" doc:"When the store did."`
	Properties  json.RawMessage `json:"properties" doc:"As sent: one JSON object."`
	Context     EventContext    `json:"context"`
}

type timelineInput struct {
	ID     string `path:"id" maxLength:"2048" doc:"The user's id, percent-encoded."`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"Events on the page."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"next_cursor of the page after; without it the newest events come."`
}

// getUserEvents reads one page of a user's timeline.
func (s *Server) getUserEvents(ctx context.Context, in *timelineInput) (*answer[TimelinePage], error) {
	id, err := pathText(in.ID)
	if err != nil {
		return nil, err
	}
	before, err := olap.ParseCursor(in.Cursor)
	if err != nil {
		p := newProblem(http.StatusBadRequest, codeInvalidParameter, "cursor: "+err.Error()+".")
		p.Parameter = "cursor"
		return nil, p
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	events, err := s.deps.Timeline.UserEvents(ctx, id, before, in.Limit+1) // one more tells whether this page is the last
	if err != nil {
		return nil, err
	}
	if len(events) == 0 && before.IsZero() {
		return nil, oltp.ErrUnknownUser
	}
	return &answer[TimelinePage]{Body: pageOf(events, in.Limit)}, nil
}

func pageOf(events []olap.StoredEvent, limit int) TimelinePage {
	var page TimelinePage
	if len(events) > limit {
		events = events[:limit]
		cursor := events[limit-1].Cursor.String()
		page.NextCursor = &cursor
	}
	page.Events = convert(events, timelineEvent)
	return page
}

func timelineEvent(e olap.StoredEvent) TimelineEvent {
	return TimelineEvent{
		EventID:     e.ID,
		Type:        e.Type,
		UserID:      e.UserID,
		AnonymousID: e.AnonymousID,
		SessionID:   e.SessionID,
		Timestamp:   e.Timestamp.UTC(),
		ReceivedAt:  e.ReceivedAt.UTC(),
		StoredAt:    e.StoredAt.UTC(),
		Properties:  e.Properties,
		Context:     EventContext(e.Context),
	}
}

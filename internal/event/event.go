package event

import (
	"encoding/json"
	"time"
)

// Event is one user event in row form, as the HTTP contract writes it.
type Event struct {
	// ID identifies the event; a repeat with the same ID is the same event.
	ID string
	// Type is the client's own name, such as "purchase".
	Type string
	// UserID names the user. UserID or AnonymousID is present.
	UserID string
	// AnonymousID names a visitor who has not been identified yet.
	AnonymousID string
	// SessionID groups events of one visit; it may be empty.
	SessionID string
	// Timestamp is when it happened, at millisecond precision, in UTC.
	Timestamp time.Time
	// Properties is a JSON object, or nil.
	Properties json.RawMessage
	// Context is what the client knows about its surroundings.
	Context Context
}

// Context describes where an event came from. Every field may be empty.
type Context struct {
	IP         string
	UserAgent  string
	Country    string // ISO 3166-1 alpha-2
	Page       string // path of the page
	Referrer   string
	Platform   string // web, ios, android, …
	AppVersion string
	Device     string
	OS         string
	Browser    string
	Locale     string
}

// Key is the Kafka record key: the user, or the anonymous visitor. All events
// of one key are in one partition, in order.
func (e *Event) Key() string {
	if e.UserID != "" {
		return e.UserID
	}
	return e.AnonymousID
}

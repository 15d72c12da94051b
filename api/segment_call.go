package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"millrace/internal/enrich"
	"millrace/internal/event"
)

// The event types that calls become, beside a track call's own name and the
// names of the calls themselves.
const (
	typePageView   = "page_view"
	typeScreenView = "screen_view"
	typeGroup      = "group"
)

// largestLeftover bounds the JSON of $context and of $segment, in bytes. What is
// larger is left out, and $context_dropped_bytes or $segment_dropped_bytes says so.
const largestLeftover = 4 << 10

// segmentCall is one call on its way to become an event. What was read of its
// members is taken out; what stays is kept as $context and $segment.
type segmentCall struct {
	kind    string
	members map[string]json.RawMessage
	ev      event.Event
	added   enrich.Members
}

func parseSegmentCall(text []byte) (*segmentCall, *Rejection) {
	c := &segmentCall{}
	if err := json.Unmarshal(text, &c.members); err != nil || c.members == nil {
		return nil, refuse(event.ReasonMalformedJSON, "", "The call is not a JSON object"+syntaxFault(err)+".")
	}
	if id, ok := c.text("messageId"); ok {
		c.ev.ID = id
	}
	return c, nil
}

// syntaxFault is a clause that says where JSON breaks, or "" where it does not.
func syntaxFault(err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	return fmt.Sprintf(": %v, at byte %d", syntax, syntax.Offset)
}

// take takes a member out; a null is the same as none.
func (c *segmentCall) take(name string) json.RawMessage {
	raw := c.members[name]
	delete(c.members, name)
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// text takes a string or a number out, as text. It reports false where the member
// is something else; an absent one is "".
func (c *segmentCall) text(name string) (string, bool) {
	raw := c.take(name)
	text := looseText(raw)
	return text, text != "" || len(raw) == 0 || string(raw) == `""`
}

// looseText is a JSON string or number as text, or "". The value is known to be
// valid, so what has no escapes is read without a parser.
func looseText(raw json.RawMessage) string {
	switch {
	case len(raw) == 0:
		return ""
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		return string(raw)
	case raw[0] != '"':
		return ""
	case bytes.IndexByte(raw, '\\') < 0:
		return string(raw[1 : len(raw)-1])
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// object takes an object out. It reports false where the member is something else.
func (c *segmentCall) object(name string) (json.RawMessage, bool) {
	raw := c.take(name)
	return raw, len(raw) == 0 || raw[0] == '{'
}

// fill reads the call into its event.
func (c *segmentCall) fill(f *segmentFrame) *Rejection {
	if refused := c.fillUser(); refused != nil {
		return refused
	}
	if refused := c.fillTime(f); refused != nil {
		return refused
	}
	if refused := c.fillKind(); refused != nil {
		return refused
	}
	if refused := c.fillContext(f.context); refused != nil {
		return refused
	}
	for _, name := range []string{"integrations", "writeKey", "version", "channel", "_metadata", "receivedAt"} {
		delete(c.members, name) // about the delivery by Segment, not about what happened
	}
	c.keep("$segment", c.members)
	c.ev.Properties = c.added.Before(c.ev.Properties)
	return nil
}

// keep adds what was not understood, if it is small.
func (c *segmentCall) keep(name string, members map[string]json.RawMessage) {
	if len(members) == 0 {
		return
	}
	text, err := json.Marshal(members)
	if err != nil || len(text) > largestLeftover {
		c.added.Int(name+"_dropped_bytes", int64(len(text)))
		return
	}
	c.added.JSON(name, text)
}

func (c *segmentCall) fillUser() *Rejection {
	for _, id := range []struct {
		name string
		to   *string
	}{{"userId", &c.ev.UserID}, {"anonymousId", &c.ev.AnonymousID}} {
		text, ok := c.text(id.name)
		if !ok {
			return refuse(event.ReasonWrongType, "/"+id.name, id.name+" is neither a string nor a number. Send it as a string.")
		}
		*id.to = text
	}
	if c.kind == "alias" && c.ev.UserID == "" {
		return refuse(event.ReasonMissingUser, "/userId", "An alias call needs userId, the id that counts from now on.")
	}
	if c.ev.UserID == "" && c.ev.AnonymousID == "" {
		return refuse(event.ReasonMissingUser, "/userId",
			"userId and anonymousId are both missing. Send userId for a known user, or anonymousId for a visitor.")
	}
	return nil
}

// fillTime corrects the client's clock as Segment documents it: timestamp =
// receivedAt - (sentAt - originalTimestamp).
func (c *segmentCall) fillTime(f *segmentFrame) *Rejection {
	c.ev.Timestamp = f.now
	sentAt, _ := c.text("sentAt")
	if sentAt == "" {
		sentAt = f.sentAt
	}
	field := "timestamp"
	if raw := c.members["originalTimestamp"]; len(raw) > 0 && string(raw) != "null" {
		field = "originalTimestamp"
	}
	text, ok := c.text(field)
	delete(c.members, "timestamp")
	delete(c.members, "originalTimestamp")
	if ok && text == "" {
		return nil
	}
	at, valid := looseTime(text)
	if !valid {
		return refuse(event.ReasonInvalidTimestamp, "/"+field,
			fmt.Sprintf("%s is %q, which is not an ISO 8601 time. Send one such as 2026-01-02T03:04:05.678Z.", field, shorten(text)))
	}
	if sent, valid := looseTime(sentAt); valid {
		at = correct(&c.added, at, sent.Sub(f.now))
	}
	c.ev.Timestamp = at
	return nil
}

// looseTime reads the forms of ISO 8601 that libraries send. A time without a zone
// is UTC, as Segment's documentation has it.
func looseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", time.DateTime, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

func shorten(text string) string {
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "…"
	}
	return text
}

// fillKind reads what each kind of call has of its own.
func (c *segmentCall) fillKind() *Rejection {
	c.ev.Type = c.kind
	properties := "properties"
	switch c.kind {
	case "track":
		name, ok := c.text("event")
		if !ok || name == "" {
			return refuse(event.ReasonMissingType, "/event", "A track call needs event, the name of what happened, as a string.")
		}
		c.ev.Type = name
	case "page", "screen":
		c.ev.Type = typePageView
		if c.kind == "screen" {
			c.ev.Type = typeScreenView
		}
		for _, name := range []string{"name", "category"} {
			text, ok := c.text(name)
			if !ok {
				return refuse(event.ReasonWrongType, "/"+name, name+" is not a string.")
			}
			c.added.Text(c.nameOf(name), text)
		}
	case "identify":
		properties = "traits"
	case "group":
		properties = "traits"
		id, _ := c.text("groupId")
		if id == "" {
			return refuse(event.ReasonMissingType, "/groupId", "A group call needs groupId, the group that the user belongs to, as a string.")
		}
		c.added.Text("group_id", id)
	case "alias":
		id, _ := c.text("previousId")
		if id == "" {
			return refuse(event.ReasonMissingUser, "/previousId", "An alias call needs previousId, the id that was used before, as a string.")
		}
		c.added.Text("previous_id", id)
	}
	object, ok := c.object(properties)
	if !ok {
		return refuse(event.ReasonWrongType, "/"+properties, properties+" is not an object.")
	}
	c.ev.Properties = object
	return nil
}

// nameOf is the property that name or category of a page or screen becomes. Their
// category is not that of a product, which has a column of its own.
func (c *segmentCall) nameOf(member string) string {
	if member == "category" {
		return c.kind + "_category"
	}
	return member
}

// fieldOf is the pointer of a field of our envelope as the call has it.
func (c *segmentCall) fieldOf(pointer string) string {
	switch pointer {
	case "/event_id":
		return "/messageId"
	case "/user_id":
		return "/userId"
	case "/anonymous_id":
		return "/anonymousId"
	case "/session_id":
		return "/context/sessionId"
	case "/type":
		return "/event"
	case "/context/user_agent":
		return "/context/userAgent"
	case "/context/app_version":
		return "/context/app/version"
	case "/context/page":
		return "/context/page/path"
	case "/context/referrer":
		return "/context/page/referrer"
	}
	if rest, ok := strings.CutPrefix(pointer, "/properties"); ok && (c.kind == "identify" || c.kind == "group") {
		return "/traits" + rest
	}
	return pointer
}

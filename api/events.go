package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"millrace/internal/enrich"
	"millrace/internal/event"
)

// Receipt is the answer of POST /v1/events when at least one event was taken.
type Receipt struct {
	Accepted int         `json:"accepted" doc:"Events that the broker holds on all in-sync replicas." example:"2"`
	Rejected []Rejection `json:"rejected" doc:"Events that were refused, each with its reason."`
}

// Rejection says why one event of a request was refused.
type Rejection struct {
	Index   int    `json:"index" doc:"Position in the request, from 0." example:"1"`
	EventID string `json:"event_id,omitempty" doc:"The event's own id, where it could be read."`
	Code    string `json:"code" doc:"Stable reason." example:"missing_user"`
	Detail  string `json:"detail" doc:"What is wrong and what to do." example:"user_id and anonymous_id are both missing. Send user_id for a known user, or anonymous_id for a visitor."`
	Field   string `json:"field,omitempty" doc:"JSON pointer of the field at fault, within the event." example:"/user_id"`
}

// headerSentAt is when the client sent the request, by the clock that its events'
// timestamps come from.
const headerSentAt = "X-Sent-At"

// postEvents takes events and answers once the broker has those it accepted.
func (s *Server) postEvents(c *fiber.Ctx) error {
	open, err := s.eventFormat(c)
	if err != nil {
		return err
	}
	d, err := s.take(c, open)
	if err != nil {
		return err
	}
	if len(d.records) == 0 {
		return nothingAccepted(d)
	}
	return c.Status(http.StatusAccepted).JSON(Receipt{Accepted: len(d.records), Rejected: d.rejected})
}

// eventFormat is the format of a body of POST /v1/events.
func (s *Server) eventFormat(c *fiber.Ctx) (opener, error) {
	if isBinaryCloudEvent(c) {
		return s.binaryCloudEvent(c)
	}
	contentType := c.Get(fiber.HeaderContentType)
	switch mediaType(contentType) {
	case "application/json":
		return s.nativeFormat(event.Split, c.Get(headerSentAt))
	case "application/x-ndjson", "application/ndjson", "application/jsonl":
		return s.nativeFormat(event.SplitLines, c.Get(headerSentAt))
	case typeCloudEvent:
		return fixed(format{single, readCloudEvent}), nil
	case typeCloudEvents:
		return cloudEventsBatch, nil
	case "":
		return nil, newProblem(http.StatusUnsupportedMediaType, codeUnsupportedType,
			"The request has no Content-Type. Use application/json for one event or an array, application/x-ndjson for one event to a line.")
	}
	return nil, newProblem(http.StatusUnsupportedMediaType, codeUnsupportedType,
		fmt.Sprintf("Content-Type %q is not taken here. Use application/json for one event or an array, application/x-ndjson for one event to a line.", contentType))
}

// fixed is a format that the body has no say in.
func fixed(f format) opener {
	return func([]byte, time.Time) (format, error) { return f, nil }
}

// nativeFormat is that of our own envelope. Where the client says when it sent the
// request, timestamps are corrected by what its clock is off.
func (s *Server) nativeFormat(split splitter, sentAt string) (opener, error) {
	if sentAt == "" {
		return fixed(format{split, readNative}), nil
	}
	sent, err := time.Parse(time.RFC3339, sentAt)
	if err != nil {
		p := newProblem(http.StatusBadRequest, codeInvalidParameter, fmt.Sprintf(
			"Header %s is %q, which is not an RFC 3339 time such as 2026-01-02T03:04:05.678Z. Correct it, or leave it out to have timestamps taken as they are.", headerSentAt, sentAt))
		p.Parameter = headerSentAt
		return nil, p
	}
	return func(_ []byte, now time.Time) (format, error) {
		return format{split, s.skewedReader(sent.Sub(now))}, nil
	}, nil
}

// readNative reads our own envelope.
func readNative(dec *event.Decoder, ev *event.Event, text []byte) ([]byte, *Rejection) {
	if reject := dec.Decode(ev, text); reject != nil {
		return nil, rejectionOf(memberText(text, "event_id"), reject)
	}
	return text, nil
}

// skewedReader reads our own envelope from a client whose clock is ahead of ours
// by skew. The limits on timestamps are for the corrected ones, so the first
// reading has none.
func (s *Server) skewedReader(skew time.Duration) reader {
	anyTime := s.cfg.Limits
	anyTime.Oldest, anyTime.Ahead = time.Time{}, 200*365*24*time.Hour
	first := event.NewDecoder(anyTime)
	return func(dec *event.Decoder, ev *event.Event, text []byte) ([]byte, *Rejection) {
		if reject := first.Decode(ev, text); reject != nil {
			return nil, rejectionOf(memberText(text, "event_id"), reject)
		}
		if ev.Timestamp.IsZero() {
			return text, nil
		}
		id := ev.ID
		var added enrich.Members
		ev.Timestamp = correct(&added, ev.Timestamp, skew)
		ev.Properties = added.Before(ev.Properties)
		value := ev.AppendJSON(nil)
		if reject := dec.Decode(ev, value); reject != nil {
			return nil, rejectionOf(id, reject)
		}
		return value, nil
	}
}

// correct turns a time of a client's clock into ours, and notes by how much.
func correct(added *enrich.Members, at time.Time, skew time.Duration) time.Time {
	added.Int("$clock_skew_ms", skew.Round(time.Millisecond).Milliseconds())
	return at.Add(-skew.Round(time.Millisecond))
}

// rejectionOf is a reject as clients see it, or nil.
func rejectionOf(eventID string, reject *event.Reject) *Rejection {
	if reject == nil {
		return nil
	}
	return &Rejection{EventID: eventID, Code: string(reject.Reason), Detail: reject.Detail, Field: reject.Field}
}

// memberText reads one string of an event that was refused, if that is possible.
func memberText(text []byte, name string) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return ""
	}
	var value string
	if json.Unmarshal(members[name], &value) != nil || len(value) > 512 {
		return ""
	}
	return strings.ToValidUTF8(value, "\uFFFD")
}

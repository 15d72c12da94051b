package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

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

// delivery is one request's events, decoded: those for the broker, and those
// that were refused.
type delivery struct {
	records  []Record
	rejected []Rejection
}

func (d *delivery) total() int { return len(d.records) + len(d.rejected) }

// postEvents takes events and answers once the broker has those it accepted.
func (s *Server) postEvents(c *fiber.Ctx) error {
	split, err := splitterFor(c.Get(fiber.HeaderContentType))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), s.cfg.PublishTimeout)
	defer cancel()
	body, release, err := s.readBody(ctx, c)
	if err != nil {
		return err
	}
	defer release()
	s.metrics.bodyBytes.Add(float64(len(body)))
	d, err := s.decode(split(body), time.Now())
	if err != nil {
		return err
	}
	s.metrics.countRejected(d.rejected)
	if len(d.records) == 0 {
		return nothingAccepted(d)
	}
	if err := s.publish(ctx, d.records); err != nil {
		return err
	}
	return c.Status(http.StatusAccepted).JSON(Receipt{Accepted: len(d.records), Rejected: d.rejected})
}

// splitter cuts a body into events.
type splitter func(body []byte) iter.Seq2[[]byte, *event.Reject]

func splitterFor(contentType string) (splitter, error) {
	switch mediaType(contentType) {
	case "application/json":
		return event.Split, nil
	case "application/x-ndjson", "application/ndjson", "application/jsonl":
		return event.SplitLines, nil
	case "application/cloudevents+json", "application/cloudevents-batch+json":
		return nil, newProblem(http.StatusUnsupportedMediaType, codeUnsupportedType,
			"CloudEvents are not taken yet. Send the event itself as application/json, or one to a line as application/x-ndjson.")
	case "":
		return nil, newProblem(http.StatusUnsupportedMediaType, codeUnsupportedType,
			"The request has no Content-Type. Use application/json for one event or an array, application/x-ndjson for one event to a line.")
	}
	return nil, newProblem(http.StatusUnsupportedMediaType, codeUnsupportedType,
		fmt.Sprintf("Content-Type %q is not taken here. Use application/json for one event or an array, application/x-ndjson for one event to a line.", contentType))
}

// decode checks every event and completes those that came without id or time.
// The records share the body's memory.
func (s *Server) decode(values iter.Seq2[[]byte, *event.Reject], now time.Time) (*delivery, error) {
	dec := s.decoders.Get().(*event.Decoder)
	defer s.decoders.Put(dec)
	d := &delivery{rejected: []Rejection{}}
	var ev event.Event
	for value, reject := range values {
		if d.total() == s.cfg.MaxEvents {
			return nil, newProblem(http.StatusRequestEntityTooLarge, codeTooManyEvents,
				fmt.Sprintf("The body holds more than %d events. Nothing of it was taken; send it in several requests.", s.cfg.MaxEvents))
		}
		if reject == nil {
			reject = dec.Decode(&ev, value)
		}
		if reject != nil {
			d.rejected = append(d.rejected, rejectionOf(d.total(), value, reject))
			continue
		}
		d.records = append(d.records, recordOf(&ev, value, now))
	}
	return d, nil
}

// recordOf makes the broker's record of a valid event.
func recordOf(ev *event.Event, value []byte, now time.Time) Record {
	var id string
	var at time.Time
	if ev.ID == "" {
		id = event.NewID(now)
	}
	if ev.Timestamp.IsZero() {
		at = now
	}
	if id != "" || !at.IsZero() {
		value = event.Complete(make([]byte, 0, len(value)+96), value, id, at)
	}
	return Record{Key: []byte(ev.Key()), Value: value, ReceivedAt: now}
}

func rejectionOf(index int, value []byte, reject *event.Reject) Rejection {
	return Rejection{Index: index, EventID: eventIDOf(value), Code: string(reject.Reason), Detail: reject.Detail, Field: reject.Field}
}

// eventIDOf reads the id of an event that was refused, if that is possible.
func eventIDOf(value []byte) string {
	var named struct {
		EventID any `json:"event_id"`
	}
	if json.Unmarshal(value, &named) != nil {
		return ""
	}
	id, _ := named.EventID.(string)
	if len(id) > 512 {
		return ""
	}
	return id
}

// nothingAccepted is the answer to a request without one acceptable event. A
// request of one event gets that event's own code.
func nothingAccepted(d *delivery) *Problem {
	if d.total() == 0 {
		return newProblem(http.StatusBadRequest, codeNoEvents, "The body holds no event.")
	}
	first := d.rejected[0]
	p := withField(first.Field, newProblem(http.StatusBadRequest, first.Code, first.Detail))
	if d.total() > 1 {
		p = newProblem(http.StatusBadRequest, codeNothingAccepted,
			fmt.Sprintf("None of the %d events could be taken. The first: %s", d.total(), first.Detail))
	}
	p.Accepted, p.Rejected = new(int), d.rejected
	return p
}

// publish waits for the broker.
func (s *Server) publish(ctx context.Context, records []Record) error {
	began := time.Now()
	err := s.deps.Publisher.Publish(ctx, records)
	s.metrics.publishSeconds.Observe(time.Since(began).Seconds())
	switch {
	case err == nil:
		s.metrics.accepted.Add(float64(len(records)))
		return nil
	case errors.Is(err, context.Canceled) && s.stopping.Load():
		return err
	}
	return because(err, retryIn(2*time.Second, newProblem(http.StatusServiceUnavailable, codeBrokerUnavailable,
		"The broker did not take the events in time. Some may have arrived: send all of them again, with the same event_id each.")))
}

func (m *metrics) countRejected(rejected []Rejection) {
	for i := range rejected {
		m.rejected.WithLabelValues(rejected[i].Code).Inc()
	}
}

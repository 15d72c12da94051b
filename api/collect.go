package api

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"millrace/internal/enrich"
	"millrace/internal/event"
)

// This file is the way of every event from a request's body to the broker,
// whatever the format it came in: split, read, link, enrich, publish.

// format is how a body holds events.
type format struct {
	split splitter
	read  reader
}

// splitter cuts a body into the texts of single events.
type splitter func(body []byte) iter.Seq2[[]byte, *event.Reject]

// reader reads the text of one event into ev and returns ev's JSON envelope, or
// why it was refused. The rejection's index is the caller's to fill.
type reader func(dec *event.Decoder, ev *event.Event, text []byte) (value []byte, refused *Rejection)

// opener looks at a whole body that was received at now, and says its format.
type opener func(body []byte, now time.Time) (format, error)

// incoming is an event that was read.
type incoming struct {
	ev    event.Event
	value []byte // the JSON envelope of ev as it was read
	// linked says that ev.UserID is not the one in value.
	linked bool
}

// delivery is one request's events: those for the broker, and those refused.
type delivery struct {
	records  []Record
	rejected []Rejection
}

func (d *delivery) total() int { return len(d.records) + len(d.rejected) }

// chunkEvents is how many events are held as rows at once: a row takes several
// times the memory of a short event's text.
const chunkEvents = 1000

// take reads the events of a request and returns once the broker has those that
// were accepted.
func (s *Server) take(c *fiber.Ctx, open opener) (*delivery, error) {
	ctx, cancel := context.WithTimeout(c.UserContext(), s.cfg.PublishTimeout)
	defer cancel()
	body, release, err := s.readBody(ctx, c)
	if err != nil {
		return nil, err
	}
	defer release()
	s.metrics.bodyBytes.Add(float64(len(body)))
	now := time.Now()
	f, err := open(body, now)
	if err != nil {
		return nil, err
	}
	d, err := s.collect(ctx, f, body, s.originOf(c), now)
	if err != nil {
		return nil, err
	}
	s.metrics.countRejected(d.rejected)
	s.rejections.add(d.rejected, now)
	if len(d.records) > 0 {
		err = s.publish(ctx, d.records)
	}
	return d, err
}

// collect reads, links and enriches the events of a body. The records share the
// body's memory.
func (s *Server) collect(ctx context.Context, f format, body []byte, from enrich.Origin, now time.Time) (*delivery, error) {
	dec := s.decoders.Get().(*event.Decoder)
	defer s.decoders.Put(dec)
	d := &delivery{rejected: []Rejection{}}
	var chunk []incoming
	flush := func() {
		s.link(ctx, chunk)
		for i := range chunk {
			d.records = append(d.records, s.recordOf(&chunk[i], from, now))
		}
		chunk = chunk[:0]
	}
	for text, broken := range f.split(body) {
		index := d.total() + len(chunk)
		if index == s.cfg.MaxEvents {
			return nil, newProblem(http.StatusRequestEntityTooLarge, codeTooManyEvents,
				fmt.Sprintf("The body holds more than %d events. Nothing of it was taken; send it in several requests.", s.cfg.MaxEvents))
		}
		var in incoming
		refused := rejectionOf("", broken)
		if broken == nil {
			in.value, refused = f.read(dec, &in.ev, text)
		}
		if refused != nil {
			refused.Index = index
			d.rejected = append(d.rejected, *refused)
			continue
		}
		if chunk = append(chunk, in); len(chunk) == chunkEvents {
			flush()
		}
	}
	flush()
	return d, nil
}

// recordOf makes the broker's record of an event. What is added to it may not
// take it over the limits that it was accepted under: the ingest holds it
// against them again.
func (s *Server) recordOf(in *incoming, from enrich.Origin, now time.Time) Record {
	r := Record{Key: []byte(in.ev.Key()), ReceivedAt: now}
	plain := in.ev
	if s.deps.Enricher != nil && s.deps.Enricher.Enrich(&in.ev, from) {
		if value := rewrite(&in.ev, now); s.fits(&in.ev, value) {
			r.Value = value
			return r
		}
	}
	if in.linked {
		if value := rewrite(&plain, now); s.fits(&plain, value) {
			r.Value = value
			return r
		}
	}
	r.Value = complete(&plain, in.value, now)
	return r
}

func (s *Server) fits(ev *event.Event, value []byte) bool {
	return len(value) <= s.cfg.Limits.EventBytes && len(ev.Properties) <= s.cfg.Limits.PropertiesBytes
}

// rewrite writes the event anew, with id and time.
func rewrite(ev *event.Event, now time.Time) []byte {
	if ev.ID == "" {
		ev.ID = event.NewID(now)
	}
	if ev.Timestamp.IsZero() {
		ev.Timestamp = now
	}
	return ev.AppendJSON(make([]byte, 0, len(ev.Properties)+512))
}

// complete gives the event's text the id or time that it came without.
func complete(ev *event.Event, value []byte, now time.Time) []byte {
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
	return value
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

func (m *metrics) countRejected(rejected []Rejection) {
	for i := range rejected {
		m.rejected.WithLabelValues(rejected[i].Code).Inc()
	}
}

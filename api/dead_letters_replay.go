package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"millrace/internal/event"
	"millrace/olap"
)

// replayChunk is how many letters are held, published and marked at once: a
// payload may be large.
const replayChunk = 100

// ReplayReceipt is the answer of POST /v1/dead-letters/replay.
type ReplayReceipt struct {
	DryRun     bool              `json:"dry_run"`
	Selected   int               `json:"selected" doc:"Letters that the request chose."`
	Accepted   int               `json:"accepted" doc:"Letters that the broker holds as events now; in a dry run, those that it would."`
	Repeated   int               `json:"repeated" doc:"Of these, letters whose event is stored already: they were not sent again."`
	Rejected   []LetterRejection `json:"rejected" doc:"Letters that were refused, each with its reason."`
	Letters    []LetterPreview   `json:"letters,omitempty" doc:"Dry run only: each letter before and after."`
	NextCursor *string           `json:"next_cursor" doc:"Send it back as cursor for the letters that limit has cut off; null where there are none."`
}

// LetterRejection says why a letter was not replayed.
type LetterRejection struct {
	ID     string `json:"id" example:"events/0/17"`
	Code   string `json:"code" example:"missing_user"`
	Detail string `json:"detail"`
	Field  string `json:"field,omitempty" doc:"JSON pointer of the field at fault, in the corrected payload." example:"/user_id"`
}

// LetterPreview is a letter before and after its correction.
type LetterPreview struct {
	ID       string           `json:"id" example:"events/0/17"`
	Before   string           `json:"before" doc:"The payload, as text or base64; the beginning of a large one."`
	After    string           `json:"after,omitempty" doc:"The event that would be sent."`
	EventID  string           `json:"event_id,omitempty" doc:"Its id: the payload's own, or one made of the letter's place."`
	Key      string           `json:"key,omitempty" doc:"The user that it would count under."`
	Rejected *LetterRejection `json:"rejected,omitempty" doc:"Why it would not be taken."`
}

// postReplay corrects dead letters and puts them back into the topic.
//
// One request at a time: two corrections of the same letter would both see it as
// not replayed.
func (s *Server) postReplay(c *fiber.Ctx) error {
	if contentType := c.Get(fiber.HeaderContentType); mediaType(contentType) != "application/json" {
		return newProblem(http.StatusUnsupportedMediaType, codeUnsupportedType,
			fmt.Sprintf("Content-Type %q is not taken here. Send the request as application/json.", contentType))
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), s.cfg.QueryTimeout+s.cfg.PublishTimeout)
	defer cancel()
	body, release, err := s.readBody(ctx, c)
	if err != nil {
		return err
	}
	defer release()
	r, err := s.readReplay(body)
	if err != nil {
		return err
	}
	s.replaying.Lock()
	defer s.replaying.Unlock()
	if err := r.run(ctx); err != nil {
		return err
	}
	return c.JSON(r.receipt)
}

// replay is one request under way.
type replay struct {
	server     *Server
	request    ReplayRequest
	filter     olap.LetterFilter
	patch      *letterPatch // nil where there is none
	correction string       // of the patch, as it is noted
	decoder    *event.Decoder
	receipt    ReplayReceipt
}

// run goes through the letters in chunks; what a chunk holds is published and
// marked before the next is read.
func (r *replay) run(ctx context.Context) error {
	if r.request.Filter == nil {
		for ids := range slices.Chunk(r.request.IDs, replayChunk) {
			letters, err := r.lettersOf(ctx, ids)
			if err == nil {
				err = r.replay(ctx, letters)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	before, _ := olap.ParseCursor(r.request.Cursor) // was checked
	for left := r.request.Limit; left > 0; {
		size := min(replayChunk, left)
		letters, err := r.server.deps.DeadLetters.DeadLetters(ctx, r.filter, before, size+1, 0) // one more tells whether these are the last
		if err != nil {
			return err
		}
		more := len(letters) > size
		letters = letters[:min(size, len(letters))]
		if err := r.replay(ctx, letters); err != nil {
			return err
		}
		left -= len(letters)
		if !more {
			return nil
		}
		before = letters[len(letters)-1].Cursor()
	}
	cursor := before.String()
	r.receipt.NextCursor = &cursor
	return nil
}

// lettersOf reads letters by their ids, in that order, and refuses those that
// are not there.
func (r *replay) lettersOf(ctx context.Context, texts []string) ([]olap.StoredLetter, error) {
	var ids []olap.LetterID
	for _, text := range texts {
		id, _ := olap.ParseLetterID(text) // was checked
		ids = append(ids, id)
	}
	found, err := r.server.deps.DeadLetters.DeadLetters(ctx, olap.LetterFilter{IDs: ids}, olap.Cursor{}, 2*len(ids), 0)
	if err != nil {
		return nil, err
	}
	byID := map[olap.LetterID]olap.StoredLetter{}
	for _, l := range slices.Backward(found) { // of a topic that was made anew the newest letter counts
		byID[l.ID] = l
	}
	var letters []olap.StoredLetter
	for i, id := range ids {
		l, known := byID[id]
		switch {
		case !known:
			r.receipt.Selected++
			r.refuse(nil, LetterRejection{ID: texts[i], Code: codeUnknownLetter, Detail: "There is no dead letter with this id."})
			continue
		case slices.ContainsFunc(letters, func(o olap.StoredLetter) bool { return o.ID == id }): // named twice
			continue
		}
		letters = append(letters, l)
	}
	return letters, nil
}

// refuse counts a letter as rejected, and shows it where it is shown.
func (r *replay) refuse(preview *LetterPreview, why LetterRejection) {
	r.receipt.Rejected = append(r.receipt.Rejected, why)
	if preview != nil {
		preview.Rejected = &why
	}
}

// corrected is a letter that has become an event.
type corrected struct {
	letter     *olap.StoredLetter
	event      event.Event
	value      []byte
	correction string
}

// replay corrects letters, publishes those that are events now, and marks them.
//
// Dying between the two loses nothing: the letters are not marked, and a second
// replay is recognised by the event's id.
func (r *replay) replay(ctx context.Context, letters []olap.StoredLetter) error {
	var ready []corrected
	for i := range letters {
		r.receipt.Selected++
		before, _ := payloadText(wholeCharacters(cut(letters[i].Payload)), false)
		preview := &LetterPreview{ID: letters[i].ID.String(), Before: before}
		c, why := r.correct(&letters[i])
		if why != nil {
			why.ID = preview.ID
			r.refuse(preview, *why)
		} else {
			preview.After, _ = payloadText(wholeCharacters(cut(c.value)), false)
			preview.EventID, preview.Key = c.event.ID, c.event.Key()
			ready = append(ready, c)
		}
		if r.request.DryRun {
			r.receipt.Letters = append(r.receipt.Letters, *preview)
		}
	}
	if r.request.DryRun || len(ready) == 0 {
		r.receipt.Accepted += len(ready)
		return nil
	}
	if err := r.publish(ctx, ready); err != nil {
		return err
	}
	return r.mark(ctx, ready)
}

// cut is the beginning of a payload, as much as is shown.
func cut(payload []byte) []byte { return payload[:min(len(payload), letterShown)] }

// publish puts into the topic what is not stored yet. A letter whose event is
// stored was replayed by somebody who died before it was marked.
func (r *replay) publish(ctx context.Context, ready []corrected) error {
	users, ids := make([]string, len(ready)), make([]string, len(ready))
	for i := range ready {
		users[i], ids[i] = ready[i].event.Key(), ready[i].event.ID
	}
	stored, err := r.server.deps.DeadLetters.StoredIDsOf(ctx, users, ids)
	if err != nil {
		return err
	}
	now := time.Now()
	var records []Record
	for i := range ready {
		if stored[ids[i]] {
			r.receipt.Repeated++
			continue
		}
		records = append(records, Record{Key: []byte(users[i]), Value: ready[i].value, ReceivedAt: now})
	}
	if len(records) == 0 {
		return nil
	}
	return r.server.publish(ctx, records)
}

func (r *replay) mark(ctx context.Context, ready []corrected) error {
	now := time.Now().UTC()
	marks := make([]olap.Replay, len(ready))
	for i := range ready {
		marks[i] = olap.Replay{ID: ready[i].letter.ID, EventID: ready[i].event.ID, Correction: ready[i].correction, At: now}
	}
	if err := r.server.deps.DeadLetters.MarkReplayed(ctx, marks); err != nil {
		return because(err, retryIn(2*time.Second, newProblem(http.StatusServiceUnavailable, codeStoreUnavailable,
			"The broker has the events, but the letters could not be marked as replayed. Send the request again: what was sent is recognised and not counted twice.")))
	}
	r.receipt.Accepted += len(ready)
	return nil
}

// correct makes an event of a letter, or says why it cannot.
func (r *replay) correct(l *olap.StoredLetter) (corrected, *LetterRejection) {
	c := corrected{letter: l, correction: r.correction}
	if !l.Replay.At.IsZero() && !r.request.Again && r.filter.Replayed == nil {
		return c, &LetterRejection{Code: codeAlreadyReplayed, Detail: fmt.Sprintf(
			"The letter was replayed at %s as event %s. Set again to replay it once more.", l.Replay.At.UTC().Format(time.RFC3339), l.Replay.EventID)}
	}
	value, whole := r.request.Payloads[l.ID.String()]
	if whole {
		c.correction = `{"replay":"whole payload"}`
	} else {
		var why *LetterRejection
		if value, why = r.patch.apply(l.Payload); why != nil {
			return c, why
		}
	}
	return c, r.decode(&c, value)
}

// decode holds the corrected payload against the rules, as the ingest will.
func (r *replay) decode(c *corrected, value []byte) *LetterRejection {
	if reject := r.decoder.Decode(&c.event, value); reject != nil {
		return &LetterRejection{Code: string(reject.Reason), Detail: reject.Detail, Field: reject.Field}
	}
	var id string
	var at time.Time
	if c.event.ID == "" {
		id = letterEventID(c.letter)
	}
	if c.event.Timestamp.IsZero() { // it happened when it was received, not now
		at = c.letter.ReceivedAt
	}
	c.value = event.Complete(nil, value, id, at)
	if reject := r.decoder.Decode(&c.event, c.value); reject != nil {
		return &LetterRejection{Code: string(reject.Reason), Detail: reject.Detail, Field: reject.Field}
	}
	return nil
}

// letterEventID is the id that the record would have got had it been an event:
// the same however often the letter is replayed.
func letterEventID(l *olap.StoredLetter) string {
	return fmt.Sprintf("%s@%d", l.ID, l.ReceivedAt.UnixMilli())
}

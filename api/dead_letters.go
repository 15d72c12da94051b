package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"millrace/olap"
)

// DeadLetters keeps records that could not become events. *olap.Store is one.
type DeadLetters interface {
	// DeadLetters lists up to limit letters, newest first, behind the cursor
	// before; of each payload the first payloadBytes bytes, all for 0.
	DeadLetters(ctx context.Context, f olap.LetterFilter, before olap.Cursor, limit, payloadBytes int) ([]olap.StoredLetter, error)
	// DeadLetterReasons counts letters by reason, most first.
	DeadLetterReasons(ctx context.Context, f olap.LetterFilter) ([]olap.ReasonCount, error)
	// StoredIDsOf returns which of the users' events, by their ids, are stored.
	StoredIDsOf(ctx context.Context, users, eventIDs []string) (map[string]bool, error)
	// MarkReplayed notes that letters were replayed.
	MarkReplayed(ctx context.Context, replays []olap.Replay) error
}

// DeadLetterPage is the answer of GET /v1/dead-letters.
type DeadLetterPage struct {
	Total       int64         `json:"total" doc:"Dead letters that the parameters choose, on all pages."`
	Reasons     []ReasonCount `json:"reasons" doc:"The same by reason, most first."`
	DeadLetters []DeadLetter  `json:"dead_letters" doc:"Newest first."`
	NextCursor  *string       `json:"next_cursor" doc:"Send it back as cursor for the page before; null at the oldest letter."`
}

// ReasonCount is how many there are of one reason.
type ReasonCount struct {
	Reason string `json:"reason" example:"missing_user"`
	Count  int64  `json:"count" example:"3"`
}

// DeadLetter is a record that could not become an event.
type DeadLetter struct {
	ID               string          `json:"id" doc:"Stable name: topic/partition/offset." example:"events/0/17"`
	Where            LetterPlace     `json:"where" doc:"Where the record lies in Kafka."`
	Reason           string          `json:"reason" example:"missing_user"`
	Field            string          `json:"field,omitempty" doc:"JSON pointer of the field at fault." example:"/user_id"`
	Detail           string          `json:"detail" doc:"What is wrong, for people."`
	Payload          string          `json:"payload" doc:"The record's value: text, or base64 where it is not UTF-8."`
	PayloadEncoding  string          `json:"payload_encoding" enum:"text,base64"`
	PayloadBytes     int64           `json:"payload_bytes" doc:"Size of the whole value."`
	PayloadTruncated bool            `json:"payload_truncated" doc:"Only the beginning is shown; ask for the letter by its id for all of it."`
	ReceivedAt       time.Time       `json:"received_at" doc:"When the broker got it."`
	StoredAt         time.Time       `json:"stored_at" doc:"When the store did."`
	ReplayedAt       *time.Time      `json:"replayed_at" doc:"When it was replayed last; null where it was not."`
	EventID          string          `json:"event_id,omitempty" doc:"The event that the replay has made of it."`
	Correction       json.RawMessage `json:"correction,omitempty" doc:"What the replay has changed."`
}

// LetterPlace is where a record lies in Kafka.
type LetterPlace struct {
	Topic     string `json:"topic" example:"events"`
	Partition int32  `json:"partition" example:"0"`
	Offset    int64  `json:"offset" example:"17"`
}

const (
	// letterShown is how much of a payload a listing shows.
	letterShown = 16 << 10
	// lettersByID is how many letters may be asked for by their ids at once.
	lettersByID = 100
)

type deadLettersInput struct {
	From      string   `query:"from" doc:"Received at or after: RFC 3339, a date, or relative such as -7d."`
	To        string   `query:"to" doc:"Received before."`
	Reason    []string `query:"reason,explode" doc:"Only these reasons; may be repeated."`
	Topic     string   `query:"topic" doc:"Only this topic."`
	Partition string   `query:"partition" doc:"Only this partition."`
	Field     string   `query:"field" doc:"Only this JSON pointer, and what is below it."`
	Replayed  string   `query:"replayed" enum:"all,yes,no" default:"all" doc:"Whether the letter was replayed."`
	ID        []string `query:"id,explode" doc:"Only these letters, with their whole payloads; may be repeated."`
	Limit     int      `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"Letters on the page."`
	Cursor    string   `query:"cursor" maxLength:"1024" doc:"next_cursor of the page after; without it the newest letters come."`
}

// getDeadLetters reads one page of dead letters, and the counts of all.
func (s *Server) getDeadLetters(ctx context.Context, in *deadLettersInput) (*answer[DeadLetterPage], error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	before, err := olap.ParseCursor(in.Cursor)
	if err != nil {
		return nil, badParameter("cursor", err)
	}
	shown := letterShown
	if len(filter.IDs) > 0 {
		shown = 0
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	letters, err := s.deps.DeadLetters.DeadLetters(ctx, filter, before, in.Limit+1, shown) // one more tells whether this page is the last
	if err != nil {
		return nil, err
	}
	counts, err := s.deps.DeadLetters.DeadLetterReasons(ctx, filter)
	if err != nil {
		return nil, err
	}
	page := DeadLetterPage{Reasons: convert(counts, reasonCount)}
	for _, c := range counts {
		page.Total += c.Count
	}
	if len(letters) > in.Limit {
		letters = letters[:in.Limit]
		cursor := letters[in.Limit-1].Cursor().String()
		page.NextCursor = &cursor
	}
	page.DeadLetters = convert(letters, deadLetter)
	return &answer[DeadLetterPage]{Body: page}, nil
}

// badParameter names the parameter that is at fault.
func badParameter(name string, err error) *Problem {
	detail := err.Error()
	var query *olap.QueryError
	if errors.As(err, &query) {
		detail = query.Detail
	}
	p := newProblem(http.StatusBadRequest, codeInvalidParameter, name+": "+endSentence(detail))
	p.Parameter = name
	return p
}

// filter turns the parameters into a choice of letters.
func (in *deadLettersInput) filter() (olap.LetterFilter, error) {
	selection := LetterSelection{From: in.From, To: in.To, Reason: in.Reason, Topic: in.Topic, Field: in.Field, Replayed: in.Replayed}
	if in.Partition != "" {
		n, err := strconv.ParseInt(in.Partition, 10, 32)
		if err != nil || n < 0 {
			return olap.LetterFilter{}, badParameter("partition", fmt.Errorf("%q is not the number of a partition, such as 0", in.Partition))
		}
		partition := int32(n)
		selection.Partition = &partition
	}
	f, name, err := selection.filter(time.Now())
	if err != nil {
		return f, badParameter(name, err)
	}
	if len(in.ID) > lettersByID {
		return f, badParameter("id", fmt.Errorf("%d ids; ask for at most %d at once", len(in.ID), lettersByID))
	}
	for _, text := range in.ID {
		id, err := olap.ParseLetterID(text)
		if err != nil {
			return f, badParameter("id", err)
		}
		f.IDs = append(f.IDs, id)
	}
	return f, nil
}

// LetterSelection chooses dead letters; what is absent chooses all.
type LetterSelection struct {
	From      string   `json:"from,omitempty" doc:"Received at or after: RFC 3339, a date, or relative such as -7d."`
	To        string   `json:"to,omitempty" doc:"Received before."`
	Reason    []string `json:"reason,omitempty" nullable:"false" doc:"Only these reasons."`
	Topic     string   `json:"topic,omitempty" doc:"Only this topic."`
	Partition *int32   `json:"partition,omitempty" doc:"Only this partition."`
	Field     string   `json:"field,omitempty" doc:"Only this JSON pointer, and what is below it."`
	Replayed  string   `json:"replayed,omitempty" enum:"all,yes,no" doc:"Whether the letter was replayed."`
}

// filter is the selection in the store's terms, or the name of what is wrong.
func (l *LetterSelection) filter(now time.Time) (f olap.LetterFilter, name string, err error) {
	f = olap.LetterFilter{Reasons: l.Reason, Topic: l.Topic, Partition: l.Partition, Field: l.Field}
	if l.From != "" {
		if f.From, err = olap.ParseTime(l.From, now); err != nil {
			return f, "from", err
		}
	}
	if l.To != "" {
		if f.To, err = olap.ParseTime(l.To, now); err != nil {
			return f, "to", err
		}
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return f, "to", fmt.Errorf("%q is not after from (%q)", l.To, l.From)
	}
	switch l.Replayed {
	case "", "all":
	case "yes", "no":
		replayed := l.Replayed == "yes"
		f.Replayed = &replayed
	default:
		return f, "replayed", fmt.Errorf("%q is none of yes, no and all", l.Replayed)
	}
	return f, "", nil
}

func reasonCount(c olap.ReasonCount) ReasonCount { return ReasonCount(c) }

// deadLetter is a letter as clients see it.
func deadLetter(l olap.StoredLetter) DeadLetter {
	d := DeadLetter{
		ID:    l.ID.String(),
		Where: LetterPlace(l.ID), Reason: string(l.Reason), Field: l.Field, Detail: l.Detail,
		PayloadBytes: l.Size, PayloadTruncated: int64(len(l.Payload)) < l.Size,
		ReceivedAt: l.ReceivedAt.UTC(), StoredAt: l.StoredAt.UTC(),
	}
	d.Payload, d.PayloadEncoding = payloadText(l.Payload, d.PayloadTruncated)
	if !l.Replay.At.IsZero() {
		at := l.Replay.At.UTC()
		d.ReplayedAt, d.EventID, d.Correction = &at, l.Replay.EventID, json.RawMessage(l.Replay.Correction)
	}
	return d
}

// payloadText is a payload as JSON can hold it. Text that was cut within a
// character ends before that character.
func payloadText(payload []byte, truncated bool) (text, encoding string) {
	if truncated {
		payload = wholeCharacters(payload)
	}
	if utf8.Valid(payload) {
		return string(payload), "text"
	}
	return base64.StdEncoding.EncodeToString(payload), "base64"
}

// wholeCharacters leaves out a character that is cut at the end of UTF-8 text.
func wholeCharacters(text []byte) []byte {
	from := max(0, len(text)-utf8.UTFMax)
	for i := len(text) - 1; i >= from; i-- {
		if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
			return bytes.Clone(text[:i])
		}
	}
	return text
}

package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"millrace/internal/event"
	"millrace/internal/nearest"
)

// This file takes Segment's HTTP tracking API, so that its client libraries work
// with only their host changed. segment_call.go says what each call becomes.

// SegmentReceipt is the answer to a call of Segment's API. When all was taken it is
// what Segment answers.
type SegmentReceipt struct {
	Success  bool        `json:"success" doc:"Whether the request was taken. Always true here: an error is an error by its status." example:"true"`
	Accepted *int        `json:"accepted,omitempty" doc:"Calls that the broker holds, where some were refused."`
	Rejected []Rejection `json:"rejected,omitempty" doc:"Calls that were refused, each with its reason. The libraries do not send them again."`
}

// segmentKinds are the calls, in the order of the documentation; also the routes.
func segmentKinds() []string {
	return []string{"track", "page", "screen", "identify", "alias", "group"}
}

// postSegment takes one call of the given kind.
func (s *Server) postSegment(kind string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		return s.answerSegment(c, func(body []byte, now time.Time) (format, error) {
			noteWriteKey(c, body)
			frame := segmentFrame{now: now}
			return format{single, func(dec *event.Decoder, ev *event.Event, text []byte) ([]byte, *Rejection) {
				return frame.read(kind, dec, ev, text)
			}}, nil
		})
	}
}

// postSegmentBatch takes many calls, each of which names its kind.
func (s *Server) postSegmentBatch(c *fiber.Ctx) error {
	return s.answerSegment(c, func(body []byte, now time.Time) (format, error) {
		noteWriteKey(c, body)
		return segmentBatchFormat(body, now)
	})
}

// answerSegment takes application/json only. A page of any website may send
// text/plain to any address without asking first, so also to a Millrace that
// listens on its visitor's own machine.
func (s *Server) answerSegment(c *fiber.Ctx, open opener) error {
	if contentType := c.Get(fiber.HeaderContentType); mediaType(contentType) != "application/json" {
		return newProblem(http.StatusUnsupportedMediaType, codeUnsupportedType,
			fmt.Sprintf("Content-Type %q is not taken here. Use application/json.", contentType))
	}
	d, err := s.take(c, open)
	if err != nil {
		return err
	}
	switch {
	case len(d.records) == 0 && len(d.rejected) > 0:
		return nothingAccepted(d)
	case len(d.rejected) > 0:
		accepted := len(d.records)
		return c.JSON(SegmentReceipt{Success: true, Accepted: &accepted, Rejected: d.rejected})
	}
	return c.JSON(SegmentReceipt{Success: true})
}

// single is the splitter of a body that is one event.
func single(body []byte) iter.Seq2[[]byte, *event.Reject] {
	return func(yield func([]byte, *event.Reject) bool) { yield(bytes.TrimSpace(body), nil) }
}

// segmentBatchFormat reads what the calls of a batch share.
func segmentBatchFormat(body []byte, now time.Time) (format, error) {
	var envelope struct {
		Batch   json.RawMessage `json:"batch"`
		Context json.RawMessage `json:"context"`
		SentAt  json.RawMessage `json:"sentAt"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return format{}, because(err, newProblem(http.StatusBadRequest, string(event.ReasonMalformedJSON), "The body is not a JSON object"+syntaxFault(err)+"."))
	}
	if batch := bytes.TrimSpace(envelope.Batch); len(batch) == 0 || batch[0] != '[' {
		return format{}, withField("/batch", newProblem(http.StatusBadRequest, string(event.ReasonWrongType),
			`The body has no array "batch". Send {"batch":[{"type":"track","userId":"u1","event":"purchase"}]}.`))
	}
	frame := segmentFrame{now: now, context: envelope.Context, sentAt: looseText(envelope.SentAt)}
	return format{
		split: func([]byte) iter.Seq2[[]byte, *event.Reject] { return event.Split(envelope.Batch) },
		read:  frame.readBatched,
	}, nil
}

// segmentFrame is what the calls of one request have in common.
type segmentFrame struct {
	now     time.Time       // when the request was received
	sentAt  string          // the batch's, as it was sent
	context json.RawMessage // the batch's; a call's own members come first
}

// readBatched reads a call that names its kind. It is a reader.
func (f *segmentFrame) readBatched(dec *event.Decoder, ev *event.Event, text []byte) ([]byte, *Rejection) {
	return f.read("", dec, ev, text)
}

// read turns one call into an event. An empty kind means that the call names it.
func (f *segmentFrame) read(kind string, dec *event.Decoder, ev *event.Event, text []byte) ([]byte, *Rejection) {
	if !utf8.Valid(text) {
		return nil, &Rejection{Code: string(event.ReasonInvalidUTF8), Detail: "The call holds bytes that are not UTF-8. Send text as UTF-8."}
	}
	call, refused := parseSegmentCall(text)
	if refused != nil {
		return nil, refused
	}
	call.kind = kind
	if refused = call.findKind(); refused == nil {
		refused = call.fill(f)
	}
	if refused != nil {
		refused.EventID = call.ev.ID
		return nil, refused
	}
	value := call.ev.AppendJSON(nil)
	if reject := dec.Decode(ev, value); reject != nil {
		refused := rejectionOf(call.ev.ID, reject)
		refused.Field = call.fieldOf(reject.Field)
		return nil, refused
	}
	return value, nil
}

// findKind reads the kind that a call of a batch names.
func (c *segmentCall) findKind() *Rejection {
	named, ok := c.text("type")
	if c.kind != "" {
		return nil
	}
	if c.kind = named; !ok || named == "" {
		return refuse(event.ReasonMissingType, "/type", "The call has no type. Use one of "+strings.Join(segmentKinds(), ", ")+".")
	}
	for _, kind := range segmentKinds() {
		if named == kind {
			return nil
		}
	}
	return refuse(codeUnknownCall, "/type", fmt.Sprintf("%q is not a call%s There are %s.",
		named, endSentence(nearest.Hint(named, segmentKinds())), strings.Join(segmentKinds(), ", ")))
}

// codeUnknownCall means a kind of call that Segment's API does not have.
const codeUnknownCall event.Reason = "unknown_call"

func refuse(code event.Reason, field, detail string) *Rejection {
	return &Rejection{Code: string(code), Field: field, Detail: detail}
}

// noteWriteKey remembers for the log which key a request came with. There are no
// keys yet, so any will do; the log gets a fingerprint, never the key.
func noteWriteKey(c *fiber.Ctx, body []byte) {
	key := basicUser(c.Get(fiber.HeaderAuthorization))
	if key == "" {
		var named struct {
			WriteKey string `json:"writeKey"`
		}
		if json.Unmarshal(body, &named) != nil {
			return
		}
		key = named.WriteKey
	}
	if key != "" {
		sum := sha256.Sum256([]byte(key))
		requestOf(c).key = hex.EncodeToString(sum[:4])
	}
}

// basicUser is the user of HTTP's basic authentication, or "".
func basicUser(authorization string) string {
	scheme, credentials, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return ""
	}
	pair, err := base64.StdEncoding.DecodeString(strings.TrimSpace(credentials))
	if err != nil {
		return ""
	}
	user, _, _ := strings.Cut(string(pair), ":")
	return user
}

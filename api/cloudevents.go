package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"millrace/internal/enrich"
	"millrace/internal/event"
)

// This file takes CloudEvents 1.0 over HTTP, in structured, batched and binary
// mode (CNCF, "HTTP Protocol Binding for CloudEvents").

const (
	typeCloudEvent  = "application/cloudevents+json"
	typeCloudEvents = "application/cloudevents-batch+json"

	// codeUnsupportedVersion means a CloudEvents version other than 1.0.
	codeUnsupportedVersion event.Reason = "unsupported_specversion"
)

// cloudEventsBatch is the format of an array of CloudEvents.
func cloudEventsBatch([]byte, time.Time) (format, error) {
	return format{event.Split, readCloudEvent}, nil
}

// readCloudEvent reads the JSON of one CloudEvent.
func readCloudEvent(dec *event.Decoder, ev *event.Event, text []byte) ([]byte, *Rejection) {
	if !utf8.Valid(text) {
		return nil, refuse(event.ReasonInvalidUTF8, "", "The event holds bytes that are not UTF-8. Send text as UTF-8.")
	}
	var attributes map[string]json.RawMessage
	if err := json.Unmarshal(text, &attributes); err != nil || attributes == nil {
		return nil, refuse(event.ReasonMalformedJSON, "", "The event is not a JSON object in the JSON format of CloudEvents.")
	}
	data := attributes["data"]
	if encoded, ok := attributes["data_base64"]; ok {
		decoded, err := base64.StdEncoding.DecodeString(looseText(encoded))
		if err != nil {
			return nil, refuse(event.ReasonWrongType, "/data_base64", "data_base64 is not base64.")
		}
		data = dataOf(decoded, looseText(attributes["datacontenttype"]))
	}
	delete(attributes, "data")
	delete(attributes, "data_base64")
	return cloudEventOf(dec, ev, attributes, data)
}

// dataOf is the data of an event as JSON: as it is where it is JSON, else as a
// string, of base64 where it is not text.
func dataOf(data []byte, contentType string) json.RawMessage {
	kind := mediaType(contentType)
	isJSON := kind == "" || kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
	if isJSON && json.Valid(data) {
		return data
	}
	text := string(data)
	if !utf8.Valid(data) {
		text = base64.StdEncoding.EncodeToString(data)
	}
	quoted, _ := json.Marshal(text) // a string always has a JSON form
	return quoted
}

// isBinaryCloudEvent says whether the headers hold a CloudEvent's attributes.
func isBinaryCloudEvent(c *fiber.Ctx) bool {
	return c.Get("Ce-Specversion") != "" && !strings.HasPrefix(mediaType(c.Get(fiber.HeaderContentType)), "application/cloudevents")
}

// binaryCloudEvent is the format of a request whose headers are the event and
// whose body is its data.
func (s *Server) binaryCloudEvent(c *fiber.Ctx) (opener, error) {
	attributes := map[string]json.RawMessage{}
	for name, value := range c.Request().Header.All() {
		attribute, found := strings.CutPrefix(strings.ToLower(string(name)), "ce-")
		if !found {
			continue
		}
		text := plainText(string(value), s.cfg.Limits.ContextBytes)
		if decoded, err := url.PathUnescape(text); err == nil && utf8.ValidString(decoded) {
			text = decoded
		}
		attributes[attribute], _ = json.Marshal(text) // a string always has a JSON form
	}
	contentType := c.Get(fiber.HeaderContentType)
	return fixed(format{single, func(dec *event.Decoder, ev *event.Event, text []byte) ([]byte, *Rejection) {
		var data json.RawMessage
		if len(text) > 0 {
			data = dataOf(text, contentType)
		}
		return cloudEventOf(dec, ev, attributes, data)
	}}), nil
}

// cloudEventOf makes our event of a CloudEvent's attributes and its data as JSON.
func cloudEventOf(dec *event.Decoder, ev *event.Event, attributes map[string]json.RawMessage, data json.RawMessage) ([]byte, *Rejection) {
	attributes = maps.Clone(attributes)
	take := func(name string) string { return takeText(attributes, name) }
	made := event.Event{ID: take("id"), Type: take("type")}
	refused := fillCloudEvent(&made, take("specversion"), take("time"))
	if refused != nil {
		refused.EventID = made.ID
		return nil, refused
	}
	var added enrich.Members
	fillCloudData(&made, &added, data, take("subject"))
	added.Text("$source", take("source"))
	added.Text("$dataschema", take("dataschema"))
	delete(attributes, "datacontenttype")
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if string(attributes[name]) != "null" {
			added.JSON(name, attributes[name])
		}
	}
	made.Properties = added.Before(made.Properties)
	value := made.AppendJSON(nil)
	if reject := dec.Decode(ev, value); reject != nil {
		refused := rejectionOf(made.ID, reject)
		refused.Field = cloudFieldOf(reject.Field)
		return nil, refused
	}
	return value, nil
}

// fillCloudEvent checks what CloudEvents ask for beyond our own rules.
func fillCloudEvent(ev *event.Event, version, at string) *Rejection {
	if version != "1.0" {
		return refuse(codeUnsupportedVersion, "/specversion", fmt.Sprintf("specversion is %q. Send CloudEvents 1.0.", shorten(version)))
	}
	if at == "" {
		return nil
	}
	parsed, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		return refuse(event.ReasonInvalidTimestamp, "/time", fmt.Sprintf("time is %q, which is not RFC 3339. Send one such as 2026-01-02T03:04:05.678Z.", shorten(at)))
	}
	ev.Timestamp = parsed
	return nil
}

// fillCloudData makes data the properties. The user is named there, or by the
// event's subject.
func fillCloudData(ev *event.Event, added *enrich.Members, data json.RawMessage, subject string) {
	if len(data) == 0 || data[0] != '{' {
		if len(data) > 0 && string(data) != "null" {
			added.JSON("data", data)
		}
		ev.UserID = subject
		return
	}
	ev.Properties = data
	in := members(data)
	ev.UserID, ev.AnonymousID, ev.SessionID = looseText(in["user_id"]), looseText(in["anonymous_id"]), looseText(in["session_id"])
	if ev.UserID == "" && ev.AnonymousID == "" {
		ev.UserID = subject
	} else {
		added.Text("$subject", subject)
	}
}

// cloudFieldOf is the pointer of a field of our envelope as the CloudEvent has it.
func cloudFieldOf(pointer string) string {
	switch pointer {
	case "/event_id":
		return "/id"
	case "/user_id":
		return "/subject"
	case "/timestamp":
		return "/time"
	}
	if rest, ok := strings.CutPrefix(pointer, "/properties"); ok {
		return "/data" + rest
	}
	return pointer
}

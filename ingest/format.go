package ingest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/event"
)

// A record may say in a header how its event is written. One that says nothing
// is JSON.
const contentTypeHeader = "content-type"

// The content types of records. Parameters, such as a charset, are passed over.
const (
	ContentTypeJSON     = "application/json"
	ContentTypeProtobuf = "application/x-protobuf"

	contentTypeProtobuf = "application/protobuf" // the same, as others call it
)

// decode appends the record's event to the batch, or says why it is none.
func decode(decoder *event.Decoder, batch *event.Batch, r *kgo.Record, pos event.Position) *event.Reject {
	switch kind := contentType(r.Headers); kind {
	case "", ContentTypeJSON:
		return decoder.AppendTo(batch, r.Value, pos)
	case ContentTypeProtobuf, contentTypeProtobuf:
		return decoder.AppendProtobufTo(batch, r.Value, pos)
	default:
		return &event.Reject{Reason: event.ReasonContentType, Detail: fmt.Sprintf(
			"the record's header %s is %.100q. Send %s or %s, or leave the header out for JSON.", contentTypeHeader, kind, ContentTypeJSON, ContentTypeProtobuf)}
	}
}

// contentType is what the header says, in small letters, "" where there is none.
func contentType(headers []kgo.RecordHeader) string {
	for i := range headers {
		if strings.EqualFold(headers[i].Key, contentTypeHeader) {
			kind, _, _ := bytes.Cut(headers[i].Value, []byte{';'})
			return strings.ToLower(string(bytes.TrimSpace(kind)))
		}
	}
	return ""
}

// payload is the record as a dead letter keeps it: as it came, except that a
// Protobuf message that can be read becomes JSON, so that it can be corrected.
func payload(r *kgo.Record) []byte {
	if kind := contentType(r.Headers); kind == ContentTypeProtobuf || kind == contentTypeProtobuf {
		if text, readable := event.ProtobufJSON(r.Value); readable {
			return text
		}
	}
	return bytes.Clone(r.Value)
}

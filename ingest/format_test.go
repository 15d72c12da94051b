package ingest

import (
	"testing"

	"millrace/internal/event"
)

func TestRecordsSayHowTheyAreWritten(t *testing.T) {
	cfg := testConfig(broker(t, 1))
	ev := event.Sample(1)
	text, message := ev.AppendJSON(nil), ev.AppendProtobuf(nil)
	noUser := event.Event{Type: "view"}
	records := []struct {
		contentType string
		value       []byte
		want        event.Reason // "" is stored
		payload     string       // of the dead letter
	}{
		{"", text, "", ""},
		{"application/json", text, "", ""},
		{"Application/JSON; charset=utf-8", text, "", ""},
		{ContentTypeProtobuf, message, "", ""},
		{"application/protobuf", message, "", ""},
		{"application/x-protobuf; messageType=millrace.v1.Event", message, "", ""},
		{"application/avro", text, event.ReasonContentType, string(text)},
		{"application/json", message, event.ReasonMalformedJSON, string(message)},
		{ContentTypeProtobuf, text, event.ReasonMalformedProtobuf, string(text)},
		{ContentTypeProtobuf, noUser.AppendProtobuf(nil), event.ReasonMissingUser, `{"type":"view"}`},
	}
	var sent []Record
	for _, r := range records {
		sent = append(sent, Record{Key: []byte("u"), Value: r.value, ContentType: r.contentType})
	}
	publish(t, cfg.Brokers, sent...)
	sink := newRecorder()
	stop := consume(t, cfg, sink)
	sink.await(t, "every record", func() bool { return len(sink.rows)+len(sink.letters) >= len(records) })
	stop()
	letters := map[int64]event.DeadLetter{}
	for _, letter := range sink.letters {
		letters[letter.Offset] = letter
	}
	for offset, r := range records {
		got := letters[int64(offset)]
		if got.Reason != r.want || string(got.Payload) != r.payload {
			t.Errorf("record %d as %q: reason %q with payload %q, want %q with %q", offset, r.contentType, got.Reason, got.Payload, r.want, r.payload)
		}
	}
	for _, row := range sink.rows {
		if row.id != ev.ID || row.user != ev.UserID {
			t.Errorf("stored %s of %s, want %s of %s", row.id, row.user, ev.ID, ev.UserID)
		}
	}
	if len(sink.rows) != 6 {
		t.Errorf("stored %d rows, want 6", len(sink.rows))
	}
}

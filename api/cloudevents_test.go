package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"millrace/internal/event"
)

// What each CloudEvent becomes is kept in testdata/cloudevents.
func TestCloudEventsBecomeEvents(t *testing.T) {
	const head = `"specversion":"1.0","id":"1","source":"/shop","type":"purchase"`
	for _, c := range []struct{ name, text string }{
		{"example", exampleCloudEvent},
		{"user in data", `{` + head + `,"subject":"order/7","data":{"user_id":"u1","session_id":"s1","amount":"1.50"}}`},
		{"visitor in data", `{` + head + `,"subject":"order/7","data":{"anonymous_id":"a1"}}`},
		{"extensions", `{` + head + `,"subject":"u1","traceparent":"00-0af","comexampleothervalue":5,"flag":true,"amount":"theirs","dataschema":"https://x.example/s","data":{"amount":"ours"}}`},
		{"data that is text", `{` + head + `,"subject":"u1","datacontenttype":"text/plain","data":"hello"}`},
		{"data that is a list", `{` + head + `,"subject":"u1","data":[1,2]}`},
		{"no data", `{` + head + `,"subject":"u1","data":null}`},
		{"base64 of json", `{` + head + `,"subject":"u1","datacontenttype":"application/json","data_base64":"eyJ4IjoxfQ=="}`},
		{"base64 of bytes", `{` + head + `,"subject":"u1","datacontenttype":"image/png","data_base64":"/9j/"}`},
		{"broken base64", `{` + head + `,"subject":"u1","data_base64":"%"}`},
		{"other version", `{"specversion":"0.3","id":"1","source":"/shop","type":"purchase","subject":"u1"}`},
		{"no user", `{` + head + `,"data":{}}`},
		{"no type", `{"specversion":"1.0","id":"1","source":"/shop","subject":"u1"}`},
		{"broken time", `{` + head + `,"subject":"u1","time":"noon"}`},
		{"time of 2100", `{` + head + `,"subject":"u1","time":"2100-01-01T00:00:00Z"}`},
		{"deep data", `{` + head + `,"subject":"u1","data":{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`},
		{"no object", `"x"`},
		{"no utf-8", "{\"specversion\":\"\xff\"}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			golden(t, "cloudevents/"+strings.ReplaceAll(c.name, " ", "-")+".golden", readAsText(t, func(dec *event.Decoder, ev *event.Event) ([]byte, *Rejection) {
				return readCloudEvent(dec, ev, []byte(c.text))
			}))
		})
	}
}

func TestCloudEventsInEveryMode(t *testing.T) {
	const data = `{"amount":"499.00","currency":"INR"}`
	binary := []string{"Ce-Specversion", "1.0", "Ce-Id", "A234-1234", "Ce-Source", "/shop", "Ce-Type", "purchase", "Ce-Subject", "us%C3%A9r 1",
		"Ce-Time", "2026-01-02T03:04:05.678Z", "Ce-Region", "in", "Content-Type", "application/json"}
	for _, c := range []struct {
		name, body string
		headers    []string
		users      []string
	}{
		{"structured", exampleCloudEvent, []string{"Content-Type", "application/cloudevents+json; charset=utf-8"}, []string{"u1"}},
		{"batched", "[" + exampleCloudEvent + "," + strings.Replace(exampleCloudEvent, "u1", "u2", 1) + "]", []string{"Content-Type", "application/cloudevents-batch+json"}, []string{"u1", "u2"}},
		{"binary", data, binary, []string{"usér 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, nil)
			answer := s.do(http.MethodPost, "/v1/events", []byte(c.body), c.headers...)
			if answer.status != http.StatusAccepted || decodeReply[Receipt](t, answer).Accepted != len(c.users) {
				t.Fatalf("got %d %s", answer.status, answer.body)
			}
			for i, r := range s.broker.taken() {
				var got struct {
					EventID    string         `json:"event_id"`
					Type       string         `json:"type"`
					UserID     string         `json:"user_id"`
					Properties map[string]any `json:"properties"`
				}
				if err := json.Unmarshal(r.Value, &got); err != nil {
					t.Fatal(err)
				}
				if got.EventID != "A234-1234" || got.Type != "purchase" || got.UserID != c.users[i] || string(r.Key) != c.users[i] ||
					got.Properties["amount"] != "499.00" || got.Properties["$source"] != "/shop" {
					t.Errorf("record %d: got %s", i, r.Value)
				}
				if c.name == "binary" && got.Properties["region"] != "in" {
					t.Errorf("the extension is missing in %s", r.Value)
				}
			}
		})
	}
}

func TestBinaryCloudEventsWithOtherData(t *testing.T) {
	for contentType, want := range map[string]string{"text/plain": `"hello"`, "image/png": `"hello"`, "": `"hello"`} {
		s := start(t, nil)
		answer := s.do(http.MethodPost, "/v1/events", []byte("hello"), "Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/s", "Ce-Type", "t", "Ce-Subject", "u1", "Content-Type", contentType)
		if answer.status != http.StatusAccepted || !strings.Contains(string(s.broker.taken()[0].Value), `"data":`+want) {
			t.Errorf("%s: got %d %s", contentType, answer.status, answer.body)
		}
	}
}

func FuzzCloudEvent(f *testing.F) {
	f.Add([]byte(exampleCloudEvent))
	f.Add([]byte(`{"specversion":"1.0","id":1,"type":"x","subject":"u","data_base64":"eyJ4IjoxfQ==","x":{"y":"\n"}}`))
	f.Fuzz(func(t *testing.T, text []byte) { fuzzReader(t, text, readCloudEvent) })
}

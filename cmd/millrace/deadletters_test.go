package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/ingest"
	"millrace/internal/event"
)

// sinkFunc is a Sink for dead letters alone.
type sinkFunc func(letters []event.DeadLetter) error

func (f sinkFunc) Write(context.Context, *event.Batch, string) error { return nil }

func (f sinkFunc) WriteDeadLetters(_ context.Context, letters []event.DeadLetter, _ string) error {
	return f(letters)
}

// TestDeadLettersAreCopiedBeforeTheyAreStored copies an old letter and one that
// is too large for a record of its own with headers.
func TestDeadLettersAreCopiedBeforeTheyAreStored(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	brokers := cluster.ListenAddrs()
	letters := []event.DeadLetter{
		{Position: event.Position{Topic: "events", Partition: 2, Offset: 17, ReceivedAt: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli()},
			Reject: event.Reject{Reason: event.ReasonMissingUser, Field: "/user_id", Detail: "no user"}, Payload: []byte(`{"type":"view"}`)},
		{Position: event.Position{Topic: "events", Partition: 2, Offset: 18}, Reject: event.Reject{Reason: event.ReasonEventTooBig}, Payload: []byte(strings.Repeat("x", 1_000_000))},
	}
	stored := 0
	var sink ingest.Sink = sinkFunc(func(letters []event.DeadLetter) error { stored += len(letters); return nil })
	copies, err := newLetterCopies(t.Context(), sink, brokers, "events.dead", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer copies.close()
	if err := copies.WriteDeadLetters(t.Context(), letters, "t"); err != nil || stored != 2 {
		t.Fatalf("%d stored, %v", stored, err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics("events.dead"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var got []*kgo.Record
	for len(got) < 2 {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		got = append(got, fetches.Records()...)
	}
	equal(t, "key", string(got[0].Key), "events/2/17")
	equal(t, "payload", string(got[0].Value), `{"type":"view"}`)
	headers := map[string]string{}
	for _, h := range got[0].Headers {
		headers[h.Key] = string(h.Value)
	}
	equal(t, "headers", headers, map[string]string{"reason": "missing_user", "field": "/user_id", "detail": "no user", "received-at": "2020-01-02T03:04:05Z",
		"source-topic": "events", "source-partition": "2", "source-offset": "17"})
	equal(t, "key of the large one", string(got[1].Key), "events/2/18")
	equal(t, "payload of the large one", len(got[1].Value), 0)
}

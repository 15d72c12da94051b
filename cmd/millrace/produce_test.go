package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace/internal/event"
	"millrace/internal/traffic"
)

func TestProduceToKafka(t *testing.T) {
	broker, labels := testBroker(t), filepath.Join(t.TempDir(), "labels.ndjson")
	stdout, _ := command(t, exitOK, "produce", "--kafka", broker, "--events", "2000", "--rate", "0", "--users", "300",
		"--seed", "7", "--start", "-7d", "--fraud", "0.2", "--labels", labels, "--json")
	var summary produceSummary
	if err := json.Unmarshal([]byte(stdout), &summary); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	if summary.Events != 2000 || summary.Accepted != 2000 || summary.Failed != 0 || summary.Seed != 7 {
		t.Errorf("got %s", stdout)
	}
	events := map[string]event.Event{}
	decoder := event.NewDecoder(event.DefaultLimits())
	for _, record := range onTopic(t, broker, 2000) {
		var ev event.Event
		if reject := decoder.Decode(&ev, record.Value); reject != nil {
			t.Fatalf("%s: %v", record.Value, reject)
		}
		if string(record.Key) != ev.UserID {
			t.Fatalf("key %s of user %s", record.Key, ev.UserID)
		}
		events[ev.ID] = ev
	}
	if want := 2000 - int(summary.Duplicates); len(events) != want {
		t.Errorf("got %d different events, want %d", len(events), want)
	}
	checkLabels(t, labels, events, summary)
}

// checkLabels reads the labels: each is of a purchase that was sent, once.
func checkLabels(t *testing.T, path string, events map[string]event.Event, summary produceSummary) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kinds, seen := map[traffic.Fraud]int64{}, map[string]bool{}
	for line := range bytes.Lines(text) {
		var label struct {
			EventID string        `json:"event_id"`
			Label   string        `json:"label"`
			Kind    traffic.Fraud `json:"kind"`
		}
		if err := json.Unmarshal(line, &label); err != nil {
			t.Fatal(err)
		}
		if events[label.EventID].Type != "purchase" || label.Label != "fraud" || seen[label.EventID] {
			t.Errorf("label %s of %+v", line, events[label.EventID])
		}
		seen[label.EventID] = true
		kinds[label.Kind]++
	}
	if len(kinds) != 3 {
		t.Errorf("got kinds %v", kinds)
	}
	for kind, n := range summary.Fraud {
		if kinds[kind] != n {
			t.Errorf("%d labels of kind %s, the summary counts %d", kinds[kind], kind, n)
		}
	}
}

func TestProduceToAPI(t *testing.T) {
	api := newCollector(t)
	stdout, _ := command(t, exitOK, "produce", "--api", api.URL, "--events", "3000", "--rate", "0", "--users", "100", "--seed", "1", "--start", "2026-01-01", "--until", "2026-01-08",
		"--late", "0", "--disorder", "0", "--duplicates", "0")
	if len(api.events) != 3000 {
		t.Errorf("got %d events", len(api.events))
	}
	if want := "3000 accepted, 0 failed"; !strings.Contains(stdout, want) {
		t.Errorf("got %q, want %q", stdout, want)
	}
	// A user's events arrive in order.
	last, wrong := map[string]time.Time{}, 0
	for _, ev := range api.events {
		user := ev["user_id"].(string)
		at, err := time.Parse(time.RFC3339, ev["timestamp"].(string)) // as text, :05Z sorts behind :05.001Z
		if err != nil {
			t.Fatal(err)
		}
		if at.Before(last[user]) {
			wrong++
		}
		last[user] = at
	}
	if wrong > 0 {
		t.Errorf("%d of 3000 events are out of order", wrong)
	}
}

func TestSeedAndStartRepeat(t *testing.T) {
	runs := [2]map[string]int{}
	for i := range runs {
		api := newCollector(t)
		command(t, exitOK, "produce", "--api", api.URL, "--events", "200", "--rate", "0", "--seed", "5", "--start", "2026-01-01", "--until", "2026-01-08")
		runs[i] = map[string]int{}
		for _, ev := range api.events {
			text, err := json.Marshal(ev)
			if err != nil {
				t.Fatal(err)
			}
			runs[i][string(text)]++
		}
	}
	for text, n := range runs[0] {
		if runs[1][text] != n {
			t.Fatalf("not repeated: %s", text)
		}
	}
}

// produceAlone runs the loop against an outlet that takes everything, in the
// bubble's time.
func produceAlone(t *testing.T, ctx context.Context, o *produceOptions) (*producing, *fakeOutlet) {
	t.Helper()
	clock, err := o.clock(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	generator, err := traffic.New(o.config(clock))
	if err != nil {
		t.Fatal(err)
	}
	out := &fakeOutlet{}
	p := &producing{options: o, generator: generator, clock: clock, out: out, tally: &tally{}}
	p.summary = produceSummary{Fraud: map[traffic.Fraud]int64{}, Types: map[string]int64{}}
	a := &app{stdout: &lockedBuffer{}, stderr: &lockedBuffer{}, log: slog.New(slog.DiscardHandler)}
	if err := p.run(ctx, a); err != nil {
		t.Fatal(err)
	}
	return p, out
}

func produceDefaults() *produceOptions {
	return &produceOptions{events: 50, rate: 10, users: 50, seed: 1, until: "now", eventsGiven: true}
}

func TestRateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, out := produceAlone(t, t.Context(), produceDefaults())
		if got, want := time.Since(start), 4900*time.Millisecond; got != want || len(out.sent) != 50 {
			t.Errorf("%d events took %v, want %v", len(out.sent), got, want)
		}
		var ev event.Event
		if reject := event.NewDecoder(event.DefaultLimits()).Decode(&ev, out.sent[49].value); reject != nil {
			t.Fatal(reject)
		}
		if behind := time.Since(ev.Timestamp); behind < 0 || behind > 10*time.Second {
			t.Errorf("the last event is %v old", behind)
		}
	})
}

func TestDurationEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := produceDefaults()
		o.duration, o.eventsGiven, o.rate = time.Minute, false, 100
		start := time.Now()
		p, out := produceAlone(t, t.Context(), o)
		if got := time.Since(start); got != time.Minute || len(out.sent) != 6000 || p.summary.Stopped {
			t.Errorf("%d events in %v", len(out.sent), got)
		}
	})
}

func TestStopIsCleanAndSummedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := produceDefaults()
		o.events, o.rate = 0, 1
		ctx, stop := context.WithTimeout(t.Context(), 10500*time.Millisecond)
		defer stop()
		p, out := produceAlone(t, ctx, o)
		if len(out.sent) != 11 || !p.summary.Stopped || p.summary.Events != 11 {
			t.Errorf("got %d events, %+v", len(out.sent), p.summary)
		}
	})
}

func TestSpeedMakesAHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := produceDefaults()
		o.events, o.rate, o.users = 1000, 100, 500
		o.start, o.speed, o.until, o.late = "-10h", "3600x", "now", 0
		start := time.Now()
		_, out := produceAlone(t, t.Context(), o)
		var first, last event.Event
		decoder := event.NewDecoder(event.DefaultLimits())
		decoder.Decode(&first, out.sent[0].value)
		decoder.Decode(&last, out.sent[999].value)
		if got := time.Since(start); got > 10*time.Second {
			t.Errorf("took %v", got)
		}
		if span := last.Timestamp.Sub(first.Timestamp); span < 9*time.Hour || span > 10*time.Hour {
			t.Errorf("the history spans %v, want about 10h", span)
		}
	})
}

package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"millrace/internal/event"
	"millrace/olap"
)

// storedEvents are n events of a user, newest first.
func storedEvents(n int) []olap.StoredEvent {
	var all []olap.StoredEvent
	for i := range n {
		at := time.Date(2026, 1, 2, 3, 4, n-i, 0, time.UTC)
		all = append(all, olap.StoredEvent{
			Event: event.Event{ID: fmt.Sprint("e", n-i), Type: "view", UserID: "u1", Timestamp: at,
				Properties: json.RawMessage(`{"x":[1,"<b>"]}`), Context: event.Context{Country: "IN"}},
			ReceivedAt: at, StoredAt: at,
			Cursor: olap.Cursor{Timestamp: at, Topic: "events", Partition: 1, Offset: int64(n - i)},
		})
	}
	return all
}

func TestTimelineInPages(t *testing.T) {
	all := storedEvents(5)
	s := start(t, func(_ *Config, d *Deps) {
		d.Timeline = timelineFunc(func(_ context.Context, id string, before olap.Cursor, limit int) ([]olap.StoredEvent, error) {
			if id != "u/1" {
				t.Errorf("id: got %s", id)
			}
			from := 0
			for i, e := range all {
				if e.Cursor == before {
					from = i + 1
				}
			}
			return all[from:min(from+limit, len(all))], nil
		})
	})
	var ids []string
	path := "/v1/users/u%2F1/events?limit=2"
	for next := path; next != ""; {
		page := decodeReply[TimelinePage](t, s.get(next))
		for _, e := range page.Events {
			ids = append(ids, e.EventID)
		}
		next = ""
		if page.NextCursor != nil {
			next = path + "&cursor=" + *page.NextCursor
		}
	}
	if got := fmt.Sprint(ids); got != "[e5 e4 e3 e2 e1]" {
		t.Errorf("got %s", got)
	}
	golden(t, "timeline.golden", render(t, s.get(path+"&cursor="+all[2].Cursor.String())))
}

func TestTimelineOfNobody(t *testing.T) {
	s := start(t, nil)
	wantProblem(t, s.get("/v1/users/nobody/events"), http.StatusNotFound, codeUnknownUser)
}

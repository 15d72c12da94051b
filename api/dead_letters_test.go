package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/internal/event"
	"millrace/olap"
)

// letterBox is a DeadLetters in memory. What filters do is tested with the store;
// here only ids and replayed choose.
type letterBox struct {
	mu      sync.Mutex
	letters []olap.StoredLetter // newest first
	stored  map[string]bool     // event ids
	marks   []olap.Replay
	markErr error
	filters []olap.LetterFilter
}

func (b *letterBox) DeadLetters(_ context.Context, f olap.LetterFilter, before olap.Cursor, limit, payloadBytes int) ([]olap.StoredLetter, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.filters = append(b.filters, f)
	var found []olap.StoredLetter
	behind := before.IsZero()
	for _, l := range b.letters {
		chosen := behind && (len(f.IDs) == 0 || slices.Contains(f.IDs, l.ID)) && (f.Replayed == nil || *f.Replayed == !l.Replay.At.IsZero())
		behind = behind || l.Cursor() == before
		if chosen && len(found) < limit {
			if payloadBytes > 0 {
				l.Payload = l.Payload[:min(len(l.Payload), payloadBytes)]
			}
			found = append(found, l)
		}
	}
	return found, nil
}

func (b *letterBox) DeadLetterReasons(context.Context, olap.LetterFilter) ([]olap.ReasonCount, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return []olap.ReasonCount{{Reason: "missing_user", Count: int64(len(b.letters))}}, nil
}

func (b *letterBox) StoredIDsOf(_ context.Context, _, ids []string) (map[string]bool, error) {
	found := map[string]bool{}
	for _, id := range ids {
		found[id] = b.stored[id]
	}
	return found, nil
}

func (b *letterBox) MarkReplayed(_ context.Context, replays []olap.Replay) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.markErr != nil {
		return b.markErr
	}
	b.marks = append(b.marks, replays...)
	for _, r := range replays {
		for i := range b.letters {
			if b.letters[i].ID == r.ID {
				b.letters[i].Replay = r
			}
		}
	}
	return nil
}

// letterTime is when the last letter of a box was received.
var letterTime = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)

// boxOf holds payloads as letters; the first has offset 0 and is the oldest.
func boxOf(payloads ...string) *letterBox {
	b := &letterBox{}
	for i, payload := range payloads {
		b.letters = append([]olap.StoredLetter{{
			ID:     olap.LetterID{Topic: "events", Offset: int64(i)},
			Reject: event.Reject{Reason: event.ReasonMissingUser, Field: "/user_id", Detail: "no user"}, Payload: []byte(payload), Size: int64(len(payload)),
			ReceivedAt: letterTime.Add(time.Duration(i-len(payloads)+1) * time.Second), StoredAt: letterTime,
		}}, b.letters...)
	}
	return b
}

// withLetters starts a server whose dead letters are those of b.
func withLetters(t *testing.T, b *letterBox) *running {
	return start(t, func(_ *Config, d *Deps) { d.DeadLetters = b })
}

// replayed posts to the replay route.
func (r *running) replay(body string) reply {
	r.t.Helper()
	return r.do(http.MethodPost, "/v1/dead-letters/replay", []byte(body), "Content-Type", "application/json")
}

func TestDeadLettersInPages(t *testing.T) {
	box := boxOf(`{"type":"view"}`, "\xff\x00", strings.Repeat("é", 10_000))
	box.letters[1].Replay = olap.Replay{ID: box.letters[1].ID, EventID: "e1", Correction: `[{"op":"remove","path":"/x"}]`, At: letterTime}
	s := withLetters(t, box)
	golden(t, "dead-letters.golden", render(t, s.get("/v1/dead-letters?limit=1&cursor="+box.letters[0].Cursor().String())))
	page := decodeReply[DeadLetterPage](t, s.get("/v1/dead-letters?limit=2&from=-30d&reason=missing_user&reason=wrong_type&partition=3&field=/user_id&replayed=all&topic=events"))
	long := page.DeadLetters[0]
	if !long.PayloadTruncated || long.PayloadBytes != 20_000 || long.Payload != strings.Repeat("é", letterShown/2) || page.NextCursor == nil || page.Total != 3 {
		t.Errorf("got %+v", page)
	}
	f := box.filters[len(box.filters)-1]
	if diff := cmp.Diff([]string{"missing_user", "wrong_type"}, f.Reasons); diff != "" || *f.Partition != 3 || f.Field != "/user_id" || f.From.IsZero() || f.Replayed != nil {
		t.Errorf("got %+v", f)
	}
	whole := decodeReply[DeadLetterPage](t, s.get("/v1/dead-letters?id=events/0/2"))
	if len(whole.DeadLetters) != 1 || whole.DeadLetters[0].PayloadTruncated || len(whole.DeadLetters[0].Payload) != 20_000 {
		t.Errorf("got %+v", whole)
	}
}

func TestDeadLettersNameABadParameter(t *testing.T) {
	s := withLetters(t, boxOf())
	for _, tt := range []struct{ query, parameter string }{
		{"from=someday", "from"}, {"to=2026-13-01", "to"}, {"from=now&to=-1d", "to"}, {"partition=first", "partition"}, {"partition=-1", "partition"},
		{"replayed=maybe", "replayed"}, {"id=17", "id"}, {"limit=0", "limit"}, {"cursor=x", "cursor"}, {"reasons=x", "reasons"},
		{strings.Repeat("id=events/0/1&", 101), "id"},
	} {
		p := wantProblem(t, s.get("/v1/dead-letters?"+tt.query), http.StatusBadRequest, codeInvalidParameter)
		if p.Parameter != tt.parameter || p.Detail == "" {
			t.Errorf("%s: got parameter %q: %s", tt.query, p.Parameter, p.Detail)
		}
	}
}

func TestReplayCorrectsPublishesAndMarks(t *testing.T) {
	box := boxOf(`{"type":"view","userId":"u1","properties":{"n":12345678901234567890,"a":"<&>"}}`, `{"event_id":"own","type":"view","userId":"u2","timestamp":"2026-01-01T00:00:00Z"}`, `{"type":"view"}`, `hello`)
	s := withLetters(t, box)
	request := `{"filter":{"reason":["missing_user"]},"patch":[ {"op":"move","from":"/userId","path":"/user_id"} ]}`
	got := decodeReply[ReplayReceipt](t, s.replay(request))
	if got.Selected != 4 || got.Accepted != 2 || got.NextCursor != nil || got.DryRun {
		t.Errorf("got %+v", got)
	}
	var codes []string
	for _, r := range got.Rejected {
		codes = append(codes, r.ID+" "+r.Code)
	}
	if diff := cmp.Diff([]string{"events/0/3 payload_not_json", "events/0/2 patch_failed"}, codes); diff != "" {
		t.Error(diff)
	}
	want := []string{
		`u2 {"event_id":"own","type":"view","timestamp":"2026-01-01T00:00:00Z","user_id":"u2"}`,
		`u1 {"type":"view","properties":{"n":12345678901234567890,"a":"<&>"},"user_id":"u1","event_id":"events/0/0@1767323042678","timestamp":"2026-01-02T03:04:02.678Z"}`,
	}
	if diff := cmp.Diff(want, sent(s)); diff != "" {
		t.Error(diff)
	}
	if len(box.marks) != 2 || box.marks[0].EventID != "own" || box.marks[0].Correction != `[{"op":"move","from":"/userId","path":"/user_id"}]` || box.marks[0].At.IsZero() {
		t.Errorf("marks %+v", box.marks)
	}
	// The same once more: the two are not chosen again.
	if again := decodeReply[ReplayReceipt](t, s.replay(request)); again.Accepted != 0 || again.Selected != 2 || len(s.broker.taken()) != 2 {
		t.Errorf("again: %+v", again)
	}
}

// sent is what the broker got, keys first.
func sent(s *running) []string {
	var all []string
	for _, r := range s.broker.taken() {
		all = append(all, string(r.Key)+" "+string(r.Value))
	}
	return all
}

func TestReplayOfWholePayloadsByID(t *testing.T) {
	box := boxOf(`hello`, `{"type":"view"}`, `x`)
	s := withLetters(t, box)
	got := decodeReply[ReplayReceipt](t, s.replay(`{"payloads":{"events/0/0":{"type":"view","user_id":"u1"},"events/0/1":{"type":"view"},"events/9/9":{}}}`))
	if got.Selected != 3 || got.Accepted != 1 || len(got.Rejected) != 2 {
		t.Errorf("got %+v", got)
	}
	want := []LetterRejection{
		{ID: "events/9/9", Code: codeUnknownLetter, Detail: "There is no dead letter with this id."},
		{ID: "events/0/1", Code: "missing_user", Detail: "user_id and anonymous_id are both missing. Send user_id for a known user, or anonymous_id for a visitor.", Field: "/user_id"},
	}
	if diff := cmp.Diff(want, got.Rejected); diff != "" {
		t.Error(diff)
	}
	// Once more: the letter says that it was replayed, unless told otherwise.
	again := `{"ids":["events/0/0","events/0/0"],"payloads":{"events/0/0":{"type":"view","user_id":"u2"}}%s}`
	got = decodeReply[ReplayReceipt](t, s.replay(fmt.Sprintf(again, "")))
	if got.Selected != 1 || len(got.Rejected) != 1 || got.Rejected[0].Code != codeAlreadyReplayed {
		t.Errorf("got %+v", got)
	}
	got = decodeReply[ReplayReceipt](t, s.replay(fmt.Sprintf(again, `,"again":true`)))
	if got.Accepted != 1 || len(s.broker.taken()) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestReplayDryRunChangesNothing(t *testing.T) {
	box := boxOf(`{"type":"view"}`, "\xff")
	s := withLetters(t, box)
	answer := s.replay(`{"filter":{},"patch":[{"op":"add","path":"/user_id","value":"u1"}],"dry_run":true}`)
	golden(t, "replay-dry-run.golden", render(t, answer))
	if got := decodeReply[ReplayReceipt](t, answer); got.Accepted != 1 || len(box.marks) != 0 || len(s.broker.taken()) != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestReplayAfterACrash replays a letter whose event was published, and whose
// mark was lost: it is not sent again where it is stored, and under the same id
// where it is not.
func TestReplayAfterACrash(t *testing.T) {
	box := boxOf(`{"type":"view","user_id":"u1"}`)
	box.markErr = context.DeadlineExceeded
	s := withLetters(t, box)
	wantProblem(t, s.replay(`{"filter":{}}`), http.StatusServiceUnavailable, codeStoreUnavailable)
	wantProblem(t, s.replay(`{"filter":{}}`), http.StatusServiceUnavailable, codeStoreUnavailable)
	if got := sent(s); len(got) != 2 || got[0] != got[1] {
		t.Errorf("a repeat differs: %v", got)
	}
	box.markErr = nil
	box.stored = map[string]bool{"events/0/0@1767323045678": true}
	got := decodeReply[ReplayReceipt](t, s.replay(`{"filter":{}}`))
	if got.Accepted != 1 || got.Repeated != 1 || len(sent(s)) != 2 || len(box.marks) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestReplayOfAFilterGoesOnWhereItStopped(t *testing.T) {
	var payloads []string
	for i := range 250 {
		payloads = append(payloads, fmt.Sprintf(`{"type":"view","user_id":"u%d"}`, i))
	}
	s := withLetters(t, boxOf(payloads...))
	first := decodeReply[ReplayReceipt](t, s.replay(`{"filter":{},"limit":150}`))
	if first.Accepted != 150 || first.NextCursor == nil {
		t.Fatalf("got %+v", first)
	}
	second := decodeReply[ReplayReceipt](t, s.replay(`{"filter":{},"limit":150,"cursor":"`+*first.NextCursor+`"}`))
	if second.Accepted != 100 || second.NextCursor != nil || len(s.broker.taken()) != 250 {
		t.Errorf("got %+v", second)
	}
}

func TestReplayNamesWhatIsWrongWithTheRequest(t *testing.T) {
	s := withLetters(t, boxOf(`{}`))
	for _, tt := range []struct{ body, code, field string }{
		{`[]`, "malformed_json", ""},
		{`{`, "malformed_json", ""},
		{`{"id":["events/0/0"]}`, "unknown_field", "/id"},
		{`{"ids":"events/0/0"}`, "wrong_type", "/ids"},
		{`{"ids":["17"]}`, codeUnknownLetter, "/ids"},
		{`{}`, codeNothingSelected, ""},
		{`{"ids":["events/0/0"],"filter":{}}`, codeNothingSelected, "/filter"},
		{`{"filter":{"reasons":[]}}`, "unknown_field", "/filter/reasons"},
		{`{"filter":{"from":"someday"}}`, codeInvalidParameter, "/filter/from"},
		{`{"filter":{"replayed":"maybe"}}`, codeInvalidParameter, "/filter/replayed"},
		{`{"filter":{},"limit":100000}`, codeInvalidParameter, "/limit"},
		{`{"filter":{},"cursor":"x"}`, codeInvalidParameter, "/cursor"},
		{`{"filter":{},"patch":{}}`, codeInvalidPatch, "/patch"},
		{`{"filter":{},"patch":[{"op":"ad","path":"/a","value":1}]}`, codeInvalidPatch, "/patch/0"},
		{`{"filter":{},"patch":[{"op":"remove","path":"/a"},{"op":"add","path":"a","value":1}]}`, codeInvalidPatch, "/patch/1"},
		{`{"filter":{},"patch":[{"op":"move","path":"/a"}]}`, codeInvalidPatch, "/patch/0"},
		{`{"filter":{},"patch":[{"op":"add","path":"/a"}]}`, codeInvalidPatch, "/patch/0"},
		{`{"filter":{},"patch":[{"path":"/a"}]}`, codeInvalidPatch, "/patch/0"},
		{`{"filter":{},"patch":[7]}`, codeInvalidPatch, "/patch/0"},
	} {
		p := wantProblem(t, s.replay(tt.body), http.StatusBadRequest, tt.code)
		if p.Field != tt.field || len(p.Detail) < 20 {
			t.Errorf("%s: got field %q: %s", tt.body, p.Field, p.Detail)
		}
	}
	wantProblem(t, s.do(http.MethodPost, "/v1/dead-letters/replay", []byte(`{}`), "Content-Type", "text/plain"), http.StatusUnsupportedMediaType, codeUnsupportedType)
}

// TestPatchOperations applies each operation of RFC 6902.
func TestPatchOperations(t *testing.T) {
	const payload = `{"a":{"b":[1,2]},"c":"x"}`
	for _, tt := range []struct{ patch, want string }{
		{`[{"op":"add","path":"/a/b/1","value":9}]`, `{"a":{"b":[1,9,2]},"c":"x"}`},
		{`[{"op":"remove","path":"/c"}]`, `{"a":{"b":[1,2]}}`},
		{`[{"op":"replace","path":"/c","value":null}]`, `{"a":{"b":[1,2]},"c":null}`},
		{`[{"op":"move","from":"/c","path":"/a/d"}]`, `{"a":{"b":[1,2],"d":"x"}}`},
		{`[{"op":"copy","from":"/c","path":"/d"}]`, `{"a":{"b":[1,2]},"c":"x","d":"x"}`},
		{`[{"op":"test","path":"/c","value":"x"},{"op":"remove","path":"/a"}]`, `{"c":"x"}`},
		{`[{"op":"test","path":"/c","value":"y"}]`, codePatchTestFailed},
		{`[{"op":"remove","path":"/none"}]`, codePatchFailed},
		{`[{"op":"add","path":"/a/b/-1","value":9}]`, codePatchFailed},
	} {
		p, err := parsePatch(json.RawMessage(tt.patch), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		value, why := p.apply([]byte(payload))
		got := string(value)
		if why != nil {
			got = why.Code
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.patch, got, tt.want)
		}
	}
}

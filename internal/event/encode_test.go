package event

import (
	"encoding/json"
	"sort"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestAppendJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 8, 34, 5, 678_999_999, time.FixedZone("IST", 19800))
	for _, tt := range []struct {
		ev   Event
		want string
	}{
		{Event{}, `{}`},
		{Event{ID: "e", Type: "t", UserID: "u", AnonymousID: "a", SessionID: "s", Timestamp: at, Properties: []byte(`{"a": 1}`)},
			`{"event_id":"e","type":"t","user_id":"u","anonymous_id":"a","session_id":"s","timestamp":"2026-01-02T03:04:05.678Z","properties":{"a": 1}}`},
		{Event{Properties: []byte("{\n  \"a\": \"b c\"\r\n}"), Context: Context{Locale: "de"}}, `{"properties":{"a":"b c"},"context":{"locale":"de"}}`},
		{Event{Type: "\"\\/\b\n\r\t\x00\x1f\x7f é☃𝄞 \xff\xed\xa0\x80<&>"},
			`{"type":"\"\\/\u0008\n\r\t\u0000\u001f` + "\x7f é☃𝄞 " + "\uFFFD\uFFFD\uFFFD\uFFFD" + `<&>"}`},
		{Event{Context: Context{IP: "1", UserAgent: "2", Country: "3", Page: "4", Referrer: "5", Platform: "6", AppVersion: "7", Device: "8", OS: "9", Browser: "10", Locale: "11"}},
			`{"context":{"ip":"1","user_agent":"2","country":"3","page":"4","referrer":"5","platform":"6","app_version":"7","device":"8","os":"9","browser":"10","locale":"11"}}`},
	} {
		got := string(tt.ev.AppendJSON(nil))
		if got != tt.want {
			t.Errorf("\n got %s\nwant %s", got, tt.want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("not valid: %s", got)
		}
	}
}

// FuzzAppendQuoted holds the writing of strings against encoding/json.
func FuzzAppendQuoted(f *testing.F) {
	for _, text := range []string{"", "plain", "\x00\x1f\"\\", "é☃𝄞", "\xff\xc0\xaf", "\u2028<&>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got, want string
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(appendQuoted(nil, text), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(quoted, &want); err != nil || got != want {
			t.Fatalf("%q reads as %q, want %q (%v)", text, got, want, err)
		}
	})
}

func TestComplete(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const event = " {\"type\":\"view\", \"event_id\":null}\n"
	for _, tt := range []struct {
		id   string
		at   time.Time
		want string
	}{
		{"", time.Time{}, `{"type":"view", "event_id":null}`},
		{"e1", time.Time{}, `{"type":"view", "event_id":null,"event_id":"e1"}`},
		{"", at, `{"type":"view", "event_id":null,"timestamp":"2026-01-02T03:04:05.000Z"}`},
		{"e1", at, `{"type":"view", "event_id":null,"event_id":"e1","timestamp":"2026-01-02T03:04:05.000Z"}`},
	} {
		if got := string(Complete([]byte("> "), []byte(event), tt.id, tt.at)); got != "> "+tt.want {
			t.Errorf("got %s\nwant > %s", got, tt.want)
		}
	}
}

func TestNewID(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	var ids []string
	for i := range 100 {
		id := NewID(now.Add(time.Duration(i) * time.Millisecond))
		parsed, err := uuid.Parse(id)
		if err != nil || parsed.Version() != 7 || parsed.Variant() != uuid.RFC4122 {
			t.Fatalf("%s: version %d, variant %s, %v", id, parsed.Version(), parsed.Variant(), err)
		}
		ids = append(ids, id)
	}
	if want := "019b7ca9-8f2e-7"; ids[0][:15] != want {
		t.Errorf("begins with %s, want %s", ids[0][:15], want)
	}
	first, second := NewID(now), NewID(now)
	if !sort.StringsAreSorted(ids) || first == second {
		t.Errorf("not sorted, or not unique: %s", ids)
	}
}

func TestKey(t *testing.T) {
	for _, tt := range []struct {
		ev   Event
		want string
	}{{Event{UserID: "u", AnonymousID: "a"}, "u"}, {Event{AnonymousID: "a"}, "a"}} {
		if got := tt.ev.Key(); got != tt.want {
			t.Errorf("Key() = %s, want %s", got, tt.want)
		}
	}
}

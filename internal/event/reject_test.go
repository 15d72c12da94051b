package event

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite golden files")

// testNow is the clock of the tests.
func testNow() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC) }

func testLimits() Limits {
	limits := DefaultLimits()
	limits.Now = testNow
	return limits
}

// rejected lists one event for each way to be refused.
func rejected() []struct{ name, text string } {
	long := strings.Repeat
	with := func(members string) string { return `{"type":"view","user_id":"u1",` + members + `}` }
	return []struct{ name, text string }{
		{"empty", ``},
		{"only blanks", " \r\n\t"},
		{"byte order mark", "\xef\xbb\xbf" + `{"type":"view","user_id":"u1"}`},
		{"array", `[{"type":"view"}]`},
		{"string", `"view"`},
		{"number", `42`},
		{"null", `null`},
		{"no json", `type=view&user_id=u1`},
		{"open brace only", `{`},
		{"ends in a name", `{"type":"view","user_`},
		{"ends in a value", `{"type":"view","user_id":"u1`},
		{"ends in an escape", `{"type":"view\`},
		{"ends in properties", with(`"properties":{"items":[{"sku":"a"},{"sku":`)},
		{"ends before the brace", `{"type":"view","user_id":"u1"`},
		{"ends in a unicode escape", `{"type":"vi\u00`},
		{"name without quotes", `{type:"view","user_id":"u1"}`},
		{"single quotes", `{'type':'view'}`},
		{"comma before the brace", `{"type":"view","user_id":"u1",}`},
		{"comma before the brace in properties", with(`"properties":{"a":1,}`)},
		{"no comma", `{"type":"view" "user_id":"u1"}`},
		{"no comma in context", with(`"context":{"ip":"1" "os":"iOS"}`)},
		{"no colon", `{"type" "view","user_id":"u1"}`},
		{"no value", `{"type":,"user_id":"u1"}`},
		{"bad literal", with(`"properties":{"a":tru}`)},
		{"capital literal", with(`"properties":{"a":True}`)},
		{"not a number", with(`"properties":{"a":NaN}`)},
		{"leading zero", with(`"properties":{"a":012}`)},
		{"leading plus", with(`"properties":{"a":+1}`)},
		{"lonely minus", with(`"properties":{"a":-}`)},
		{"point without digits", with(`"properties":{"a":1.}`)},
		{"exponent without digits", with(`"properties":{"a":1e}`)},
		{"bracket closed by brace", with(`"properties":{"list":[1,2}}`)},
		{"brace closed by bracket", with(`"properties":{"list":{"a":1]}`)},
		{"comment", with(`/* hi */"properties":{}`)},
		{"bad escape", `{"type":"vi\x65w","user_id":"u1"}`},
		{"bad unicode escape", `{"type":"vi\u00g5w","user_id":"u1"}`},
		{"newline in a string", "{\"type\":\"vi\new\",\"user_id\":\"u1\"}"},
		{"zero byte in a string", "{\"type\":\"vi\x00ew\",\"user_id\":\"u1\"}"},
		{"zero byte after the event", `{"type":"view","user_id":"u1"}` + "\x00"},
		{"two events", `{"type":"view","user_id":"u1"}{"type":"view"}`},
		{"two lines", `{"type":"view","user_id":"u1"}` + "\n" + `{"type":"click","user_id":"u1"}`},

		{"latin-1", "{\"type\":\"view\",\"user_id\":\"Andr\xe9\"}"},
		{"latin-1 in properties", with("\"properties\":{\"city\":{\"name\":\"K\xf6ln\"}}")},
		{"surrogate as utf-8", "{\"type\":\"view\",\"user_id\":\"\xed\xa0\x80\"}"},
		{"overlong utf-8", "{\"type\":\"view\",\"user_id\":\"\xc0\xaf\"}"},
		{"cut utf-8", "{\"type\":\"view\",\"user_id\":\"\xe2\x82\"}"},
		{"zero escape", `{"type":"view","user_id":"u\u00001"}`},
		{"zero escape in a hoisted property", with(`"properties":{"category":"a\u0000"}`)},

		{"unknown, camel case", with(`"sessionId":"s1"`)},
		{"unknown, upper case", `{"Type":"view","user_id":"u1"}`},
		{"unknown, typing mistake", `{"type":"view","usre_id":"u1"}`},
		{"unknown, other product's name", `{"event":"view","user_id":"u1"}`},
		{"unknown, belongs to context", with(`"country":"IN"`)},
		{"unknown, belongs to properties", with(`"amount":5`)},
		{"unknown, nothing near", with(`"colour_of_the_sky":"blue"`)},
		{"unknown, empty", with(`"":1`)},
		{"unknown, slash and tilde", with(`"a/b~c":1`)},
		{"unknown, unicode", with(`"größe":1`)},
		{"unknown, escaped", with(`"colo\u0075r":1`)},
		{"unknown, long", with(`"` + long("x", 300) + `":1`)},
		{"unknown in context", with(`"context":{"userAgent":"curl"}`)},
		{"unknown in context, nothing near", with(`"context":{"campaign":"x"}`)},
		{"unknown in context, belongs to event", with(`"context":{"session_id":"s1"}`)},

		{"user is a number", `{"type":"view","user_id":42}`},
		{"user is an object", `{"type":"view","user_id":{"id":1}}`},
		{"type is a boolean", `{"type":true,"user_id":"u1"}`},
		{"session is an array", with(`"session_id":["s1"]`)},
		{"properties is a string", with(`"properties":"{}"`)},
		{"properties is an array", with(`"properties":[1]`)},
		{"context is a number", with(`"context":7`)},
		{"version is a number", with(`"context":{"app_version":3.1}`)},
		{"timestamp in milliseconds", with(`"timestamp":1767323045678`)},
		{"timestamp in seconds", with(`"timestamp":1767323045`)},
		{"timestamp is a float", with(`"timestamp":1767323045.5`)},
		{"timestamp is an object", with(`"timestamp":{"$date":1}`)},

		{"no type", `{"user_id":"u1"}`},
		{"empty type", `{"type":"","user_id":"u1"}`},
		{"null type", `{"type":null,"user_id":"u1"}`},
		{"type taken back", `{"type":"view","user_id":"u1","type":null}`},
		{"no user", `{"type":"view"}`},
		{"empty users", `{"type":"view","user_id":"","anonymous_id":""}`},
		{"nothing", `{}`},

		{"no time at all", with(`"timestamp":""`)},
		{"timestamp in words", with(`"timestamp":"yesterday"`)},
		{"timestamp, american", with(`"timestamp":"01/02/2026 03:04:05"`)},
		{"timestamp, blank between", with(`"timestamp":"2026-01-02 03:04:05Z"`)},
		{"timestamp, date only", with(`"timestamp":"2026-01-02"`)},
		{"timestamp, month 13", with(`"timestamp":"2026-13-02T03:04:05Z"`)},
		{"timestamp, 30 February", with(`"timestamp":"2024-02-30T03:04:05Z"`)},
		{"timestamp, 29 February 2025", with(`"timestamp":"2025-02-29T03:04:05.000Z"`)},
		{"timestamp, hour 24", with(`"timestamp":"2026-01-02T24:00:00Z"`)},
		{"timestamp, minute 60", with(`"timestamp":"2026-01-02T03:60:05Z"`)},
		{"timestamp, leap second", with(`"timestamp":"2016-12-31T23:59:60Z"`)},
		{"timestamp, second 61", with(`"timestamp":"2016-12-31T23:59:61.000Z"`)},
		{"timestamp, point without digits", with(`"timestamp":"2026-01-02T03:04:05.Z"`)},
		{"timestamp, ten digits", with(`"timestamp":"2026-01-02T03:04:05.0123456789Z"`)},
		{"timestamp, no zone", with(`"timestamp":"2026-01-02T03:04:05"`)},
		{"timestamp, bad zone", with(`"timestamp":"2026-01-02T03:04:05+0530"`)},
		{"timestamp, zone of 24 hours", with(`"timestamp":"2026-01-02T03:04:05+24:00"`)},
		{"timestamp, more after it", with(`"timestamp":"2026-01-02T03:04:05Z "`)},
		{"timestamp of 1850", with(`"timestamp":"1850-06-01T12:00:00Z"`)},
		{"timestamp just before 1970", with(`"timestamp":"1970-01-01T00:00:00+00:01"`)},
		{"timestamp of 2100", with(`"timestamp":"2100-01-01T00:00:00Z"`)},
		{"timestamp just too far ahead", with(`"timestamp":"2026-01-03T03:04:05.679Z"`)},

		{"type of 201 bytes", `{"type":"` + long("t", 201) + `","user_id":"u1"}`},
		{"user of 513 bytes", `{"type":"view","user_id":"` + long("u", 513) + `"}`},
		{"user of 171 long characters", `{"type":"view","user_id":"` + long("☃", 171) + `"}`},
		{"product of 600 bytes", with(`"properties":{"product_id":"` + long("p", 600) + `"}`)},
		{"page of 9000 bytes", with(`"context":{"page":"/` + long("p", 8999) + `"}`)},
		{"property of 300 kB", with(`"properties":{"a":1,"notes":"` + long("n", 300_000) + `","b":2}`)},
		{"property of 2 MB", with(`"properties":{"a":1,"photo":"` + long("n", 2_000_000) + `"}`)},
		{"property of 2 MB with a hard name", with(`"properties":{"a~/\u00e9":["` + long("n", 2_000_000) + `"]}`)},
		{"properties of many", with(`"properties":{` + long(`"name":"value",`, 30_000) + `"x":1}`)},
		{"user agent of 2 MB", with(`"context":{"user_agent":"` + long("a", 2_000_000) + `"}`)},
		{"blanks of 2 MB", with(long(" ", 2_000_000) + `"session_id":"s1"`)},
		{"2 MB of nothing", long("x", 2_000_000)},
		{"33 levels", with(`"properties":` + long(`{"a":`, 33) + `1` + long(`}`, 33))},
		{"33 levels of arrays", with(`"properties":{"first":1,"tree":` + long(`[`, 32) + long(`]`, 32) + `}`)},
	}
}

func TestRejectMessages(t *testing.T) {
	var got strings.Builder
	for _, tt := range rejected() {
		rej, again := rejectOf(t, tt.text)
		if *rej != *again {
			t.Errorf("%s: AppendTo says %v, Decode says %v", tt.name, rej, again)
		}
		if !utf8.ValidString(rej.Detail) || len(rej.Detail) > 400 {
			t.Errorf("%s: detail is not fit to show: %q", tt.name, rej.Detail)
		}
		fmt.Fprintf(&got, "# %s\n%s %s\n%s\n\n", tt.name, rej.Reason, rej.Field, rej.Detail)
	}
	golden(t, "rejects.golden", got.String())
}

// rejectOf is what both forms of the decoder say of text.
func rejectOf(t *testing.T, text string) (appended, decoded *Reject) {
	t.Helper()
	d, b, ev := NewDecoder(testLimits()), &Batch{}, Event{}
	appended = d.AppendTo(b, []byte(text), Position{})
	decoded = d.Decode(&ev, []byte(text))
	if appended == nil || decoded == nil {
		t.Fatalf("accepted: %s", text)
	}
	if b.Len() != 0 || b.Bytes() != 0 {
		t.Errorf("a refused event left %d rows and %d bytes", b.Len(), b.Bytes())
	}
	return appended, decoded
}

// golden compares got with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("%s line %d (run with -update to accept):\n got %s\nwant %s", name, i+1, gotLines[i], wantLines[i])
		}
	}
	t.Fatalf("%s: got %d lines, want %d", name, len(gotLines), len(wantLines))
}

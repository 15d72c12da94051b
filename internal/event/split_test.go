package event

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
)

// pieces collects a sequence, and the reject at its end as "!field detail".
func pieces(seq iter.Seq2[[]byte, *Reject]) (all []string) {
	for piece, rej := range seq {
		if rej != nil {
			all = append(all, fmt.Sprintf("!%s %s", rej.Field, rej.Detail))
		} else {
			all = append(all, string(piece))
		}
	}
	return all
}

func TestSplit(t *testing.T) {
	const notRead = "The events from there on were not read."
	for _, tt := range []struct {
		name, body string
		want       []string
	}{
		{"one object", " {\"type\":\"view\"}\n", []string{`{"type":"view"}`}},
		{"nothing", " \n", []string{""}},
		{"not json", "hello", []string{"hello"}},
		{"empty array", "[ ]\n", nil},
		{"array", `[{"a":[1,2,{"b":"]},\""}]} , {"c":3}]`, []string{`{"a":[1,2,{"b":"]},\""}]}`, `{"c":3}`}},
		{"elements that are no events", `[1, "a,b" ,null,[{}]]`, []string{`1`, `"a,b"`, `null`, `[{}]`}},
		{"a bad element keeps its neighbours", `[{"a":tru},{"b":[1}],{"c":3}]`, []string{`{"a":tru}`, `{"b":[1}]`, `{"c":3}`}},
		{"no comma", `[{"a":1} {"b":2}]`, []string{`{"a":1}`,
			"!/1 the array breaks at byte 9, at event 1 (counted from 0), near `{\"a\":1} {\"b\":2}]`. " + notRead}},
		{"two commas", `[{"a":1},,{"b":2}]`, []string{`{"a":1}`,
			"!/1 the array breaks at byte 9, at event 1 (counted from 0), near `{\"a\":1},,{\"b\":2}]`. " + notRead}},
		{"comma at the end", `[{"a":1},]`, []string{`{"a":1}`,
			"!/1 the array breaks at byte 9, at event 1 (counted from 0), near `{\"a\":1},]`. " + notRead}},
		{"closed by a brace", `[{"a":1}}`, []string{`{"a":1}`,
			"!/1 the array breaks at byte 8, at event 1 (counted from 0), near `[{\"a\":1}}`. " + notRead}},
		{"cut in an element", `[{"a":1},{"b":"x`, []string{`{"a":1}`,
			"!/1 the array ends too early, in event 1 (counted from 0), after 16 bytes. Check that the whole body was sent."}},
		{"cut after an element", `[{"a":1}`,
			[]string{"!/0 the array ends too early, in event 0 (counted from 0), after 8 bytes. Check that the whole body was sent."}},
		{"cut after the bracket", `[`,
			[]string{"!/0 the array ends too early, in event 0 (counted from 0), after 1 byte. Check that the whole body was sent."}},
		{"more after the array", `[{"a":1}] [`, []string{`{"a":1}`,
			"! there is more text after the array, at byte 10: `\"a\":1}] [`. Send one array, or one event to a line as application/x-ndjson."}},
	} {
		got := pieces(Split([]byte(tt.body)))
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: Split(%s)\n got %s\nwant %s", tt.name, tt.body, strings.Join(got, "\n     "), strings.Join(tt.want, "\n     "))
		}
	}
}

func TestSplitLines(t *testing.T) {
	body := "{\"a\":1}\r\n\n  \t\n{\"b\":\n  {\"c\":3}"
	want := []string{`{"a":1}`, `{"b":`, `{"c":3}`}
	if got := pieces(SplitLines([]byte(body))); !slices.Equal(got, want) {
		t.Errorf("SplitLines = %q, want %q", got, want)
	}
}

// TestSplitStops leaves the loop early.
func TestSplitStops(t *testing.T) {
	for range Split([]byte(`[1,2,3`)) {
		break
	}
	for range SplitLines([]byte("1\n2\n3")) {
		break
	}
}

// FuzzSplit holds Split against encoding/json: a valid array is taken apart
// into its elements, and no body is read in two ways.
func FuzzSplit(f *testing.F) {
	for _, body := range []string{`[]`, `[1,"]",{"a":[]}]`, `{}`, `[{"a":1} {"b":2}]`, `[[1,2],{"a":"\\\""}] x`, `["`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want []json.RawMessage
		isArray := len(strings.TrimLeft(string(body), " \t\r\n")) > 0 && json.Unmarshal(body, &want) == nil && want != nil
		count, rejected := 0, false
		for piece, rej := range Split(body) {
			if rejected {
				t.Fatalf("%q goes on after a reject", body)
			}
			if rejected = rej != nil; rejected {
				continue
			}
			if isArray && (count >= len(want) || string(piece) != string(want[count])) {
				t.Fatalf("%q: piece %d is %q, want %q", body, count, piece, want)
			}
			count++
		}
		if isArray && (rejected || count != len(want)) {
			t.Fatalf("%q: %d pieces, rejected %t, want %d", body, count, rejected, len(want))
		}
		for piece := range SplitLines(body) {
			if strings.ContainsAny(string(piece), "\n") || len(piece) == 0 {
				t.Fatalf("%q: line %q", body, piece)
			}
		}
	})
}

package event

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestAllocations holds the budget: nothing for a row, one copy of the text for
// an event in row form.
func TestAllocations(t *testing.T) {
	texts, _ := sampleTexts(64)
	sets := map[string][][]byte{
		"expected order": texts,
		"escapes": {[]byte(`{"type":"vi\u0065w","us\u0065r_id":"\ud834\udd1e","timestamp":"2026-01-02T03:04:05\u005a",` +
			`"properties":{"c\u0061tegory":"b\u006foks","amount":"1\u0032","☃":"snow\nman"},"context":{"page":"\/a"}}`)},
		"repeated names":  {[]byte(`{"type":"view","user_id":"u1","properties":{"a":1,"category":"x","a":2,"category":"y"},"properties":{"b":1,"b":2}}`)},
		"no id, no time":  {[]byte(`{"type":"view","anonymous_id":"a1"}`)},
		"many properties": {[]byte(`{"type":"view","user_id":"u1","properties":{` + manyProperties(60) + `}}`)},
	}
	for name, texts := range sets {
		d, b, ev := NewDecoder(testLimits()), &Batch{}, Event{}
		pos := Position{Topic: "events"}
		appendAll := func() {
			b.Reset()
			for _, text := range texts {
				if rej := d.AppendTo(b, text, pos); rej != nil {
					t.Fatal(rej)
				}
			}
		}
		if got := testing.AllocsPerRun(100, appendAll); got != 0 {
			t.Errorf("%s: AppendTo allocates %g times, want 0", name, got)
		}
		if name != "expected order" {
			continue
		}
		if got := testing.AllocsPerRun(100, func() { d.Decode(&ev, texts[0]) }); got != 1 {
			t.Errorf("%s: Decode allocates %g times, want 1", name, got)
		}
	}
}

// manyProperties writes n members with names that differ late.
func manyProperties(n int) string {
	var members []string
	for i := range n {
		members = append(members, `"a_common_name_`+string(rune('a'+i%26))+strings.Repeat("x", i/26)+`":1`)
	}
	return strings.Join(members, ",")
}

// TestManyRepeatedNames keeps the work per name constant: the largest
// properties, of nothing but short names, take a moment and not minutes.
func TestManyRepeatedNames(t *testing.T) {
	var members []string
	for i := range 20_000 {
		members = append(members, `"`+string(rune('a'+i%26))+strings.Repeat("y", i%3)+`":`+string(rune('0'+i%10)))
	}
	text := `{"type":"view","user_id":"u1","properties":{` + strings.Join(members, ",") + `}}`
	d, ev := NewDecoder(testLimits()), Event{}
	if rej := d.Decode(&ev, []byte(text)); rej != nil {
		t.Fatal(rej)
	}
	if got := len(rawMembers(ev.Properties)); got != 78 {
		t.Errorf("%d names are left, want 78", got)
	}
}

// TestLearnedNames sends names that the decoder has learned from events that
// it refused, and more names than it can learn.
func TestLearnedNames(t *testing.T) {
	limits := testLimits()
	d := NewDecoder(limits)
	for _, text := range []string{
		"{\"type\":\"view\",\"user_id\":\"u\",\"properties\":{\"\xff\":1,\"a\":1}}",
		"{\"type\":\"view\",\"user_id\":\"u\",\"properties\":{\"b\":1,\"a\":1,\"c\":1x}}",
		`{"type":"view","user_id":"u","properties":{"c":1,"b":2,"c":3,"ü":4,"a":5,"ü":6}}`,
		`{"type":"view","user_id":"u","properties":{"14 bytes, this":1,"14 bytes, thi!":2,"15 bytes, this.":3,"15 bytes, this.":4}}`,
		`{"type":"view","user_id":"u","properties":{"c" :1,"c": 2,"\u0063":3}}`,
		`{"type":"view","user_id":"u","properties":{"":1,"":2}}`,
	} {
		for range 3 {
			agree(t, d, []byte(text), limits)
		}
	}
	for i := range 5000 {
		name := fmt.Sprintf("n%x", i*7919%5000)
		agree(t, d, fmt.Appendf(nil, `{"type":"view","user_id":"u","properties":{%q:1,"amount":2,%q:3,"nn":4}}`, name, name), limits)
	}
}

// TestLastValueCounts spells out what a repeated name means.
func TestLastValueCounts(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"the last value", `{"type":"a","user_id":"u","type":"b"}`, `{"type":"b","user_id":"u"}`},
		{"null takes back", `{"type":"a","user_id":"u","anonymous_id":"x","anonymous_id":null}`, `{"type":"a","user_id":"u"}`},
		{"a whole object", `{"type":"a","user_id":"u","properties":{"amount":1},"properties":{"b":2}}`, `{"type":"a","user_id":"u","properties":{"b":2}}`},
		{"a whole context", `{"type":"a","user_id":"u","context":{"ip":"1"},"context":{"os":"2"}}`, `{"type":"a","user_id":"u","context":{"os":"2"}}`},
		{"null context", `{"type":"a","user_id":"u","context":{"ip":"1"},"context":null}`, `{"type":"a","user_id":"u"}`},
		{"within properties", `{"type":"a","user_id":"u","properties":{"x":1 , "y" : {"z":1,"z":2}, "x":3 } }`,
			`{"type":"a","user_id":"u","properties":{"y" : {"z":1,"z":2}, "x":3 }}`},
		{"within properties, escaped", `{"type":"a","user_id":"u","properties":{"x":1,"\u0078":2}}`, `{"type":"a","user_id":"u","properties":{"\u0078":2}}`},
	} {
		d, ev, b := NewDecoder(testLimits()), Event{}, &Batch{}
		if rej := d.Decode(&ev, []byte(tt.text)); rej != nil {
			t.Errorf("%s: %v", tt.name, rej)
			continue
		}
		if got := string(ev.AppendJSON(nil)); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
		if rej := d.AppendTo(b, []byte(tt.text), Position{}); rej != nil || b.HasAmount[0] || len(ev.Properties) > 0 && b.Properties.At(0) != string(ev.Properties) {
			t.Errorf("%s: row with amount %t and properties %s, %v", tt.name, b.HasAmount[0], b.Properties.At(0), rej)
		}
	}
}

// TestDecodeReplaces holds that nothing of an earlier event shines through.
func TestDecodeReplaces(t *testing.T) {
	d, ev := NewDecoder(testLimits()), Sample(1)
	if rej := d.Decode(&ev, []byte(`{"type":"view","user_id":"u1"}`)); rej != nil {
		t.Fatal(rej)
	}
	if want := (Event{Type: "view", UserID: "u1"}); !sameEvent(ev, want) || ev.Properties != nil || !ev.Timestamp.IsZero() {
		t.Errorf("got %+v, want %+v", ev, want)
	}
	kept := ev
	if rej := d.Decode(&ev, []byte(`{"type":"click"}`)); rej == nil || !sameEvent(ev, kept) {
		t.Errorf("a refused event changed it to %+v", ev)
	}
}

// TestClock holds that the window moves with the clock.
func TestClock(t *testing.T) {
	now := testNow()
	limits := testLimits()
	limits.Now = func() time.Time { return now }
	d, ev := NewDecoder(limits), Event{}
	tomorrow := []byte(`{"type":"view","user_id":"u1","timestamp":"2026-01-03T03:04:06Z"}`)
	if rej := d.Decode(&ev, tomorrow); rej == nil || rej.Reason != ReasonTimestampInFuture {
		t.Errorf("got %v, want %s", rej, ReasonTimestampInFuture)
	}
	now = now.Add(time.Second)
	if rej := d.Decode(&ev, tomorrow); rej != nil {
		t.Errorf("a second later: %v", rej)
	}
}

// TestDerivedID holds that a record without an id gets one that depends on
// where it lies, and on nothing else.
func TestDerivedID(t *testing.T) {
	d, b := NewDecoder(testLimits()), &Batch{}
	for _, text := range []string{`{"type":"view","user_id":"u1"}`, `{"type":"view","user_id":"u1","event_id":""}`, `{"type":"click","user_id":"u2","event_id":null}`} {
		if rej := d.AppendTo(b, []byte(text), Position{Topic: "events", Partition: 3, Offset: 12345, ReceivedAt: 99}); rej != nil {
			t.Fatal(rej)
		}
	}
	for i := range b.Len() {
		id := b.EventID.At(i)
		if want := "events/3/12345@99"; id != want {
			t.Errorf("row %d: id = %s, want %s", i, id, want)
		}
	}
}

func TestLimitsValidate(t *testing.T) {
	if err := DefaultLimits().Validate(); err != nil {
		t.Errorf("default limits: %v", err)
	}
	err := Limits{EventBytes: 2 << 30, Depth: 65, Ahead: -1}.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"EventBytes", "PropertiesBytes", "TypeBytes", "IDBytes", "ContextBytes", "Depth", "Ahead"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

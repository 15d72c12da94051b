package event

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// tightLimits make every limit easy to reach for short random events.
func tightLimits() Limits {
	return Limits{
		EventBytes: 600, PropertiesBytes: 120, TypeBytes: 12, IDBytes: 14, ContextBytes: 16, Depth: 4,
		Oldest: time.UnixMilli(0), Ahead: 24 * time.Hour, Now: testNow,
	}
}

// agree holds both forms of the decoder against the reference.
func agree(t *testing.T, d *Decoder, text []byte, limits Limits) {
	t.Helper()
	kept := string(text)
	want, isObject := refer(text, limits)
	b, ev := &Batch{}, Event{}
	pos := Position{Topic: "events", Partition: 2, Offset: 7, ReceivedAt: 1_700_000_000_123}
	appended, decoded := d.AppendTo(b, text, pos), d.Decode(&ev, text)
	if string(text) != kept {
		t.Fatalf("the decoder changed its input:\n%q", kept)
	}
	if (appended == nil) != (decoded == nil) || appended != nil && *appended != *decoded {
		t.Fatalf("AppendTo says %v, Decode says %v:\n%s", appended, decoded, text)
	}
	if appended != nil {
		checkRefused(t, text, b, appended, want)
		return
	}
	if !isObject || len(want.reasons) > 0 {
		t.Fatalf("accepted, reference says %v:\n%q", want, text)
	}
	checkEvent(t, text, ev, want)
	checkRow(t, text, b, want, pos)
	checkWriting(t, ev, text)
}

func checkRefused(t *testing.T, text []byte, b *Batch, rej *Reject, want *reference) {
	t.Helper()
	if b.Len() != 0 || b.Bytes() != 0 {
		t.Fatalf("a refused event left %d rows and %d bytes", b.Len(), b.Bytes())
	}
	if rej.Detail == "" || rej.Field != "" && rej.Field[0] != '/' {
		t.Fatalf("not a helpful reject: %+v", rej)
	}
	switch {
	case want == nil: // an unknown field may come before the fault in the syntax
	case rej.Reason == ReasonMalformedJSON || rej.Reason == ReasonInvalidUTF8:
		t.Fatalf("%v, but it is valid:\n%q", rej, text)
	case !want.reasons[rej.Reason]:
		t.Fatalf("%v, reference says %v:\n%s", rej, want.reasons, text)
	}
}

func checkEvent(t *testing.T, text []byte, got Event, want *reference) {
	t.Helper()
	checkProperties(t, got.Properties, want.event.Properties)
	got.Properties, want.event.Properties = nil, nil
	if got.ID != want.event.ID || got.Type != want.event.Type || got.UserID != want.event.UserID ||
		got.AnonymousID != want.event.AnonymousID || got.SessionID != want.event.SessionID ||
		got.Context != want.event.Context || !got.Timestamp.Equal(want.event.Timestamp) {
		t.Fatalf("text %s\n got %+v\nwant %+v", text, got, want.event)
	}
}

// checkProperties compares the members, and that no name is left twice.
func checkProperties(t *testing.T, got, sent json.RawMessage) {
	t.Helper()
	if sent == nil {
		if got != nil {
			t.Fatalf("properties = %s, want none", got)
		}
		return
	}
	last := map[string]string{}
	sentMembers := rawMembers(sent)
	for _, m := range sentMembers {
		last[m.name] = string(m.value)
	}
	if len(last) == len(sentMembers) && string(got) != string(sent) {
		t.Fatalf("properties = %s, want them as sent: %s", got, sent)
	}
	if !json.Valid(got) {
		t.Fatalf("properties = %s, made of %s", got, sent)
	}
	kept, gotMembers := map[string]string{}, rawMembers(got)
	for _, m := range gotMembers {
		kept[m.name] = string(m.value)
	}
	if len(kept) != len(gotMembers) || !maps.Equal(kept, last) {
		t.Fatalf("properties = %s, made of %s", got, sent)
	}
}

func checkRow(t *testing.T, text []byte, b *Batch, want *reference, pos Position) {
	t.Helper()
	row, ev := b.Row(0), want.event
	user := ev.UserID
	if user == "" {
		user = ev.AnonymousID
	}
	if b.Len() != 1 || row.Type != ev.Type || row.UserID != user || row.AnonymousID != ev.AnonymousID ||
		row.SessionID != ev.SessionID || row.Context != ev.Context || b.Position(0) != pos {
		t.Fatalf("text %s\n row %+v\nwant %+v", text, row, ev)
	}
	if ev.ID == "" {
		ev.ID = "events/2/7@1700000000123"
	}
	if ev.Timestamp.IsZero() {
		ev.Timestamp = time.UnixMilli(pos.ReceivedAt)
	}
	if row.ID != ev.ID || b.Timestamp[0] != ev.Timestamp.UnixMilli() {
		t.Fatalf("text %s\nid %s at %d, want %s at %d", text, row.ID, b.Timestamp[0], ev.ID, ev.Timestamp.UnixMilli())
	}
	got := []string{b.Currency.At(0), b.ProductID.At(0), b.Category.At(0), b.VideoID.At(0)}
	if hot := []string{want.hot["currency"], want.hot["product_id"], want.hot["category"], want.hot["video_id"]}; !slices.Equal(got, hot) {
		t.Fatalf("text %s\nhoisted %q, want %q", text, got, hot)
	}
	if b.Amount[0] != want.amount || b.HasAmount[0] != want.hasAmount {
		t.Fatalf("text %s\namount %d %t, want %d %t", text, b.Amount[0], b.HasAmount[0], want.amount, want.hasAmount)
	}
}

// checkWriting writes the event as JSON and completes the text that it came
// from; both must be the same event again.
func checkWriting(t *testing.T, ev Event, text []byte) {
	t.Helper()
	roomy := DefaultLimits()
	roomy.Now = testNow
	d := NewDecoder(roomy)
	var again Event
	written := ev.AppendJSON(nil)
	if rej := d.Decode(&again, written); rej != nil {
		t.Fatalf("wrote %s: %v", written, rej)
	}
	compact := ev
	compact.Properties = again.Properties
	if !sameEvent(again, compact) {
		t.Fatalf("wrote %s\n got %+v\nwant %+v", written, again, ev)
	}
	id, at := "", time.Time{}
	if ev.ID == "" {
		id, ev.ID = "new", "new"
	}
	if ev.Timestamp.IsZero() {
		at, ev.Timestamp = testNow(), testNow()
	}
	completed := Complete(nil, text, id, at)
	if rej := d.Decode(&again, completed); rej != nil || !sameEvent(again, ev) {
		t.Fatalf("completed %s: %v\n got %+v\nwant %+v", completed, rej, again, ev)
	}
}

func sameEvent(a, b Event) bool {
	return a.ID == b.ID && a.Type == b.Type && a.UserID == b.UserID && a.AnonymousID == b.AnonymousID && a.SessionID == b.SessionID &&
		a.Timestamp.Equal(b.Timestamp) && string(a.Properties) == string(b.Properties) && a.Context == b.Context
}

func FuzzDecode(f *testing.F) {
	for _, tt := range rejected() {
		if len(tt.text) < 2000 {
			f.Add([]byte(tt.text))
		}
	}
	for i := range 4 {
		ev := Sample(i)
		f.Add(ev.AppendJSON(nil))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		f.Add([]byte(randomEvent(rng)))
	}
	limits, tight := testLimits(), tightLimits()
	f.Fuzz(func(t *testing.T, text []byte) {
		d := NewDecoder(limits)
		agree(t, d, text, limits)
		agree(t, d, text, limits) // with the names and their order learned
		agree(t, NewDecoder(tight), text, tight)
	})
}

// TestRandomEvents does what FuzzDecode does, on events that know the grammar.
func TestRandomEvents(t *testing.T) {
	limits, tight := testLimits(), tightLimits()
	d, strict := NewDecoder(limits), NewDecoder(tight)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 6_000 {
		text := []byte(randomEvent(rng))
		agree(t, d, text, limits)
		agree(t, strict, text, tight)
		if len(text) > 0 { // and damaged
			text[rng.IntN(len(text))] = "{}[]\",:\\0e-.ntf\x80\x00 "[rng.IntN(18)]
			agree(t, d, text, limits)
		}
	}
}

// randomEvent writes an event whose parts are valid more often than not.
func randomEvent(rng *rand.Rand) string {
	w := randomWriter{rng: rng, spaced: rng.IntN(3) == 0, escaped: rng.IntN(3) == 0}
	members := []string{w.member("type", w.text()), w.member("user_id", w.text())}
	for _, name := range []string{"event_id", "anonymous_id", "session_id", "type", "user_id", "timestamp"} {
		if rng.IntN(4) == 0 {
			members = append(members, w.member(name, w.text()))
		}
	}
	for range rng.IntN(3) {
		members = append(members, w.member("timestamp", `"`+randomTime(rng)+`"`))
	}
	for range 1 + rng.IntN(4)/3 {
		members = append(members, w.member("properties", w.properties()), w.member("context", w.context()))
	}
	if rng.IntN(20) == 0 {
		members = append(members, w.member("other", w.value(3)))
	}
	return w.object(members)
}

type randomWriter struct {
	rng             *rand.Rand
	spaced, escaped bool
}

func (w *randomWriter) space() string {
	if !w.spaced {
		return ""
	}
	return []string{"", "", " ", "\n\t", "  \r\n"}[w.rng.IntN(5)]
}

func (w *randomWriter) object(members []string) string {
	w.rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return w.space() + "{" + w.space() + strings.Join(members, w.space()+","+w.space()) + w.space() + "}" + w.space()
}

func (w *randomWriter) member(name, value string) string {
	quoted := `"` + name + `"`
	if w.escaped && w.rng.IntN(8) == 0 && name != "" {
		quoted = `"\u00` + string("0123456789abcdef"[name[0]>>4]) + string("0123456789ABCDEF"[name[0]&15]) + name[1:] + `"`
	}
	if w.rng.IntN(300) == 0 {
		quoted = strings.ToUpper(quoted)
	}
	return quoted + w.space() + ":" + w.space() + value
}

func (w *randomWriter) text() string {
	if w.rng.IntN(60) == 0 {
		return w.value(2)
	}
	plain := []string{"a", "view", "user one", "0123456", "01234567", "012345678", "", "ü", "☃☃", "𝄞", "12.5", "-0.0000005", "1e3", "2.5e-7", "null", "/a?b=c"}
	escapes := []string{`\n`, `\"`, `\\`, `\/`, `\u0041`, `\u00e9`, `\u2603`, `\ud834\udd1e`, `\ud834`, `\udd1e`, `\ud834\u0041`, `\u0000`, `\uFFFD`}
	var b strings.Builder
	for range 1 + w.rng.IntN(3) {
		if w.escaped && w.rng.IntN(3) == 0 {
			b.WriteString(escapes[w.rng.IntN(len(escapes))])
		} else {
			b.WriteString(plain[w.rng.IntN(len(plain))])
		}
	}
	return `"` + b.String() + `"`
}

func (w *randomWriter) value(depth int) string {
	switch n := w.rng.IntN(12); {
	case n < 3:
		return w.text()
	case n < 6:
		return []string{"0", "-1", "12.50", "1e5", "0.5E-3", "123456789012345678", "-0.0", "1E+2"}[w.rng.IntN(8)]
	case n < 9 || depth == 0:
		return []string{"true", "false", "null"}[w.rng.IntN(3)]
	}
	var members []string
	object := w.rng.IntN(2) == 0
	for range w.rng.IntN(4) {
		if object {
			members = append(members, w.member("k", w.value(depth-1)))
		} else {
			members = append(members, w.value(depth-1))
		}
	}
	if object {
		return w.object(members)
	}
	return "[" + w.space() + strings.Join(members, w.space()+","+w.space()) + w.space() + "]"
}

func (w *randomWriter) properties() string {
	if w.rng.IntN(30) == 0 {
		return w.value(1)
	}
	names := []string{"amount", "amount", "currency", "product_id", "category", "video_id", "k", "name", "a/b", "", "a very long name", "a very lone name"}
	var members []string
	for range w.rng.IntN(7) {
		members = append(members, w.member(names[w.rng.IntN(len(names))], w.value(3)))
	}
	return w.object(members)
}

func (w *randomWriter) context() string {
	if w.rng.IntN(30) == 0 {
		return w.value(1)
	}
	_, last := sectionContext.fields()
	var members []string
	for range w.rng.IntN(6) {
		name := fieldName(firstContext + field(w.rng.IntN(int(last-firstContext))))
		members = append(members, w.member(name, w.text()))
	}
	return w.object(members)
}

// randomTime writes a time that is often nearly right.
func randomTime(rng *rand.Rand) string {
	at := time.UnixMilli(rng.Int64N(60 * 365 * msPerDay)).UTC()
	layouts := []string{timeLayout, time.RFC3339, time.RFC3339Nano, "2006-01-02T15:04:05.000000000-07:00", "2006-01-02t15:04:05z", "2006-01-02 15:04:05"}
	text := []byte(at.In(time.FixedZone("", (rng.IntN(2881)-1440)*60)).Format(layouts[rng.IntN(len(layouts))]))
	if rng.IntN(3) == 0 {
		text[rng.IntN(len(text))] = "0123456789:-+.TZtz"[rng.IntN(18)]
	}
	return string(text)
}

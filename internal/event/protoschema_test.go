package event

import (
	"math/rand/v2"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// protoSchema is event.proto as a Protobuf compiler understands it.
func protoSchema(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: &protocompile.SourceResolver{}}
	files, err := compiler.Compile(t.Context(), "event.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0].Messages().ByName("Event")
}

// TestProtobufFollowsTheSchema lets Google's library write and read messages by
// event.proto, and holds the code against it, which has no generated part.
func TestProtobufFollowsTheSchema(t *testing.T) {
	schema := protoSchema(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		ev := randomRow(rng)
		if !utf8.Valid(ev.Properties) {
			continue
		}
		written := dynamicpb.NewMessage(schema)
		if err := proto.Unmarshal(ev.AppendProtobuf(nil), written); err != nil {
			t.Fatalf("%+v: %v", ev, err)
		}
		if unknown := written.GetUnknown(); len(unknown) > 0 {
			t.Fatalf("%+v: fields that event.proto does not have: %x", ev, unknown)
		}
		sameMessage(t, written, &ev)
		message, err := proto.Marshal(written)
		if err != nil {
			t.Fatal(err)
		}
		var read Event
		if reject := read.parseProtobuf(message, sectionEnvelope); reject != nil || !sameEvent(read, ev) {
			t.Fatalf("%v: read %+v, want %+v", reject, read, ev)
		}
	}
}

// sameMessage compares every field of the schema with that of the event of the
// same name: one that the code does not know would be missed otherwise.
func sameMessage(t *testing.T, m protoreflect.Message, ev *Event) {
	t.Helper()
	compare := func(in section, m protoreflect.Message) {
		for i := range m.Descriptor().Fields().Len() {
			description := m.Descriptor().Fields().Get(i)
			name := string(description.Name())
			switch f, known := in.lookup([]byte(name)); {
			case name == "timestamp_ms":
				at := time.Time{}
				if m.Has(description) {
					at = time.UnixMilli(m.Get(description).Int())
				}
				if !at.Equal(ev.Timestamp) {
					t.Fatalf("%s is %v, want %v", name, at, ev.Timestamp)
				}
			case !known:
				t.Fatalf("%s of event.proto is no field of an event", name)
			case f == fieldContext:
			case f == fieldProperties:
				if got := m.Get(description).Bytes(); string(got) != string(ev.Properties) {
					t.Fatalf("properties are %q, want %q", got, ev.Properties)
				}
			default:
				if got := m.Get(description).String(); got != *ev.textOf(f) {
					t.Fatalf("%s is %q, want %q", name, got, *ev.textOf(f))
				}
			}
		}
	}
	compare(sectionEnvelope, m)
	compare(sectionContext, m.Get(m.Descriptor().Fields().ByName("context")).Message())
	for s, want := range map[section]int{sectionEnvelope: 8, sectionContext: 11} {
		fields := m.Descriptor().Fields()
		if s == sectionContext {
			fields = fields.ByName("context").Message().Fields()
		}
		if fields.Len() != want || len(s.names()) != want {
			t.Fatalf("event.proto has %d fields and an event %d, want %d", fields.Len(), len(s.names()), want)
		}
	}
}

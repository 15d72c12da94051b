package bench

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bytedance/sonic"

	"millrace/internal/event"
)

// decodeEvents is how many different events each decoder goes through.
const decodeEvents = 4096

// envelope is what a general decoder is given to fill: the same fields as
// event.Event, with the types that spare it work.
type envelope struct {
	EventID     string          `json:"event_id"`
	Type        string          `json:"type"`
	UserID      string          `json:"user_id"`
	AnonymousID string          `json:"anonymous_id"`
	SessionID   string          `json:"session_id"`
	Timestamp   time.Time       `json:"timestamp"`
	Properties  json.RawMessage `json:"properties"`
	Context     struct {
		IP         string `json:"ip"`
		UserAgent  string `json:"user_agent"`
		Country    string `json:"country"`
		Page       string `json:"page"`
		Referrer   string `json:"referrer"`
		Platform   string `json:"platform"`
		AppVersion string `json:"app_version"`
		Device     string `json:"device"`
		OS         string `json:"os"`
		Browser    string `json:"browser"`
		Locale     string `json:"locale"`
	} `json:"context"`
}

// decodeInput is one set of events.
type decodeInput struct {
	name  string
	texts [][]byte
}

// decodeInputs are the same events written in several ways.
func decodeInputs(tb testing.TB) []decodeInput {
	rng := rand.New(rand.NewPCG(1, 2))
	expected, shuffled := make([][]byte, decodeEvents), make([][]byte, decodeEvents)
	for i := range decodeEvents {
		ev := event.Sample(i)
		expected[i] = ev.AppendJSON(nil)
		shuffled[i] = shuffleObject(tb, rng, expected[i])
	}
	return []decodeInput{
		{"expected_order", inOneBlock(expected)},
		{"with_blanks", each(expected, withBlanks)},
		{"with_escapes", each(expected, withEscapes)},
		{"with_unicode", each(expected, withUnicode)},
		{"shuffled", inOneBlock(shuffled)},
		{"shuffled_escapes", each(shuffled, withEscapes)},
		{"shuffled_unicode", each(shuffled, withUnicode)},
	}
}

func each(texts [][]byte, rewrite func([]byte) []byte) [][]byte {
	rewritten := make([][]byte, len(texts))
	for i, text := range texts {
		rewritten[i] = rewrite(text)
	}
	return inOneBlock(rewritten)
}

// inOneBlock lays the texts side by side, as the records of a fetch are.
func inOneBlock(texts [][]byte) [][]byte {
	block := bytes.Join(texts, nil)
	laid := make([][]byte, len(texts))
	for i, text := range texts {
		laid[i], block = block[:len(text):len(text)], block[len(text):]
	}
	return laid
}

// shuffleObject writes an object with its members, and theirs, in random order.
func shuffleObject(tb testing.TB, rng *rand.Rand, object []byte) []byte {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		tb.Fatal(err)
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	out := []byte{'{'}
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), name...), '"', ':')
		value := members[name]
		if value[0] == '{' {
			value = shuffleObject(tb, rng, value)
		}
		out = append(out, value...)
	}
	return append(out, '}')
}

// withBlanks puts a blank after each comma and colon, as Python does.
func withBlanks(text []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte(`,"`), []byte(`, "`)), []byte(`":`), []byte(`": `))
}

// withEscapes writes some characters the long way: in an envelope field, in
// two of context, in hoisted and in free properties.
func withEscapes(text []byte) []byte {
	for _, pair := range [][2]string{
		{`"/p/`, `"\/p\/`}, {`"user_id":"u`, `"user_id":"\u0075`}, {`"os":"`, `"os":"\u00fc`},
		{`"category":"`, `"category":"\"`}, {`"list":"`, `"list":"\n`},
	} {
		text = bytes.Replace(text, []byte(pair[0]), []byte(pair[1]), 1)
	}
	return text
}

// withUnicode puts characters outside ASCII into as many fields.
func withUnicode(text []byte) []byte {
	for _, pair := range [][2]string{
		{`"/p/`, `"/पी/`}, {`"user_id":"u`, `"user_id":"ü`}, {`"os":"`, `"os":"安`},
		{`"category":"`, `"category":"किताबें`}, {`"list":"`, `"list":"🛒`},
	} {
		text = bytes.Replace(text, []byte(pair[0]), []byte(pair[1]), 1)
	}
	return text
}

// BenchmarkDecode gives the same events to each decoder. Ours also checks
// names, lengths, UTF-8 and the time window, hoists properties and fills the
// columns of a batch; the others fill a struct and leave properties as text.
//
// The batch is small enough to stay in the processor's cache: what it costs to
// write columns to memory belongs to them, and millrace_large_batch shows it.
func BenchmarkDecode(b *testing.B) {
	for _, in := range decodeInputs(b) {
		b.Run("millrace/"+in.name, func(b *testing.B) { benchmarkMillrace(b, in.texts, 256) })
		b.Run("millrace_large_batch/"+in.name, func(b *testing.B) { benchmarkMillrace(b, in.texts, 1<<16) })
		b.Run("sonic/"+in.name, func(b *testing.B) { benchmarkUnmarshal(b, in.texts, sonic.Unmarshal) })
		b.Run("encoding_json/"+in.name, func(b *testing.B) { benchmarkUnmarshal(b, in.texts, json.Unmarshal) })
	}
}

func benchmarkMillrace(b *testing.B, texts [][]byte, rows int) {
	decoder, batch := event.NewDecoder(event.DefaultLimits()), &event.Batch{}
	decode := func(i int, text []byte) {
		if batch.Len() == rows {
			batch.Reset()
		}
		if rej := decoder.AppendTo(batch, text, event.Position{Topic: "events", Offset: int64(i)}); rej != nil {
			b.Fatal(rej)
		}
	}
	for range rows / len(texts) { // so that no column grows any more
		for i, text := range texts {
			decode(i, text)
		}
	}
	run(b, texts, decode)
}

func benchmarkUnmarshal(b *testing.B, texts [][]byte, unmarshal func([]byte, any) error) {
	run(b, texts, func(_ int, text []byte) {
		var ev envelope
		if err := unmarshal(text, &ev); err != nil {
			b.Fatal(err)
		}
	})
}

// run goes through the events, round and round, and reports per event.
func run(b *testing.B, texts [][]byte, decode func(i int, text []byte)) {
	size := 0
	for i, text := range texts { // once before: columns grow, sonic compiles
		size += len(text)
		decode(i, text)
	}
	b.SetBytes(int64(size / len(texts)))
	b.ReportAllocs()
	b.ResetTimer()
	i := 0
	for b.Loop() {
		decode(i, texts[i])
		if i++; i == len(texts) {
			i = 0
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

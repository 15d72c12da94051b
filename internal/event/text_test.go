package event

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// lengths are those at which the form of a value changes, and some others.
func lengths() []int { return []int{0, 1, 17, 127, 128, 129, 16383, 16384, 300_000} }

// TestText holds values, their form on the wire and views of them against
// plain strings.
func TestText(t *testing.T) {
	var column Text
	for round := range 2 {
		column.truncate(0)
		var want []string
		var wire []byte
		for i, n := range lengths() {
			value := strings.Repeat(string(rune('a'+i+round)), n)
			column.Append(value)
			want = append(want, value)
			wire = append(binary.AppendUvarint(wire, uint64(n)), value...)
		}
		checkText(t, &column, want)
		if string(column.Wire()) != string(wire) {
			t.Errorf("round %d: the wire has %d bytes that differ from the %d wanted", round, len(column.Wire()), len(wire))
		}
		for from := range want {
			for to := from; to <= len(want); to++ {
				view := column.between(from, to)
				checkText(t, &view, want[from:to])
				view.Append("more")
				view.truncate(view.Len() / 2)
				checkText(t, &view, append(slices.Clone(want[from:to]), "more")[:view.Len()])
				inner := view.between(view.Len()/2, view.Len())
				checkText(t, &inner, want[from:to][view.Len()/2:view.Len()])
			}
		}
		checkText(t, &column, want)
	}
}

// TestRoomBehind cuts values out of a text of noise, with more or less of it
// behind them: none of that may show in a column, nor in a view of it.
func TestRoomBehind(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	noise := make([]byte, 400)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	var texts Text
	var words Words
	var want []string
	for range 5000 {
		from := r.IntN(200)
		to := from + r.IntN(140)
		if r.IntN(2) == 0 {
			to = from + r.IntN(20)
		}
		value := noise[from:to:min(to+r.IntN(80), len(noise))]
		texts.add(value)
		words.add(value)
		want = append(want, string(value))
	}
	checkText(t, &texts, want)
	checkWords(t, &words, want, len(want))
	half := texts.between(0, len(want)/2)
	half.add(noise[:5])
	checkText(t, &texts, want)
	for range 100 { // few words, whatever lies behind them
		words.reset()
		from := r.IntN(4)
		words.add(noise[from : from+3])
		words.add(slices.Clip(slices.Clone(noise[from : from+3])))
		if words.Words().Len() != 1 {
			t.Fatalf("%q is kept twice", noise[from:from+3])
		}
	}
}

func checkText(t *testing.T, column *Text, want []string) {
	t.Helper()
	if column.Len() != len(want) {
		t.Fatalf("%d values, want %d", column.Len(), len(want))
	}
	rest := column.Wire()
	for i := range want {
		if column.At(i) != want[i] {
			t.Fatalf("value %d has %d bytes and is not the one of %d", i, len(column.At(i)), len(want[i]))
		}
		n, head := binary.Uvarint(rest)
		if string(rest[head:head+int(n)]) != want[i] {
			t.Fatalf("value %d is another on the wire", i)
		}
		rest = rest[head+int(n):]
	}
	if len(rest) != 0 {
		t.Fatalf("%d bytes follow on the wire", len(rest))
	}
}

// TestWords holds columns of few and of many different words against plain
// strings, over resets, cuts and views.
func TestWords(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, seed))
	var column Words
	for _, different := range []int{1, 3, 127, 128, 129, 5000, 2} {
		column.reset()
		var want []string
		add := func(n int) {
			for range n {
				word := ""
				if k := r.IntN(different); k > 0 {
					word = fmt.Sprint("word ", k)
				}
				column.Append(word)
				want = append(want, word)
			}
		}
		add(10_000)
		column.truncate(4_000)
		want = want[:4_000]
		add(1_000)
		checkWords(t, &column, want, different)
		view := column.between(100, 900)
		checkWords(t, &view, want[100:900], different)
		for range 3 {
			view.Append("another")
			view.Append(want[0])
		}
		checkWords(t, &view, append(slices.Clone(want[100:900]), "another", want[0], "another", want[0], "another", want[0]), different+1)
		checkWords(t, &column, want, different)
	}
}

func checkWords(t *testing.T, column *Words, want []string, different int) {
	t.Helper()
	if column.Len() != len(want) || len(column.Keys()) != len(want) {
		t.Fatalf("%d rows, want %d", column.Len(), len(want))
	}
	for i := range want {
		if column.At(i) != want[i] {
			t.Fatalf("row %d of %d words: %q, want %q", i, different, column.At(i), want[i])
		}
	}
	seen := map[string]bool{}
	for i := range column.Words().Len() {
		if word := column.Words().At(i); seen[word] {
			t.Fatalf("%q is there twice", word)
		} else {
			seen[word] = true
		}
	}
	if len(seen) > different {
		t.Errorf("%d different words, want at most %d", len(seen), different)
	}
}

func BenchmarkWords(b *testing.B) {
	var column Words
	countries := []string{"IN", "US", "DE", "GB", "BR", "", "JP", "FR", "AU", "CA"}
	i := 0
	for b.Loop() {
		if i == 1<<16 {
			i = 0
			column.reset()
		}
		column.Append(countries[i*7%10])
		i++
	}
}

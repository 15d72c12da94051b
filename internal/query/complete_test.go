package query

import (
	"fmt"
	"strings"
	"testing"
)

// TestComplete shows what may follow; the bar stands where the word begins.
func TestComplete(t *testing.T) {
	var b strings.Builder
	for _, text := range []string{
		"", "fun", "funnel ", "funnel vi", "funnel view > ", "funnel view > add", "funnel view |", "trends view, pur", "paths ", "paths from ", "paths from ho", "lifecycle ", `funnel view > "Add to`,
		"trends view ", "trends view l", "trends view last ", "trends view last 7d by ", "trends view by s", "trends view by sum(", "trends view by sum(properties.pr", "trends view breakdown ", "trends view breakdown cou",
		"trends view where ", "trends view where cou", "trends view where country ", "trends view where country = ", `trends view where country = "I`, "trends view where properties.utm.source in (", `trends view where properties.utm.source in ("a", `, `trends view where country = "IN" `, `trends view where country = "IN" and not p`, `trends view where country = "IN" last 7d `,
		"funnel view (", "funnel view (amount > 5) ", "funnel view (amount > 5 and ", "retention signup -> ", "retention a -> b cohort ", "nonsense ", "trends view where amount > ", "funnel a > b show t", "trends view as ", "funnel a > b ", "funnel a > b show time_to_convert ", "funnel a > b explain ", "funnel a > b explain using ", "funnel a > b explain using country, pla", "trends view where user.pl", `trends view where user.plan = "p`,
	} {
		c := Complete(text)
		fmt.Fprintf(&b, "%s|%s\n   ", text[:c.Start], text[c.Start:])
		if c.Events {
			b.WriteString(" an event")
		}
		if c.Properties {
			b.WriteString(" a property")
		}
		if c.Value != "" {
			fmt.Fprintf(&b, " a value of %s", c.Value)
		}
		fmt.Fprintf(&b, " %s\n", strings.Join(c.Words, " "))
	}
	golden(t, "completions.txt", b.String())
}

func FuzzComplete(f *testing.F) {
	f.Add(`funnel view > "Add`)
	f.Add(`trends a where b in ("x", `)
	f.Fuzz(func(t *testing.T, text string) {
		if c := Complete(text); c.Start < 0 || c.Start > len(text) {
			t.Fatalf("start %d of %d", c.Start, len(text))
		}
	})
}

package alert

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Slack refuses a message with a text in its blocks that is longer than 3000
// letters, escapes included (docs.slack.dev, reference of text objects), and splits
// a message text that is longer than 4000. Three blocks of this length are far
// below the sums that it takes.
const slackMost = 3000

// slackMessage is what Slack's incoming webhooks take. Slack shows the blocks, and
// the text in notifications; those who only understand its format show the text.
type slackMessage struct {
	Text   string       `json:"text"`
	Blocks []slackBlock `json:"blocks"`
}

// slackBlock is a section, which has a text, or a context, which has elements.
type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
	// Verbatim keeps Slack from making links of what looks like one.
	Verbatim bool `json:"verbatim"`
}

// slackBody writes an alert for Slack: what and why, what to do, and since when.
func slackBody(d *Delivery, a *Alert) ([]byte, error) {
	section := func(begin, text, end string) slackBlock {
		return slackBlock{Type: "section", Text: &slackText{"mrkdwn", begin + slackEscape(text, slackMost-len(begin)-len(end)) + end, true}}
	}
	m := slackMessage{Text: slackEscape(title(d, a)+"\n"+details(a), slackMost)}
	m.Blocks = append(m.Blocks, section("*", title(d, a), "*"), section("", a.Summary, ""))
	if len(a.Action) > 0 {
		m.Blocks = append(m.Blocks, section("```", string(a.Action), "```"))
	}
	m.Blocks = append(m.Blocks, slackBlock{Type: "context", Elements: []slackText{{"mrkdwn", slackEscape(circumstances(a), slackMost), true}}})
	return json.Marshal(m)
}

// circumstances are the times and the labels of an alert, in one line.
func circumstances(a *Alert) string {
	parts := []string{"since " + stamp(a.StartedAt).Format(time.RFC3339)}
	if !a.ResolvedAt.IsZero() {
		parts = append(parts, "over at "+stamp(a.ResolvedAt).Format(time.RFC3339))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		parts = append(parts, fmt.Sprintf("%s: %s", name, a.Labels[name]))
	}
	return strings.Join(parts, " · ")
}

// slackEscape escapes the three letters that Slack reads as markup, so that a
// user's id cannot mention a channel, and cuts what is longer than most letters.
func slackEscape(text string, most int) string {
	escapes := map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;"}
	var whole strings.Builder
	letters, fits := 0, 0 // fits is where the text is cut, if it has to be
	for _, letter := range text {
		escaped, special := escapes[letter]
		if !special {
			escaped = string(letter)
		}
		if letters++; special {
			letters += len(escaped) - 1
		}
		if letters > most {
			return whole.String()[:fits] + "…"
		}
		whole.WriteString(escaped)
		if letters < most {
			fits = whole.Len()
		}
	}
	if whole.Len() == 0 {
		return " " // an empty text is refused
	}
	return whole.String()
}

package alert

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// slackSent is what Slack would read.
func slackSent(t *testing.T, a *Alert) slackMessage {
	t.Helper()
	r := Rule{Name: a.Rule, Channels: []Channel{{Name: "slack", Kind: Slack}}}
	messages, err := r.Deliveries(a, EventFiring, time.Unix(0, 0), NewDeliveryID)
	if err != nil {
		t.Fatal(err)
	}
	var m slackMessage
	if err := json.Unmarshal(messages[0].Body, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSlackShowsBlocks(t *testing.T) {
	got, err := json.MarshalIndent(slackSent(t, &Alert{
		Rule: "Fraud & more", Key: "<!channel>", State: Firing, Severity: Critical, Summary: "user u1, purchase p1", Labels: map[string]string{"team": "ops", "a": "b"},
		Action: []byte(`{"do":"block_transaction","user_id":"u1"}`), StartedAt: time.Unix(1700000000, 0), ResolvedAt: time.Unix(1700000060, 0),
	}), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "text": "[FIRING] critical: Fraud \u0026amp; more (\u0026lt;!channel\u0026gt;)\nuser u1, purchase p1\nSince 2023-11-14T22:13:20Z. Over at 2023-11-14T22:14:20Z.\na: b\nteam: ops\n{\"do\":\"block_transaction\",\"user_id\":\"u1\"}\n",
 "blocks": [
  {
   "type": "section",
   "text": {
    "type": "mrkdwn",
    "text": "*[FIRING] critical: Fraud \u0026amp; more (\u0026lt;!channel\u0026gt;)*",
    "verbatim": true
   }
  },
  {
   "type": "section",
   "text": {
    "type": "mrkdwn",
    "text": "user u1, purchase p1",
    "verbatim": true
   }
  },
  {
   "type": "section",
   "text": {
    "type": "mrkdwn",
    "text": "` + "```{\\\"do\\\":\\\"block_transaction\\\",\\\"user_id\\\":\\\"u1\\\"}```" + `",
    "verbatim": true
   }
  },
  {
   "type": "context",
   "elements": [
    {
     "type": "mrkdwn",
     "text": "since 2023-11-14T22:13:20Z · over at 2023-11-14T22:14:20Z · a: b · team: ops",
     "verbatim": true
    }
   ]
  }
 ]
}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestSlackTakesLongAlerts: whatever is in an alert, no text is longer than Slack
// takes, and none is empty; what is cut is still valid text and ends with a mark.
func TestSlackTakesLongAlerts(t *testing.T) {
	for _, letter := range []string{"a", "ß", "&", "<>", "日本", "\n"} {
		long := strings.Repeat(letter, 10_000)
		for _, a := range []Alert{
			{Rule: long, Summary: long, Key: long, Action: []byte(`"` + long + `"`), Labels: map[string]string{"x": long}},
			{Rule: "r", Summary: long},
			{},
		} {
			m := slackSent(t, &a)
			texts := []string{m.Text}
			for _, b := range m.Blocks {
				if b.Text != nil {
					texts = append(texts, b.Text.Text)
				}
				for _, e := range b.Elements {
					texts = append(texts, e.Text)
				}
			}
			for _, text := range texts {
				if n := utf8.RuneCountInString(text); n == 0 || n > 3000 || !utf8.ValidString(text) || strings.Contains(text, "&…") || strings.Contains(text, "&am…") {
					t.Errorf("%d letters: %.40q … %q", n, text, text[max(0, len(text)-20):])
				}
			}
			if a.Summary == long && !strings.HasSuffix(m.Blocks[1].Text.Text, "…") {
				t.Errorf("cut without a mark: %q", m.Blocks[1].Text.Text[2900:])
			}
		}
	}
	for text, want := range map[string]string{"abc": "abc", "abcd": "ab…", "a&b": "a…", "日本語字": "日本…", "": " "} {
		if got := slackEscape(text, 3); got != want {
			t.Errorf("%q cut at 3: got %q, want %q", text, got, want)
		}
	}
}

package alert

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestRulesSayWhatIsWrong(t *testing.T) {
	for text, field := range map[string]string{
		`{"name":"a\u0000","watch":{"kind":"fraud"}}`: "",
		`[]`:                                   "",
		`{"nmae":1}`:                           "/nmae",
		`{"name":"a"}`:                         "/watch",
		`{"name":"a","watch":{"kind":"frod"}}`: "/watch/kind",
		`{"name":"a","watch":{"kind":"fraud","threshold":1}}`:                                                                "/watch/threshold",
		`{"name":"a","watch":{"kind":"fraud"},"for":"5 minutes"}`:                                                            "/for",
		`{"name":"a","watch":{"kind":"fraud"},"for":"5m"}`:                                                                   "/for",
		`{"name":" ","watch":{"kind":"fraud"}}`:                                                                              "/name",
		`{"name":"a","watch":{"kind":"fraud"},"every":"10ms"}`:                                                               "/every",
		`{"name":"a","watch":{"kind":"fraud","decisions":["allow"]}}`:                                                        "/watch/decisions/0",
		`{"name":"a","watch":{"kind":"churn"}}`:                                                                              "/watch/probability",
		`{"name":"a","watch":{"kind":"churn","probability":"much"}}`:                                                         "/watch/probability",
		`{"name":"a","watch":{"kind":"query","is":"<","threshold":1}}`:                                                       "/watch/query",
		`{"name":"a","watch":{"kind":"query","query":{},"is":"below","threshold":1}}`:                                        "/watch/is",
		`{"name":"a","watch":{"kind":"pipeline","states":["slow"]}}`:                                                         "/watch/states/0",
		`{"name":"a","watch":{"kind":"fraud"},"severity":"high"}`:                                                            "/severity",
		`{"name":"a","watch":{"kind":"fraud"},"channels":[{"kind":"sms"}]}`:                                                  "/channels/0/kind",
		`{"name":"a","watch":{"kind":"fraud"},"channels":[{"kind":"webhook","url":"ftp://x","secret":"0123456789abcdef"}]}`:  "/channels/0/url",
		`{"name":"a","watch":{"kind":"fraud"},"channels":[{"kind":"webhook","url":"https://x","secret":"short"}]}`:           "/channels/0/secret",
		`{"name":"a","watch":{"kind":"fraud"},"channels":[{"kind":"email","to":["A <a@b.c>"]}]}`:                             "/channels/0/to/0",
		`{"name":"a","watch":{"kind":"fraud"},"channels":[{"kind":"email","to":["a@b.c"]},{"kind":"email","to":["a@b.c"]}]}`: "/channels/1/name",
	} {
		r, err := ParseRule([]byte(text))
		if err == nil {
			err = r.Validate()
		}
		var fault *Fault
		if !errors.As(err, &fault) || fault.Field != field {
			t.Errorf("%s: got %v, want a fault of %q", text, err, field)
		}
	}
}

func TestRulesSurviveBeingKept(t *testing.T) {
	r, err := ParseRule([]byte(`{"name":"a","watch":{"kind":"query","query":{"kind":"trends"},"is":"<","threshold":0},"for":"90s","every":"1d"}`))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(r)
	var again Rule
	if err := json.Unmarshal(text, &again); err != nil || again.Validate() != nil {
		t.Fatalf("%s: %v, %v", text, err, again.Validate())
	}
	if again.Every.String() != "1d" || again.For.String() != "1m30s" || *again.Watch.Threshold != 0 || again.Watch.Of != "value" {
		t.Errorf("got %+v", again)
	}
}

func TestSecretsStayWithTheirAddress(t *testing.T) {
	before := Rule{Channels: []Channel{
		{Name: "a", Kind: Webhook, URL: "https://a", Secret: "s"}, {Name: "b", Kind: Webhook, URL: "https://b", Secret: "s"},
		{Name: "c", Kind: Slack, URL: "https://c/secret"},
	}}
	after := Rule{Channels: []Channel{
		{Name: "a", Kind: Webhook, URL: "https://a"}, {Name: "b", Kind: Webhook, URL: "https://elsewhere"}, {Name: "c", Kind: Slack},
	}}
	after.KeepSecrets(&before)
	if after.Channels[0].Secret != "s" || after.Channels[1].Secret != "" || after.Channels[2].URL != "https://c/secret" {
		t.Errorf("got %+v", after.Channels)
	}
}

// The signature is that of RFC 2104 over "timestamp.body"; this one was made by
// openssl dgst -sha256 -hmac.
func TestSign(t *testing.T) {
	got := Sign("0123456789abcdef", time.Unix(1700000000, 0), []byte(`{"a":1}`))
	if want := signature; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPausesGrow(t *testing.T) {
	cfg := DefaultConfig()
	random := newRandom(t)
	for attempt, whole := range map[int]time.Duration{1: 5 * time.Second, 2: 10 * time.Second, 5: 80 * time.Second, 15: time.Hour, 1000: time.Hour} {
		for range 100 {
			if p := cfg.pause(attempt, 0, random); p > whole || p < whole/2 {
				t.Fatalf("behind attempt %d: %s, want %s to %s", attempt, p, whole/2, whole)
			}
		}
	}
	if p := cfg.pause(1, time.Minute, random); p != time.Minute {
		t.Errorf("the receiver asked for a minute, and gets %s", p)
	}
}

func TestMessagesKeepToTheirForm(t *testing.T) {
	r := Rule{ID: "ar_1", Name: "R <b>", Severity: Critical, Watch: Watch{Kind: Churn}, Channels: []Channel{
		{Name: "hook", Kind: Webhook}, {Name: "slack", Kind: Slack}, {Name: "mail", Kind: Email},
	}}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o := AtRisk(UserAtRisk{UserID: "u1\r\nBcc: x@y.z", Probability: 0.9, AsOf: at}, true)
	a := r.newAlert(o, at)
	a.Summary, a.Action, a.State = o.Summary, o.Action, Firing
	n := 0
	messages, err := r.Deliveries(&a, EventFiring, at, func() string { n++; return strings.Repeat("x", n) })
	if err != nil || len(messages) != 3 {
		t.Fatal(messages, err)
	}
	var m Message
	if err := json.Unmarshal(messages[0].Body, &m); err != nil || m.ID != "x" || m.Test || m.Alert.Key != a.Key || !strings.Contains(string(m.Action), `"re_engage_user"`) {
		t.Errorf("webhook: %s, %v", messages[0].Body, err)
	}
	if s := string(messages[1].Body); strings.Contains(s, "<b>") || !strings.Contains(s, "u0026lt;b") {
		t.Errorf("slack is not escaped: %s", s)
	}
	head, _, _ := strings.Cut(string(letter("alerts@example.com", []string{"a@b.c"}, messages[2])), "\r\n\r\n")
	if strings.Contains(head, "\nBcc") || !strings.Contains(head, "Message-ID: <xxx@example.com>") {
		t.Errorf("mail:\n%s", head)
	}
}

const signature = "9eb18f493f8ec135d9eb2dad817c369bb4e9cbfa818657897a7437c1cd8c3a23"

// newRandom prints its seed.
func newRandom(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

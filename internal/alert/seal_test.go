package alert

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// keysOf are keys made of these letters, the first one seals.
func keysOf(t *testing.T, letters string) *Keys {
	t.Helper()
	text := "# keys\n\n"
	for _, l := range letters {
		text += base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(l), 32))) + "\n"
	}
	k, err := ReadKeys([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func secretRule() Rule {
	return Rule{ID: "ar_1", Channels: []Channel{
		{Name: "hook", Kind: Webhook, URL: "https://example.com/x", Secret: "0123456789abcdef"},
		{Name: "slack", Kind: Slack, URL: "https://hooks.slack.example/path"},
		{Name: "mail", Kind: Email, To: []string{"a@b.c"}},
	}}
}

func text(t *testing.T, r Rule) string {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSecretsAreSealed(t *testing.T) {
	r, k := secretRule(), keysOf(t, "a")
	if !r.HasOpenSecrets() || k.Current(r) {
		t.Error("plain secrets pass for sealed ones")
	}
	sealed := k.Seal(r)
	if got := text(t, sealed); strings.Contains(got, "0123456789abcdef") || strings.Contains(got, "/path") || !strings.Contains(got, "https://example.com/x") {
		t.Errorf("sealed: %s", got)
	}
	if sealed.HasOpenSecrets() || !k.Current(sealed) {
		t.Error("sealed secrets pass for plain ones")
	}
	if got, want := text(t, k.Open(sealed)), text(t, r); got != want {
		t.Errorf("opened: %s, want %s", got, want)
	}
	if again := k.Seal(sealed); text(t, k.Open(again)) != text(t, r) || text(t, again) == text(t, sealed) {
		t.Error("sealed twice it is another secret, or under the same nonce")
	}
	// Without a key everything is as it is.
	var none *Keys
	if text(t, none.Seal(r)) != text(t, r) || text(t, none.Open(sealed)) != text(t, sealed) || !none.Current(r) {
		t.Error("no keys change something")
	}
}

func TestASealedSecretStaysWhereItIs(t *testing.T) {
	k := keysOf(t, "a")
	for name, move := range map[string]func(*Rule){
		"to another rule":    func(r *Rule) { r.ID = "ar_2" },
		"to another channel": func(r *Rule) { r.Channels[0].Name = "mine" },
		"to another address": func(r *Rule) { r.Channels[0].URL = "https://evil.example/x" },
		"changed":            func(r *Rule) { r.Channels[0].Secret = r.Channels[0].Secret[:30] + "A" + r.Channels[0].Secret[31:] },
	} {
		r := k.Seal(secretRule())
		move(&r)
		if opened := k.Open(r); opened.Channels[0].Secret == "0123456789abcdef" {
			t.Errorf("%s: it was opened", name)
		}
	}
}

func TestKeysChange(t *testing.T) {
	before, both := keysOf(t, "a"), keysOf(t, "ba")
	sealed := before.Seal(secretRule())
	if both.Current(sealed) || text(t, both.Open(sealed)) != text(t, secretRule()) {
		t.Error("the old key does not open, or passes for the new one")
	}
	after := keysOf(t, "b")
	if moved := both.Seal(sealed); !after.Current(moved) || text(t, after.Open(moved)) != text(t, secretRule()) {
		t.Error("sealed anew the old key is still needed")
	}
	if lost := after.Seal(sealed); text(t, lost) != text(t, sealed) || !after.Current(lost) {
		t.Error("what cannot be opened was sealed once more")
	}
	for _, bad := range []string{"", "# none", "abc", base64.StdEncoding.EncodeToString([]byte("too short"))} {
		if _, err := ReadKeys([]byte(bad)); err == nil || !strings.Contains(err.Error(), "openssl rand -base64 32") {
			t.Errorf("keys %q: %v", bad, err)
		}
	}
}

func TestASealedChannelIsNotUsed(t *testing.T) {
	r := keysOf(t, "a").Seal(secretRule())
	for _, c := range r.Channels[:2] {
		err := NewSender(DefaultConfig()).Send(t.Context(), Delivery{Kind: c.Kind}, c)
		if !errors.Is(err, errSealed) {
			t.Errorf("%s: got %v", c.Kind, err)
		}
	}
}

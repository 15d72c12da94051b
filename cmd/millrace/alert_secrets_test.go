package main

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/internal/alert"
	"millrace/oltp"
)

// keysFor writes a file with new keys, in front of those that it has.
func keysFor(t *testing.T, path string) *alert.Keys {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	before, _ := os.ReadFile(path)
	text := append([]byte(base64.StdEncoding.EncodeToString(key)+"\n"), before...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	o := upOptions{secretsKeyFile: path}
	keys, err := o.secretKeys()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestSecretsLieSealedInPostgres: they are sealed when a rule is made, and at the
// start where they were not or by an older key; messages are signed all the
// while, and without a key nothing is sent.
func TestSecretsLieSealedInPostgres(t *testing.T) {
	store := alertTable(t)
	hook := newReceiver(t, nil)
	rule := addRule(t, store, hook.URL, `{"kind":"fraud"}`) // before there was a key
	path := filepath.Join(t.TempDir(), "keys")
	definition := func() string {
		kept, err := store.AlertRule(t.Context(), rule.ID)
		if err != nil {
			t.Fatal(err)
		}
		return string(kept.Definition)
	}
	if _, open, err := (sealedRules{Store: store}).sealRules(t.Context()); err != nil || !open || !strings.Contains(definition(), alertSecret) {
		t.Errorf("without a key: %v, %v, %s", open, err, definition())
	}
	var keys *alert.Keys
	for n := range 2 { // a first key, and one in its place
		keys = keysFor(t, path)
		rules := sealedRules{Store: store, keys: keys}
		before := definition()
		if changed, open, err := rules.sealRules(t.Context()); changed != 1 || open || err != nil || definition() == before || strings.Contains(definition(), alertSecret) {
			t.Fatalf("key %d: %d rules, %v, %v, %s", n, changed, open, err, definition())
		}
		if changed, _, err := rules.sealRules(t.Context()); changed != 0 || err != nil {
			t.Errorf("sealed for nothing: %d, %v", changed, err)
		}
		shown, err := rules.AlertRule(t.Context(), rule.ID)
		if err != nil || !strings.Contains(string(shown.Definition), alertSecret) {
			t.Errorf("opened: %s, %v", shown.Definition, err)
		}
		if _, err := rules.UpdateAlertRule(t.Context(), shown); err != nil || strings.Contains(definition(), alertSecret) {
			t.Errorf("changed: %s, %v", definition(), err)
		}
	}

	findPurchases(t, store, 0, 1)
	stop := runAlerts(t, quickAlerts(), alertStore{store: store}, nil)
	var told []oltp.AlertDeliveryStatus
	eventually(t, "without a key it says so", func() bool {
		told, _ = store.RuleDeliveries(t.Context(), rule.ID, 10)
		return len(told) == 1 && strings.Contains(told[0].LastFault, "--secrets-key-file")
	})
	stop()
	if n := len(hook.requests()); n != 0 {
		t.Errorf("%d messages went out without a signature", n)
	}
	runAlerts(t, quickAlerts(), alertStore{store, keys}, nil)
	eventually(t, "with the key it is told", func() bool { return len(hook.requests()) == 1 })
	if _, faults := hook.messages(); len(faults) > 0 {
		t.Error(faults)
	}
}

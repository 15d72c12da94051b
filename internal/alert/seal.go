package alert

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// sealPrefix begins a secret that is sealed.
const sealPrefix = "sealed:v1:"

// Keys seal the secrets of channels with AES-256-GCM, so that who reads the
// database does not read them. The first key seals, all of them open. No keys, or
// nil, seal nothing.
type Keys struct{ ciphers []cipher.AEAD }

// ReadKeys reads keys of 32 bytes in Base64, one to a line. Empty lines and those
// that begin with # are left out.
func ReadKeys(text []byte) (*Keys, error) {
	var k Keys
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(string(line))
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("line %d is not 32 bytes in Base64: make a key with \"openssl rand -base64 32\"", number)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		sealer, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		k.ciphers = append(k.ciphers, sealer)
	}
	if len(k.ciphers) == 0 {
		return nil, errors.New("there is no key: make one with \"openssl rand -base64 32\"")
	}
	return &k, nil
}

// Seal returns the rule with its secrets sealed by the first key.
func (k *Keys) Seal(r Rule) Rule {
	if k == nil {
		return r
	}
	return r.eachSecret(func(place, secret string) string {
		plain, opened := k.open(place, secret)
		if !opened {
			return secret // by a key that is not here
		}
		return sealPrefix + base64.StdEncoding.EncodeToString(k.ciphers[0].Seal(nil, nil, []byte(plain), []byte(place)))
	})
}

// Open returns the rule with its secrets as they were before [Keys.Seal]. One
// that none of the keys opens stays sealed; sending says so.
func (k *Keys) Open(r Rule) Rule {
	return r.eachSecret(func(place, secret string) string {
		plain, _ := k.open(place, secret)
		return plain
	})
}

// Current tells whether all secrets of a rule are sealed by the first key, as far
// as there are keys for them.
func (k *Keys) Current(r Rule) bool {
	if k == nil {
		return true
	}
	newest, current := &Keys{k.ciphers[:1]}, true
	r.eachSecret(func(place, secret string) string {
		_, byNewest := newest.open(place, secret)
		_, byAny := k.open(place, secret)
		current = current && (byNewest && isSealed(secret) || !byAny)
		return secret
	})
	return current
}

// open opens one secret; one that is not sealed is open.
func (k *Keys) open(place, secret string) (plain string, opened bool) {
	text, sealed := strings.CutPrefix(secret, sealPrefix)
	if !sealed {
		return secret, true
	}
	box, err := base64.StdEncoding.DecodeString(text)
	if err != nil || k == nil {
		return secret, false
	}
	for _, c := range k.ciphers {
		if plain, err := c.Open(nil, nil, box, []byte(place)); err == nil {
			return string(plain), true
		}
	}
	return secret, false
}

func isSealed(secret string) bool { return strings.HasPrefix(secret, sealPrefix) }

// HasOpenSecrets tells whether anything that is a secret can be read.
func (r Rule) HasOpenSecrets() bool {
	found := false
	r.eachSecret(func(_, secret string) string {
		found = found || !isSealed(secret)
		return secret
	})
	return found
}

// eachSecret returns the rule with change made to every secret. The place of a
// secret is sealed with it: nobody can move it to another rule or channel, such
// as one whose address is his own.
func (r Rule) eachSecret(change func(place, secret string) string) Rule {
	r.Channels = slices.Clone(r.Channels)
	for i := range r.Channels {
		c := &r.Channels[i]
		place := r.ID + "/" + c.Kind + "/" + c.Name + "/"
		if c.Secret != "" {
			c.Secret = change(place+c.URL, c.Secret)
		}
		if c.Kind == Slack && c.URL != "" {
			c.URL = change(place, c.URL)
		}
	}
	return r
}

// errSealed means that a secret is needed and cannot be opened.
var errSealed = errors.New("the secret of the channel is sealed by a key that this process does not have: start it with --secrets-key-file")

package chdb

import (
	"crypto/sha256"
	"crypto/subtle"
)

// authenticate compares user and password in constant time. The message is ClickHouse's, and says
// the same whether the user or the password is wrong.
func (s *server) authenticate(user, password string) error {
	if user == "" {
		user = "default"
	}
	u := subtle.ConstantTimeCompare(digest(user), digest(s.cfg.User))
	p := subtle.ConstantTimeCompare(digest(password), digest(s.cfg.Password))
	if u&p == 1 {
		return nil
	}
	return newException(codeAuthenticationFailed, "%s: Authentication failed: password is incorrect, or there is no user with such name.", user)
}

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

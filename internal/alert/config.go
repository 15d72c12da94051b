package alert

import (
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/mail"
	"net/url"
	"time"
)

// Config says how often the stage looks and how it delivers.
type Config struct {
	// Look is the time between two looks for rules, purchases and deliveries that
	// are due.
	Look time.Duration
	// SendTimeout bounds one attempt of a delivery, and AskTimeout one look at what
	// a rule watches.
	SendTimeout, AskTimeout time.Duration
	// Lease is how long a delivery belongs to who has begun it. It is longer than
	// SendTimeout; whoever dies within it has the delivery repeated after it.
	Lease time.Duration
	// MaxAttempts is how often a delivery is tried before it is dead.
	MaxAttempts int
	// FirstPause is the pause behind the first attempt; each is twice as long as
	// the one before, up to MaxPause, and up to a half is taken off at random.
	FirstPause, MaxPause time.Duration
	// Senders is how many deliveries are under way at once.
	Senders int
	// Keep is how long resolved alerts and their deliveries are kept.
	Keep time.Duration
	// SMTP is the mail server, smtp://user:password@host:port or smtps://…; empty
	// for none. SMTPFrom is the address that mail comes from.
	SMTP, SMTPFrom string
	// SMTPRoots are the authorities that vouch for the mail server; nil for those
	// of this machine.
	SMTPRoots *x509.CertPool
}

// DefaultConfig tries 15 times over three to five and a half hours.
func DefaultConfig() Config {
	return Config{
		Look: 500 * time.Millisecond, SendTimeout: 10 * time.Second, AskTimeout: 30 * time.Second, Lease: 30 * time.Second,
		MaxAttempts: 15, FirstPause: 5 * time.Second, MaxPause: time.Hour, Senders: 8, Keep: 90 * 24 * time.Hour,
	}
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, d := range []struct {
		name  string
		given time.Duration
	}{{"look", c.Look}, {"send timeout", c.SendTimeout}, {"ask timeout", c.AskTimeout}, {"first pause", c.FirstPause}, {"keep", c.Keep}} {
		if d.given <= 0 {
			fault("alert %s is %s: use a positive duration", d.name, d.given)
		}
	}
	if c.Lease <= c.SendTimeout {
		fault("alert lease is %s: use more than the send timeout of %s", c.Lease, c.SendTimeout)
	}
	if c.MaxPause < c.FirstPause {
		fault("alert max pause is %s: use at least the first pause of %s", c.MaxPause, c.FirstPause)
	}
	if c.MaxAttempts < 1 || c.Senders < 1 {
		fault("alert max attempts and senders are %d and %d: use at least 1", c.MaxAttempts, c.Senders)
	}
	return errors.Join(append(faults, c.validateMail())...)
}

func (c Config) validateMail() error {
	if c.SMTP == "" && c.SMTPFrom == "" {
		return nil
	}
	server, err := url.Parse(c.SMTP)
	if err != nil || server.Scheme != "smtp" && server.Scheme != "smtps" || server.Hostname() == "" {
		// The address may hold a password, so it is not repeated.
		return errors.New("the mail server is not smtp://user:password@host:port, or smtps://…")
	}
	if from, err := mail.ParseAddress(c.SMTPFrom); err != nil || from.Address != c.SMTPFrom {
		return fmt.Errorf("mail comes from %q: give a bare mail address, such as alerts@example.com", c.SMTPFrom)
	}
	return nil
}

// pause is how long to wait behind an attempt, counted from 1. A receiver that
// asks for more gets more.
func (c Config) pause(attempt int, asked time.Duration, random *rand.Rand) time.Duration {
	whole := c.FirstPause
	for range min(attempt-1, 40) {
		whole = min(2*whole, c.MaxPause)
	}
	return max(asked, whole-time.Duration(random.Int64N(int64(whole)/2+1)))
}

package alert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// postOffice is a real mail server that remembers what came. It knows one user.
type postOffice struct {
	mu      sync.Mutex
	letters []string // guarded by mu; with the sender, the recipients and the user before
	asked   int      // guarded by mu; how often somebody tried to log in
}

// open starts the server on a free port; encrypted from the start, or with
// STARTTLS where it has a certificate.
func (o *postOffice) open(t *testing.T, certificate *tls.Certificate, fromTheStart bool) (address string) {
	t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &counter{office: o, conn: c}, nil }))
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "localhost", true, log.New(io.Discard, "", 0)
	if certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = listener.Addr().String()
	if fromTheStart {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return address
}

// counter is where one client is served.
type counter struct {
	office   *postOffice
	conn     *smtp.Conn
	user     string
	envelope []string
}

func (c *counter) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *counter) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		c.office.mu.Lock()
		defer c.office.mu.Unlock()
		c.office.asked++
		if user != "me" || password != "p@ss word" {
			return smtp.ErrAuthFailed
		}
		c.user = user
		return nil
	}), nil
}

func (c *counter) Mail(from string, _ *smtp.MailOptions) error {
	c.envelope = []string{from}
	return nil
}

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.envelope = append(c.envelope, to)
	return nil
}

func (c *counter) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	how := "in the clear"
	if _, encrypted := c.conn.TLSConnectionState(); encrypted {
		how = "encrypted"
	}
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	c.office.letters = append(c.office.letters, strings.Join(c.envelope, " ")+" user="+c.user+" "+how+"\n"+string(text))
	return nil
}

func (c *counter) Reset()        {}
func (c *counter) Logout() error { return nil }

// certify makes a certificate for 127.0.0.1, and the authority that vouches for it.
func certify(t *testing.T) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// TestMailOverTLS sends over a real server in every way that there is, and sees
// that a password goes over an encrypted connection or not at all.
func TestMailOverTLS(t *testing.T) {
	certificate, roots := certify(t)
	const user = "me:p%40ss%20word@"
	for _, c := range []struct {
		name, scheme, user     string
		certificate            *tls.Certificate
		roots                  *x509.CertPool
		want, fault            string
		asked, wantLetterCount int
	}{
		{"STARTTLS", "smtp", user, certificate, roots, "alerts@example.com a@b.c d@e.f user=me encrypted\n", "", 1, 1},
		{"TLS from the start", "smtps", user, certificate, roots, "alerts@example.com a@b.c d@e.f user=me encrypted\n", "", 1, 1},
		{"no user, no TLS", "smtp", "", nil, nil, "alerts@example.com a@b.c d@e.f user= in the clear\n", "", 0, 1},
		{"no user, STARTTLS", "smtp", "", certificate, roots, "alerts@example.com a@b.c d@e.f user= encrypted\n", "", 0, 1},
		{"a password, no TLS", "smtp", user, nil, nil, "", "not sent unencrypted", 0, 0},
		{"a wrong password", "smtp", "me:wrong@", certificate, roots, "", "log in to the mail server: 535", 1, 0},
		{"an unknown authority, STARTTLS", "smtp", user, certificate, x509.NewCertPool(), "", "unknown authority", 0, 0},
		{"an unknown authority, TLS from the start", "smtps", user, certificate, x509.NewCertPool(), "", "unknown authority", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var office postOffice
			address := office.open(t, c.certificate, c.scheme == "smtps")
			sender, d, to := mailTo(address)
			sender.cfg.SMTP, sender.cfg.SMTPRoots = c.scheme+"://"+c.user+address, c.roots
			err := sender.Send(t.Context(), d, to)
			if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
				t.Errorf("got %v, want %q", err, c.fault)
			}
			if err != nil && (strings.Contains(err.Error(), "p@ss") || strings.Contains(err.Error(), "wrong")) {
				t.Errorf("the password is in %v", err)
			}
			office.mu.Lock()
			defer office.mu.Unlock()
			if office.asked != c.asked || len(office.letters) != c.wantLetterCount {
				t.Fatalf("%d log-ins and letters %q", office.asked, office.letters)
			}
			if c.wantLetterCount > 0 {
				checkLetter(t, office.letters[0], c.want)
			}
		})
	}
}

// checkLetter reads the letter as a mail program would.
func checkLetter(t *testing.T, letter, envelope string) {
	t.Helper()
	text, ok := strings.CutPrefix(letter, envelope)
	if !ok {
		t.Fatalf("got %q, want %q first", letter, envelope)
	}
	read, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := read.Header.Get("Message-ID"); got != "<de_1@example.com>" {
		t.Errorf("Message-ID %q", got)
	}
	if body, err := io.ReadAll(read.Body); err != nil || !strings.Contains(string(body), "only 3 purchases") {
		t.Errorf("body %q, %v", body, err)
	}
}

package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"net/url"
	"strings"
	"time"
)

// errNoMail means that nobody has said how mail leaves this server.
var errNoMail = errors.New("no mail server is set: start millrace up with --smtp and --smtp-from")

// mail sends a delivery over SMTP (RFC 5321). The message id is made of the
// idempotency key, so that a repeat is recognised as one.
func (s *Sender) mail(ctx context.Context, d Delivery, c Channel) error {
	if s.cfg.SMTP == "" {
		return errNoMail
	}
	server, err := url.Parse(s.cfg.SMTP)
	if err != nil {
		return errors.New("the address of the mail server cannot be read")
	}
	secure := &tls.Config{ServerName: server.Hostname(), RootCAs: s.cfg.SMTPRoots, MinVersion: tls.VersionTLS12}
	client, err := dialMail(ctx, server, secure)
	if err != nil {
		return fmt.Errorf("reach the mail server: %w", err)
	}
	defer client.Close()
	if err := logIn(client, server, secure); err != nil {
		return err
	}
	if err := client.Mail(s.cfg.SMTPFrom); err != nil {
		return fmt.Errorf("sender %s: %w", s.cfg.SMTPFrom, err)
	}
	for _, to := range c.To {
		if err := client.Rcpt(to); err != nil {
			return fmt.Errorf("recipient %s: %w", to, err)
		}
	}
	body, err := client.Data()
	if err != nil {
		return fmt.Errorf("send the mail: %w", err)
	}
	if _, err := body.Write(letter(s.cfg.SMTPFrom, c.To, d)); err != nil {
		return fmt.Errorf("send the mail: %w", err)
	}
	if err := body.Close(); err != nil { // here the server takes it, or not
		return fmt.Errorf("send the mail: %w", err)
	}
	_ = client.Quit() // the mail has been taken; how the goodbye goes changes nothing
	return nil
}

// dialMail connects; the context's deadline holds for the whole conversation.
func dialMail(ctx context.Context, server *url.URL, secure *tls.Config) (*smtp.Client, error) {
	port := "587"
	if server.Scheme == "smtps" {
		port = "465"
	}
	address := net.JoinHostPort(server.Hostname(), orElse(server.Port(), port))
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if server.Scheme == "smtps" {
		conn = tls.Client(conn, secure)
	}
	client, err := smtp.NewClient(conn, server.Hostname())
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return client, nil
}

// errNoTLS means that a password would be sent for everybody on the way to read:
// the server does not encrypt, or somebody in between hides that it would.
var errNoTLS = errors.New("the mail server offers no STARTTLS, and a password is not sent unencrypted: use smtps:// if it has a port for that, or take the user out of --smtp")

// logIn encrypts where the server can, and says who we are where a user is set.
func logIn(client *smtp.Client, server *url.URL, secure *tls.Config) error {
	if offered, _ := client.Extension("STARTTLS"); offered && server.Scheme == "smtp" {
		if err := client.StartTLS(secure); err != nil {
			return fmt.Errorf("encrypt the connection to the mail server: %w", err)
		}
	}
	if server.User == nil {
		return nil
	}
	if _, encrypted := client.TLSConnectionState(); !encrypted {
		return errNoTLS
	}
	password, _ := server.User.Password()
	if err := client.Auth(smtp.PlainAuth("", server.User.Username(), password, server.Hostname())); err != nil {
		return fmt.Errorf("log in to the mail server: %w", err)
	}
	return nil
}

// letter is the mail with its headers (RFC 5322). The first line of the body is
// the subject.
func letter(from string, to []string, d Delivery) []byte {
	subject, text, _ := strings.Cut(string(d.Body), "\n")
	_, domain, _ := strings.Cut(from, "@")
	var out bytes.Buffer
	for _, header := range [][2]string{
		{"From", from}, {"To", strings.Join(to, ", ")}, {"Subject", mime.QEncoding.Encode("utf-8", subject)},
		{"Date", d.CreatedAt.UTC().Format(time.RFC1123Z)}, {"Message-ID", "<" + d.ID + "@" + orElse(domain, "millrace") + ">"},
		{HeaderKey, d.ID}, {"MIME-Version", "1.0"}, {"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&out, "%s: %s\r\n", header[0], header[1])
	}
	out.WriteString("\r\n")
	body := quotedprintable.NewWriter(&out)
	_, _ = body.Write([]byte(text)) // into memory: neither can fail
	_ = body.Close()
	return out.Bytes()
}

package alert

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// mailServer is a small SMTP server that takes one conversation without
// encryption, hands out all that it was told, and can refuse any command.
func mailServer(t *testing.T, refuse string) (address string, said <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	heard := make(chan string, 1) // one conversation
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		heard <- converse(conn, refuse)
	}()
	return listener.Addr().String(), heard
}

// converse answers as RFC 5321 has it, and refuses commands that begin with refuse.
func converse(conn net.Conn, refuse string) string {
	var all strings.Builder
	fmt.Fprint(conn, "220 test\r\n")
	inData := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := lines.Text()
		fmt.Fprintln(&all, line)
		switch {
		case inData && line == ".":
			inData = false
			fmt.Fprint(conn, "250 taken\r\n")
		case inData:
		case refuse != "" && strings.HasPrefix(line, refuse):
			fmt.Fprint(conn, "451 not now\r\n")
		case line == "DATA":
			inData = true
			fmt.Fprint(conn, "354 go on\r\n")
		case line == "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return all.String()
		case strings.HasPrefix(line, "EHLO"):
			fmt.Fprint(conn, "250 test\r\n")
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
	return all.String()
}

func mailTo(address string) (*Sender, Delivery, Channel) {
	cfg := DefaultConfig()
	cfg.SMTP, cfg.SMTPFrom, cfg.SendTimeout = "smtp://"+address, "alerts@example.com", 2*time.Second
	d := Delivery{ID: "de_1", Kind: Email, Body: []byte("[FIRING] critical: Größe\nonly 3 purchases\n.hidden\n"), CreatedAt: time.Unix(1700000000, 0)}
	return NewSender(cfg), d, Channel{Kind: Email, To: []string{"a@b.c", "d@e.f"}}
}

func TestMailIsSent(t *testing.T) {
	address, said := mailServer(t, "")
	sender, d, c := mailTo(address)
	if err := sender.Send(t.Context(), d, c); err != nil {
		t.Fatal(err)
	}
	got := <-said
	for _, want := range []string{
		"MAIL FROM:<alerts@example.com>", "RCPT TO:<a@b.c>", "RCPT TO:<d@e.f>", "Message-ID: <de_1@example.com>", "Idempotency-Key: de_1",
		"Subject: =?utf-8?q?[FIRING]_critical:_Gr=C3=B6=C3=9Fe?=", "\nonly 3 purchases\n", "\n..hidden\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestMailThatIsRefusedIsNotSent(t *testing.T) {
	for _, refuse := range []string{"MAIL", "RCPT TO:<d@e.f>", "DATA"} {
		address, _ := mailServer(t, refuse)
		sender, d, c := mailTo(address)
		if err := sender.Send(t.Context(), d, c); err == nil || !strings.Contains(err.Error(), "451") {
			t.Errorf("%s was refused: got %v", refuse, err)
		}
	}
	sender, d, c := mailTo("127.0.0.1:1")
	if err := sender.Send(t.Context(), d, c); err == nil {
		t.Error("nobody listens, and the mail was sent")
	}
	if err := NewSender(DefaultConfig()).Send(t.Context(), d, c); err == nil || !strings.Contains(err.Error(), "--smtp") {
		t.Errorf("without a server: got %v", err)
	}
}

package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Sender sends one delivery at a time; it is safe for concurrent use.
type Sender struct {
	cfg    Config
	client *http.Client
}

// NewSender makes a sender. It holds no connection that has to be closed.
func NewSender(cfg Config) *Sender {
	return &Sender{cfg: cfg, client: &http.Client{
		Timeout: cfg.SendTimeout,
		// A signed message is for the address that somebody has written into the rule.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: cfg.SendTimeout,
		},
	}}
}

// Refusal is an answer that is no acknowledgement.
type Refusal struct {
	Status int
	// RetryAfter is what the receiver asks for; 0 where it does not say.
	RetryAfter time.Duration
	// Gone tells that it wants no repeat.
	Gone bool
	body string
}

func (r *Refusal) Error() string {
	text := fmt.Sprintf("the receiver answered %d %s", r.Status, http.StatusText(r.Status))
	if r.body != "" {
		text += ": " + r.body
	}
	return text
}

// Send hands the delivery to its receiver; nil means that the receiver has it.
func (s *Sender) Send(ctx context.Context, d Delivery, c Channel) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.SendTimeout)
	defer cancel()
	if c.Kind != d.Kind {
		return &Refusal{Status: http.StatusGone, Gone: true, body: "the channel is of another kind by now"}
	}
	if d.Kind == Email {
		return s.mail(ctx, d, c)
	}
	if isSealed(c.Secret) || isSealed(c.URL) {
		return errSealed
	}
	return s.post(ctx, d, c)
}

func (s *Sender) post(ctx context.Context, d Delivery, c Channel) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(d.Body))
	if err != nil {
		return fmt.Errorf("prepare the request: %w", hideAddress(err))
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "millrace")
	request.Header.Set(HeaderKey, d.ID)
	if c.Kind == Webhook {
		now := time.Now()
		request.Header.Set(HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
		request.Header.Set(HeaderSignature, "v1="+Sign(c.Secret, now, d.Body))
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return hideAddress(err)
	}
	defer answer.Body.Close()
	const most = 300 // enough to tell what is wrong
	text, _ := io.ReadAll(io.LimitReader(answer.Body, most))
	if answer.StatusCode/100 == 2 {
		return nil
	}
	return &Refusal{
		Status: answer.StatusCode, Gone: answer.StatusCode == http.StatusGone, RetryAfter: retryAfter(answer.Header.Get("Retry-After")),
		body: strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "")), " "),
	}
}

// retryAfter reads the header's seconds, at most an hour.
func retryAfter(text string) time.Duration {
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(min(seconds, 3600))*time.Second, time.Hour)
}

// hideAddress takes the URL out of an error: that of Slack is a secret, and
// errors are logged and shown.
func hideAddress(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil || !strings.Contains(err.Error(), "://") {
			return err
		}
		err = inner
	}
}

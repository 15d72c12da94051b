package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"

	"millrace/internal/event"
)

// transport is a server inside the process, so that time can be fake.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

func newClient(t *testing.T, change func(*Config)) *Client {
	t.Helper()
	cfg := DefaultConfig()
	change(&cfg)
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func purchases(n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = event.Event{ID: fmt.Sprint("e", i), Type: "purchase", UserID: "u1", Timestamp: time.UnixMilli(1_700_000_000_000)}
	}
	return events
}

// lines reads the NDJSON of a request, whatever its compression.
func lines(t *testing.T, r *http.Request) []string {
	t.Helper()
	var body io.Reader = r.Body
	var err error
	switch r.Header.Get("Content-Encoding") {
	case "gzip":
		body, err = gzip.NewReader(body)
	case "zstd":
		body, err = zstd.NewReader(body)
	}
	if err != nil {
		t.Error(err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Error(err)
	}
	return strings.Split(string(text), "\n")
}

func TestSendReportsEveryEvent(t *testing.T) {
	for _, compression := range []Compression{CompressNone, CompressGzip, CompressZstd} {
		t.Run(string(compression), func(t *testing.T) {
			var sizes []int
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got := lines(t, r)
				sizes = append(sizes, len(got))
				if r.URL.Path != "/v1/events" || r.Header.Get("Content-Type") != "application/x-ndjson" || r.Header.Get("Authorization") != "Bearer mr_1" {
					t.Errorf("got %s %v", r.URL, r.Header)
				}
				w.WriteHeader(http.StatusAccepted)
				fmt.Fprintf(w, `{"accepted":%d,"rejected":[{"index":0,"event_id":"x","code":"missing_user","detail":"d","field":"/user_id"}]}`, len(got)-1)
			}))
			defer server.Close()
			c := newClient(t, func(cfg *Config) {
				cfg.URL, cfg.Key, cfg.Compression, cfg.MaxEvents = server.URL+"/", "mr_1", compression, 40
			})
			outcome, err := c.Send(t.Context(), purchases(100))
			if err != nil {
				t.Fatal(err)
			}
			if want := []int{40, 40, 20}; !slices.Equal(sizes, want) {
				t.Errorf("got requests of %v events, want %v", sizes, want)
			}
			var indexes []int
			for _, r := range outcome.Rejected {
				indexes = append(indexes, r.Index)
			}
			if want := []int{0, 40, 80}; outcome.Accepted != 97 || !slices.Equal(indexes, want) {
				t.Errorf("got %d accepted and %v rejected, want 97 and %v", outcome.Accepted, indexes, want)
			}
		})
	}
}

func TestSendCutsByBytes(t *testing.T) {
	requests := 0
	c := newClient(t, func(cfg *Config) {
		cfg.MaxBytes = 250
		cfg.Transport = transport(func(r *http.Request) (*http.Response, error) {
			requests++
			return answer(202, nil, fmt.Sprintf(`{"accepted":%d}`, len(lines(t, r)))), nil
		})
	})
	// Two of 100 bytes fit with their line breaks; one of 400 goes alone.
	envelope := func(size int) []byte {
		return append(append([]byte(`{"event_id":"`), bytes.Repeat([]byte("x"), size-15)...), `"}`...)
	}
	outcome, err := c.SendRaw(t.Context(), [][]byte{envelope(100), envelope(100), envelope(100), envelope(400), envelope(100)})
	if err != nil || outcome.Accepted != 5 || requests != 4 {
		t.Errorf("got %d accepted in %d requests, %v; want 5 in 4", outcome.Accepted, requests, err)
	}
}

func TestTooLargeIsHalved(t *testing.T) {
	c := newClient(t, func(cfg *Config) {
		cfg.Transport = transport(func(r *http.Request) (*http.Response, error) {
			n := len(lines(t, r))
			if n > 3 {
				return answer(413, nil, `{"code":"body_too_large","detail":"too large"}`), nil
			}
			return answer(202, nil, fmt.Sprintf(`{"accepted":%d,"rejected":[{"index":%d,"code":"c"}]}`, n-1, n-1)), nil
		})
	})
	outcome, err := c.Send(t.Context(), purchases(10))
	if err != nil {
		t.Fatal(err)
	}
	var indexes []int
	for _, r := range outcome.Rejected {
		indexes = append(indexes, r.Index)
	}
	if want := []int{1, 4, 6, 9}; outcome.Accepted != 6 || !slices.Equal(indexes, want) {
		t.Errorf("got %d accepted, rejected %v; want 6 and %v", outcome.Accepted, indexes, want)
	}
}

func TestNothingAcceptableIsAnOutcome(t *testing.T) {
	c := newClient(t, func(cfg *Config) {
		cfg.Transport = transport(func(*http.Request) (*http.Response, error) {
			return answer(400, nil, `{"status":400,"code":"nothing_accepted","rejected":[{"index":0,"code":"missing_user","field":"/user_id"}]}`), nil
		})
	})
	outcome, err := c.Send(t.Context(), purchases(1))
	if err != nil || len(outcome.Rejected) != 1 || outcome.Rejected[0].Code != "missing_user" {
		t.Errorf("got %+v, %v", outcome, err)
	}
}

// A broker that is away for a while must not cost an event.
func TestRetryWaitsAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		var bodies []string
		start := time.Now()
		c := newClient(t, func(cfg *Config) {
			cfg.Transport = transport(func(r *http.Request) (*http.Response, error) {
				at = append(at, time.Since(start))
				bodies = append(bodies, strings.Join(lines(t, r), "\n"))
				switch len(at) {
				case 1:
					return answer(503, http.Header{"Retry-After": {"7"}}, `{"code":"broker_away"}`), nil
				case 2:
					when := time.Now().Add(20 * time.Second).UTC().Format(http.TimeFormat)
					return answer(429, http.Header{"Retry-After": {when}}, ``), nil
				case 3:
					return nil, errors.New("connection reset")
				}
				return answer(202, nil, `{"accepted":1,"rejected":[]}`), nil
			})
		})
		outcome, err := c.Send(t.Context(), purchases(1))
		if err != nil || outcome.Accepted != 1 || len(at) != 4 {
			t.Fatalf("got %+v, %v after %d attempts", outcome, err, len(at))
		}
		if at[1] != 7*time.Second || at[2]-at[1] < 19*time.Second || at[2]-at[1] > 20*time.Second || at[3]-at[2] > 5*time.Second {
			t.Errorf("attempts at %v", at)
		}
		if bodies[0] != bodies[3] {
			t.Errorf("the repeat differs:\n%s\n%s", bodies[0], bodies[3])
		}
	})
}

func TestAttemptsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		c := newClient(t, func(cfg *Config) {
			cfg.Attempts = 3
			cfg.Transport = transport(func(*http.Request) (*http.Response, error) {
				attempts++
				return answer(500, nil, "<html>oops</html>\nmore"), nil
			})
		})
		_, err := c.Send(t.Context(), purchases(1))
		var got *Error
		if !errors.As(err, &got) || got.Status != 500 || attempts != 3 {
			t.Fatalf("got %v after %d attempts", err, attempts)
		}
		if want := "send 1 events: the API answered 500: <html>oops</html>"; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	})
}

func TestSendGivesIDsAndRawIsNotRepeatedWithout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		c := newClient(t, func(cfg *Config) {
			cfg.Compression = CompressNone
			cfg.Transport = transport(func(r *http.Request) (*http.Response, error) {
				attempts++
				return nil, errors.New("connection reset")
			})
		})
		if _, err := c.SendRaw(t.Context(), [][]byte{[]byte(`{"type":"view","user_id":"u"}`)}); err == nil || attempts != 1 {
			t.Errorf("an event without id was tried %d times, %v", attempts, err)
		}
		attempts = 0
		events := []event.Event{{Type: "view", UserID: "u"}}
		if _, err := c.Send(t.Context(), events); err == nil || attempts != 8 || events[0].ID == "" {
			t.Errorf("an event with id %q was tried %d times, %v", events[0].ID, attempts, err)
		}
	})
}

func TestServerThatIsNotThereIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		c := newClient(t, func(cfg *Config) {
			cfg.Transport = transport(func(*http.Request) (*http.Response, error) {
				if attempts++; attempts < 3 {
					return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
				}
				return answer(202, nil, `{"accepted":1}`), nil
			})
		})
		if _, err := c.SendRaw(t.Context(), [][]byte{[]byte(`{}`)}); err != nil || attempts != 3 {
			t.Errorf("got %v after %d attempts", err, attempts)
		}
	})
}

func TestContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, func(cfg *Config) {
			cfg.Transport = transport(func(*http.Request) (*http.Response, error) {
				return answer(503, http.Header{"Retry-After": {"50"}}, ``), nil
			})
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Send(ctx, purchases(1))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestQueryErrorIsTyped(t *testing.T) {
	c := newClient(t, func(cfg *Config) {
		cfg.Transport = transport(func(r *http.Request) (*http.Response, error) {
			return answer(400, http.Header{"X-Request-Id": {"r1"}}, `{"status":400,"title":"Bad Request","code":"unknown_field","detail":"there is no field \"step\"; did you mean \"steps\"?","field":"/step"}`), nil
		})
	})
	_, err := c.Query(t.Context(), json.RawMessage(`{"kind":"funnel","step":[]}`))
	var got *Error
	if !errors.As(err, &got) {
		t.Fatalf("got %v", err)
	}
	if got.Code != "unknown_field" || got.Field != "/step" || got.RequestID != "r1" || got.Temporary() {
		t.Errorf("got %+v", got)
	}
	if want := `the API answered 400 unknown_field: there is no field "step"; did you mean "steps"? (/step)`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestStoredUntil(t *testing.T) {
	for text, want := range map[string]time.Time{
		`{"kind":"trends","result":{},"meta":{"stored_until":"2026-01-02T03:04:05Z"}}`: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		`{"kind":"trends","result":{},"meta":{"stored_until":null}}`:                   {},
	} {
		c := newClient(t, func(cfg *Config) {
			cfg.Transport = transport(func(*http.Request) (*http.Response, error) { return answer(200, nil, text), nil })
		})
		if got, err := c.StoredUntil(t.Context()); err != nil || !got.Equal(want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
}

func TestUserIDIsEscaped(t *testing.T) {
	c := newClient(t, func(cfg *Config) {
		cfg.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if got, want := r.URL.EscapedPath(), "/v1/users/a%2Fb%3Fc"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			return answer(200, nil, `{}`), nil
		})
	})
	if _, err := c.User(t.Context(), "a/b?c"); err != nil {
		t.Error(err)
	}
}

func TestConfigFaultsAreAllReported(t *testing.T) {
	_, err := New(Config{URL: "localhost:8080", Compression: "lz4"})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"api:", "compression:", "request:", "attempts:", "pause:", "timeout:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not mention %q: %v", want, err)
		}
	}
}

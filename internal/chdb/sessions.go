package chdb

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// sessions are the HTTP interface's: by user and session_id, dropped when idle for their timeout.
type sessions struct {
	e  *engine
	mu sync.Mutex
	m  map[string]*timedSession
}

type timedSession struct {
	session
	timeout time.Duration
	used    time.Time
}

const (
	defaultSessionTimeout = time.Minute
	maxSessionTimeout     = time.Hour
	maxSessions           = 1000
)

func newSessions(e *engine) *sessions { return &sessions{e: e, m: map[string]*timedSession{}} }

// get finds or makes the session of an id; check demands that it exists.
func (s *sessions) get(id, timeout string, check bool) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.m[id]
	if !ok {
		if check {
			return nil, newException(codeSessionNotFound, "Session %s not found", id)
		}
		if len(s.m) >= maxSessions {
			return nil, newException(codeTooManyQueries, "Too many sessions. Maximum: %d", maxSessions)
		}
		t = &timedSession{timeout: defaultSessionTimeout}
		s.m[id] = t
	}
	if n, err := strconv.Atoi(timeout); err == nil && n > 0 {
		t.timeout = min(time.Duration(n)*time.Second, maxSessionTimeout)
	}
	t.used = time.Now()
	return &t.session, nil
}

// expire closes idle sessions until ctx is done.
func (s *sessions) expire(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			s.sweep(now)
		}
	}
}

func (s *sessions) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, t := range s.m {
		if t.isBusy() {
			t.used = now
		} else if now.Sub(t.used) > t.timeout {
			t.close(s.e)
			delete(s.m, id)
		}
	}
}

func (s *session) isBusy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy
}

func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, t := range s.m {
		t.close(s.e)
		delete(s.m, id)
	}
}

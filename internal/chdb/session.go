package chdb

import "sync"

// session is a connection that outlives its statements: a native client that has used SET, USE or
// temporary tables, or an HTTP session_id. One statement uses it at a time.
type session struct {
	mu   sync.Mutex
	conn connHandle
	busy bool
	gone bool
}

// take opens the session's connection at first use and reserves it.
func (s *session) take(e *engine) (connHandle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy || s.gone {
		return 0, newException(codeSessionIsLocked, "Session is locked by a concurrent client")
	}
	if s.conn == 0 {
		if s.conn = e.lib.Connect(e.args); s.conn == 0 {
			return 0, newException(codeUnknown, "the engine refused a connection")
		}
	}
	s.busy = true
	return s.conn, nil
}

func (s *session) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
}

// close frees the connection; a busy session is closed by its owner only.
func (s *session) close(e *engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	if s.conn != 0 {
		e.lib.Close(s.conn)
		s.conn = 0
	}
}

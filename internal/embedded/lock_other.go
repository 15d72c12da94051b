//go:build !unix

package embedded

import "fmt"

type fileLock struct{}

type lockedError struct {
	path string
	pid  int
}

func (e *lockedError) Error() string { return fmt.Sprintf("%s is locked by process %d", e.path, e.pid) }

// tryLock always fails: there are no engine packages for such a system in the first place.
func tryLock(path string) (*fileLock, error) {
	return nil, fmt.Errorf("lock %s: %w", path, ErrUnsupported)
}

func (l *fileLock) release() error { return nil }

//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// fileLock is an exclusive lock that the kernel drops when the process ends, however it ends. The file
// holds the owner's process id, for the message to the next one.
type fileLock struct{ file *os.File }

// lockedError says who holds a lock.
type lockedError struct {
	path string
	pid  int // 0 if the file does not tell
}

func (e *lockedError) Error() string {
	if e.pid == 0 {
		return fmt.Sprintf("%s is locked by another process", e.path)
	}
	return fmt.Sprintf("%s is locked by process %d", e.path, e.pid)
}

// tryLock takes the lock or returns a *lockedError at once.
func tryLock(path string) (*fileLock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		text, _ := io.ReadAll(io.LimitReader(file, 32))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		file.Close()
		return nil, &lockedError{path: path, pid: pid}
	}
	if err == nil {
		err = errors.Join(file.Truncate(0), writeAt(file, strconv.Itoa(os.Getpid())+"\n"))
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &fileLock{file: file}, nil
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

// release gives the lock up. The file stays: removing it would let two owners lock two files of one name.
func (l *fileLock) release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}

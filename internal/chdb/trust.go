package chdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Two faults of the engine (26.7) lose rows in silence, and the engine itself cannot mend them while it runs:
//
//   - A write() that fails, for a full disk for example, is ignored: the C++ exception is commented out in
//     chDB's WriteBufferFromFileDescriptor. The part keeps empty files, the insert is acknowledged; a merge
//     does the same and its sources are removed minutes later. The engine only counts such writes.
//   - An insert whose rename fails is reported, but its token stays (see tokens.go): the retry is dropped.
//
// Both leave a directory that is sound but for the last parts, and a start finds those: broken parts are set
// aside, the sources of a broken merge come back, tokens without a part are taken back. So no statement that
// changes data is acknowledged before the engine has been looked at, and once something is wrong nothing is
// acknowledged any more and the server ends, to be started again.

// ErrDistrust ends a server whose engine has damaged what it wrote last. A new start mends it.
var ErrDistrust = errors.New("the engine's last writes cannot be trusted")

// failedWrites asks for the writes to files that have failed since the engine was opened.
// Nothing is answered where none has.
//
// Counted are writes to pipes, too; none of those fails, because pipes are read to their end (pipe.go).
const failedWrites = "SELECT value FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteFailed' SETTINGS max_threads = 1"

// trust decides whether a statement may be acknowledged. It is safe for concurrent use.
type trust struct {
	ask func(query string) (string, error)
	dir string
	// lost gets the reason once; capacity 1, so that nobody waits.
	lost chan error

	mu     sync.Mutex
	looked map[string]int64 // by log of tokens: up to where each token has its part
	broken error            // the reason why nothing is acknowledged any more
}

// newTrust looks at the directory as the engine has opened it. An error that is ErrDistrust says that the
// engine has set parts aside: their tokens can be taken back before the next opening.
func newTrust(dir string, ask func(string) (string, error)) (*trust, error) {
	t := &trust{ask: ask, dir: dir, lost: make(chan error, 1), looked: map[string]int64{}}
	if _, err := ask("SELECT count() FROM system.parts"); err != nil { // waits until all tables are loaded
		return nil, fmt.Errorf("list the engine's parts: %w", err)
	}
	if err := t.look(true); err != nil {
		return nil, err
	}
	return t, nil
}

// settle is told how a statement that changes data has ended, and says what its client is to hear.
func (t *trust) settle(outcome error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken == nil {
		err := t.look(outcome != nil)
		if err != nil && !errors.Is(err, ErrDistrust) {
			return newException(codeUnknownStatusOfInsert, "It is not known whether the data were written: %s", err)
		}
		if t.broken = err; err != nil {
			t.lost <- err
		}
	}
	if t.broken != nil {
		return fmt.Errorf("%w: %w", newException(codeAborted, "The server starts again: %s", t.broken), t.broken)
	}
	return outcome
}

// look returns ErrDistrust where something is wrong.
func (t *trust) look(failed bool) error {
	now := time.Now()
	text, err := t.ask(failedWrites)
	if err != nil {
		return err
	}
	if text = strings.TrimSpace(text); text != "" {
		return fmt.Errorf("%w: %s writes to its files have failed (is the disk full?)", ErrDistrust, text)
	}
	if err := noteSound(t.dir, now); err != nil {
		return err
	}
	if !failed {
		return nil
	}
	return t.lookAtTokens()
}

// lookAtTokens looks for tokens without a part. An insert that is between the two at this moment is given a
// moment to go on.
func (t *trust) lookAtTokens() error {
	const looks, pause = 10, 20 * time.Millisecond
	var last []orphan
	for i := range looks {
		logs, err := tokenLogs(t.dir)
		if err != nil {
			return err
		}
		ends := ends(logs)
		orphans, err := orphanTokens(logs, t.looked)
		if err != nil {
			return err
		}
		if len(orphans) == 0 {
			t.looked = ends
			return nil
		}
		if i > 0 {
			orphans = slices.DeleteFunc(orphans, func(o orphan) bool { return !slices.Contains(last, o) })
		}
		if last = orphans; len(last) == 0 {
			return nil // those were others, which are looked at again next time
		}
		<-time.After(pause)
	}
	return fmt.Errorf("%w: %d insert tokens have no part, the first in %s", ErrDistrust, len(last), last[0].log)
}

// ends are the sizes of files. One that is gone has none.
func ends(paths []string) map[string]int64 {
	sizes := map[string]int64{}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			sizes[path] = info.Size()
		}
	}
	return sizes
}

// watch looks for what merges have done, until ctx is done.
func (t *trust) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = t.settle(nil) // what is wrong is told through lost
		}
	}
}

package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// process describes a server in a process of its own: how to start it, how to see that it serves, how to
// stop it.
type process struct {
	engine Engine
	// prepare makes and checks what the process needs, once, before the first start.
	prepare func(ctx context.Context) error
	// command makes a fresh command for each start. Its ExtraFiles are closed once it runs.
	command func() (*exec.Cmd, error)
	// isReady recognises the line, on standard error, that says that the server serves.
	isReady func(line string) bool
	// forward logs a line of standard error.
	forward func(log *slog.Logger, line string)
	// startWithin bounds the time to readiness; recovery after a kill is part of it.
	startWithin time.Duration
	stopSignal  syscall.Signal
	stopWithin  time.Duration // then SIGKILL
}

// keeper keeps one process alive: it starts it, starts it again when it dies, and stops it.
//
// Run owns everything; ready is closed by Run, pid is written by Run and read by anybody.
type keeper struct {
	process
	log   *slog.Logger
	ready chan struct{} // closed when the process first serves
	pid   atomic.Int64  // 0 while none runs

	served   bool
	restarts restarts
	diedAt   time.Time // of the last death, while it is not serving again
}

func newKeeper(p process, log *slog.Logger, r restarts) *keeper {
	return &keeper{process: p, log: log.With("engine", string(p.engine)), ready: make(chan struct{}), restarts: r}
}

// Run keeps the process alive until ctx ends, then stops it. An error means that the process is lost for
// good, and holds its last lines.
func (k *keeper) Run(ctx context.Context) error {
	for {
		started := time.Now()
		died := k.runOnce(ctx)
		if ctx.Err() != nil {
			return nil
		}
		pause, again := k.restarts.died(time.Since(started), k.served)
		if !again {
			return k.lost(died)
		}
		k.diedAt = time.Now()
		k.log.Warn("engine died, starting it again", "pid", died.pid, "reason", died.reason, "pause", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// death tells how a run ended.
type death struct {
	pid    int
	reason error
	last   string // its last lines, indented
}

func (k *keeper) lost(d death) error {
	what := "does not start"
	if k.served {
		what = fmt.Sprintf("died %d times in a row", k.restarts.inARow)
	}
	return fmt.Errorf("%s %s (%w); its last lines:\n%s", k.engine, what, d.reason, d.last)
}

// runOnce starts the process and stays until it has ended, by itself or because ctx did.
func (k *keeper) runOnce(ctx context.Context) death {
	serving := make(chan struct{})
	running, err := k.launch(serving)
	if err != nil {
		return death{reason: err, last: "  (nothing)"}
	}
	k.pid.Store(int64(running.pid))
	defer k.pid.Store(0)
	tooLate := time.NewTimer(k.startWithin)
	defer tooLate.Stop()
	for {
		select {
		case <-serving:
			serving = nil
			tooLate.Stop()
			k.nowServing(running.pid)
		case <-tooLate.C:
			running.kill()
			<-running.ended
			return running.death(fmt.Errorf("not ready within %s", k.startWithin))
		case <-running.ended:
			select {
			case <-serving: // both were there to choose; it did serve before it ended
				k.nowServing(running.pid)
			default:
			}
			return running.death(running.err)
		case <-ctx.Done():
			k.stop(running)
			return running.death(ctx.Err())
		}
	}
}

func (k *keeper) nowServing(pid int) {
	if !k.served {
		k.served = true
		k.restarts.inARow = 0 // false starts are forgiven
		close(k.ready)
		return
	}
	k.log.Info("engine is back", "pid", pid, "away_seconds", time.Since(k.diedAt).Seconds())
}

// stop asks first and kills later. The ending context is not used for waiting: the wait is bounded anyway,
// and a server that is not waited for would still hold its files when the next one starts.
func (k *keeper) stop(r *run) {
	r.signal(k.stopSignal)
	patience := time.NewTimer(k.stopWithin)
	defer patience.Stop()
	select {
	case <-r.ended:
	case <-patience.C:
		k.log.Warn("engine did not stop in time, killing it", "pid", r.pid, "waited", k.stopWithin)
		r.kill()
		<-r.ended
	}
}

// run is one life of a process. err may be read once ended is closed.
type run struct {
	pid   int
	cmd   *exec.Cmd
	tail  *tail
	ended chan struct{}
	err   error
}

// launch starts the process and closes serving when it says that it is ready.
func (k *keeper) launch(serving chan<- struct{}) (*run, error) {
	cmd, err := k.command()
	if err != nil {
		return nil, err
	}
	r := &run{cmd: cmd, ended: make(chan struct{})}
	told := false // only the goroutine that copies standard error gets here
	r.tail = newTail(20, func(line string) {
		if !told && k.isReady(line) {
			told = true
			close(serving)
			return
		}
		k.forward(k.log, line)
	})
	cmd.Stderr = r.tail
	cmd.WaitDelay = 2 * time.Second // Postgres's own children may hold standard error a little longer
	started := make(chan error)
	go r.own(started)
	if err := <-started; err != nil {
		return nil, err
	}
	r.pid = cmd.Process.Pid
	return r, nil
}

// own starts the process and waits for its end, on one thread: Linux sends the death signal when the
// *thread* that started the process ends, so that thread has to live as long as the process.
func (r *run) own(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := r.cmd.Start()
	for _, f := range r.cmd.ExtraFiles {
		f.Close()
	}
	started <- err
	if err != nil {
		return
	}
	r.err = r.cmd.Wait()
	if r.err == nil {
		r.err = errors.New("it ended by itself")
	}
	close(r.ended)
}

func (r *run) signal(s syscall.Signal) {
	// The only error is that the process has ended, which `ended` tells as well.
	_ = r.cmd.Process.Signal(s)
}

func (r *run) kill() { r.signal(syscall.SIGKILL) }

func (r *run) death(reason error) death {
	return death{pid: r.pid, reason: reason, last: r.tail.indented()}
}

//go:build linux

package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// member is one process that ingests, with its own proxies.
type member struct {
	name     string
	store    *storeProtocol
	broker   *brokerProtocol
	toStore  *proxy
	toBroker *proxy

	process *os.Process
	told    atomic.Bool   // to end: an end that nobody asked for is a fault of ours
	log     string        // path
	ended   chan struct{} // closed when the process is gone
}

// startMember starts a process. cfg lacks the addresses of the proxies.
func startMember(name, log, storeAddr string, cfg memberConfig, b Breakage) (*member, error) {
	m := &member{
		name: name, log: log, ended: make(chan struct{}),
		store: &storeProtocol{noViewDedup: b == NoViewDedup}, broker: &brokerProtocol{noSeal: b == NoSeal},
	}
	var err error
	if m.toStore, err = newProxy(storeAddr, m.store); err != nil {
		return nil, err
	}
	if m.toBroker, err = newProxy(cfg.Broker, m.broker); err != nil {
		return nil, err
	}
	cfg.Store, cfg.Via = m.toStore.address(), m.toBroker.address()
	started := make(chan error)
	go m.own(cfg, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return m, nil
}

// own starts the process and waits for its end on one thread: the death signal
// is sent when the thread that started it ends.
func (m *member) own(cfg memberConfig, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd, err := m.command(cfg)
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		m.process = cmd.Process
	}
	started <- err
	if err != nil {
		return
	}
	_ = cmd.Wait() // how it ended is in its log
	cmd.Stderr.(*os.File).Close()
	m.toStore.close()
	m.toBroker.close()
	close(m.ended)
}

func (m *member) command(cfg memberConfig) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	out, err := os.Create(m.log)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), memberEnv+"="+string(text), "GOMAXPROCS=2")
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	return cmd, nil
}

// signal sends a signal; a process that is gone already is fine.
func (m *member) signal(s syscall.Signal) { _ = m.process.Signal(s) }

// kill ends the process with SIGKILL and waits for its end.
func (m *member) kill() {
	m.told.Store(true)
	m.signal(syscall.SIGKILL)
	<-m.ended
}

// leave asks the process to stop, and kills it when it does not.
func (m *member) leave(patience time.Duration) (clean bool) {
	m.told.Store(true)
	m.signal(syscall.SIGTERM)
	select {
	case <-m.ended:
		return true
	case <-time.After(patience):
		m.kill()
		return false
	}
}

// gone reports whether the process has ended.
func (m *member) gone() bool {
	select {
	case <-m.ended:
		return true
	default:
		return false
	}
}

// Breakage is a part of the protocol that is taken away.
type Breakage string

// What can be taken away, on the wire.
const (
	Intact Breakage = ""
	// NoSeal takes the seal out of every offset commit: after a take-over,
	// blocks and their tokens begin wherever the new owner happens to cut.
	NoSeal Breakage = "no seal"
	// NoViewDedup inserts with deduplicate_blocks_in_dependent_materialized_views = 0.
	NoViewDedup Breakage = "no de-duplication in materialized views"
)
